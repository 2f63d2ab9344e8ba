"""Runs the examples of a document as a reader would: files written, commands typed, output compared.

A fenced block `jsonl`, `toml`, `csv` or `python` is a file (named in the fence, or by its kind), a block
`console` is a session: `$ ` before a command, below it what the command prints on standard output. A heading
begins an example, in an empty folder. `python -m tests.docs.examples FILE...` writes what the commands really
print into the documents.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FILES = {"jsonl": "events.jsonl", "toml": "footfall.toml", "csv": "events.csv", "python": "convert.py"}
LIMIT_S = 60


class Command(NamedTuple):
    """One command of a session. `first` and `last` are the lines of the document with its output."""

    text: str
    output: list[str]
    first: int
    last: int


class Example(NamedTuple):
    """What stands below one heading: files and commands, in order."""

    heading: str
    steps: list[tuple[str, str] | Command]


def read_examples(text: str) -> list[Example]:
    """The examples of a Markdown document that have commands."""
    examples = [Example("", [])]
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        if heading := re.match(r"#+ (.*)", line):
            examples.append(Example(heading[1], []))
        if fence := re.match(r"```(\w+)(?: (\S+))?$", line):
            end = lines.index("```", number + 1)
            kind, name = fence[1], fence[2]
            if kind == "console":
                examples[-1].steps.extend(_commands(lines, number + 1, end))
            elif kind in FILES:
                content = "\n".join(lines[number + 1 : end]) + "\n"
                examples[-1].steps.append((name or FILES[kind], content))
            number = end
        number += 1
    return [example for example in examples if any(isinstance(step, Command) for step in example.steps)]


def _commands(lines: list[str], first: int, end: int) -> Iterator[Command]:
    starts = [n for n in range(first, end) if lines[n].startswith("$ ")]
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        yield Command(lines[start][2:], lines[start + 1 : stop], start + 1, stop)


def run_example(example: Example, folder: Path) -> Iterator[tuple[Command, list[str]]]:
    """Each command with what it printed, run in `folder`. Raises AssertionError where one fails."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    environ["LC_ALL"] = "C"
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    for step in example.steps:
        if not isinstance(step, Command):
            (folder / step[0]).write_text(step[1], encoding="utf-8")
            continue
        done = subprocess.run(
            step.text, shell=True, cwd=folder, env=environ, capture_output=True, text=True, timeout=LIMIT_S
        )
        assert done.returncode == 0, f"{example.heading}: {step.text}\n{done.stderr}"
        yield step, done.stdout.splitlines()


def rewrite(document: Path) -> None:
    """Puts what the commands print into the document."""
    text = document.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = []
    for example in read_examples(text):
        with tempfile.TemporaryDirectory() as folder:
            found += list(run_example(example, Path(folder)))
    for command, printed in reversed(found):
        lines[command.first : command.last] = printed
    document.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for path in sys.argv[1:]:
        rewrite(Path(path))
