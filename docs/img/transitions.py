"""Draws docs/img/transitions.svg: some minutes of what `footfall tail transitions` shows.

`python docs/img/transitions.py` simulates a product, replays its events and takes, of all runs of
`LINES` transitions in a row, the first one with the most different reasons.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from stream.cli.record_lines import RecordLines

LINES = 18
WIDTH = 128
PRODUCT = ["--seed", "1", "--users", "400", "--days", "120"]
SVG = Path(__file__).with_suffix(".svg")
TEMPLATE = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # no web fonts


def transitions() -> list[bytes]:
    """All transitions of the simulated product, as published."""
    footfall = str(Path(sys.executable).with_name("footfall"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([footfall, "simulate", *PRODUCT, "--out", "events.jsonl"], cwd=folder, check=True)
        # The transitions are the same whatever the windows; of an hour they are made soonest.
        env = os.environ | {"FOOTFALL_ENGAGEMENT__WINDOW": "1h"}
        subprocess.run([footfall, "replay", "events.jsonl", "--out", "out"], cwd=folder, check=True, env=env)
        return (Path(folder) / "out" / "transitions.jsonl").read_bytes().splitlines()


def most_varied(values: list[bytes]) -> list[bytes]:
    """The first `LINES` in a row with the most different reasons."""
    reasons = [json.loads(value)["reason"] for value in values]
    first = max(range(len(values) - LINES + 1), key=lambda n: len(set(reasons[n : n + LINES])))
    return values[first : first + LINES]


def draw(values: list[bytes]) -> str:
    """The lines as a picture of a terminal."""
    lines = RecordLines(ZoneInfo("UTC"))
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(Text("$ footfall tail transitions", style="bold"))
    for value in values:
        console.print(Text.from_ansi(lines.line("transitions", value)), no_wrap=True, overflow="ellipsis")
    return console.export_svg(title="footfall tail transitions", code_format=TEMPLATE, unique_id="footfall")


if __name__ == "__main__":
    SVG.write_text(draw(most_varied(transitions())), encoding="utf-8")
