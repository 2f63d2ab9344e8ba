"""What the product's engagement costs beside the persons: windows, incidents and days, in processor time.

    python bench/engagement.py [--events 300000] [--users 20000] [--repeat 2]

Drives a replay of simulated events (seed 1), in turns: persons only (a partition with its windows and days,
merged by nobody), and all of it with windows of a minute and of an hour. A row is one series in one window.
Writes bench/results/engagement.json; compare within one run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import orjson

from stream.core.definition import HOUR, MINUTE, Definition, Engagement
from stream.replay import Input, Published, drive
from stream.sources.segment import SegmentFormat

RESULTS = Path(__file__).parent / "results" / "engagement.json"
FOOTFALL = Path(sys.executable).with_name("footfall")
RUNS = {
    "persons only": (MINUTE, True),
    "windows of a minute": (MINUTE, False),
    "windows of an hour": (HOUR, False),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=2)
    given = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        options = [
            "--seed",
            "1",
            "--users",
            str(given.users),
            "--events",
            str(given.events),
            "--days",
            "3650",
        ]
        subprocess.run([FOOTFALL, "simulate", *options, "--out", path], check=True)
        for _ in range(given.repeat):
            for name, (window_ms, persons_only) in RUNS.items():
                found = run(str(path), window_ms, persons_only=persons_only)
                if name not in results or found["cpu_s"] < results[name]["cpu_s"]:
                    results[name] = found
    for name, found in results.items():
        found["us_per_event"] = round(found["cpu_s"] / given.events * 1e6, 1)
        extra = found["cpu_s"] - results["persons only"]["cpu_s"]
        if found["rows"]:
            found["us_per_row"] = round(extra / found["rows"] * 1e6, 1)
        print(f"{name:20} {found}")
    RESULTS.write_bytes(orjson.dumps({"events": given.events, **results}, option=orjson.OPT_INDENT_2) + b"\n")


def run(path: str, window_ms: int, *, persons_only: bool) -> dict[str, float]:
    """Processor seconds of one replay, and the engagement records that it made."""
    rows = 0

    def count(published: Published) -> None:
        nonlocal rows
        rows += len(published.get("engagement", ()))

    definition = msgspec.structs.replace(Definition(), engagement=Engagement(window_ms=window_ms))
    source = Input(files=(path,), format=SegmentFormat(), topic="app-events")
    began = time.process_time()
    drive(source, definition, publish=count, persons_only=persons_only)
    return {"cpu_s": round(time.process_time() - began, 2), "rows": rows}


if __name__ == "__main__":
    main()
