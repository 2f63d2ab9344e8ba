"""On which line of a TOML file a key stands, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence

from stream.settings.kinds import Step

_KEY = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"[ \t]*(?P<open>\[\[?)[ \t]*(?P<key>{_DOTTED})[ \t]*\]\]?[^\n]*")
_PAIR = re.compile(rf"[ \t]*(?P<key>{_DOTTED})[ \t]*=")
_PIECE = re.compile(
    r'"{3}(?s:(?:[^\\]|\\.)*?)"{3,5}'
    r"|'{3}(?s:.*?)'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}\n]"
    r"|[^\[\]{}\n\"'#]+"
    r"|."
)


class Lines:
    """The lines of a valid TOML document's keys, by the way to them. Inside a value, the value's own line."""

    def __init__(self, document: str) -> None:
        self._lines: dict[tuple[Step, ...], int] = {}
        self._lengths: dict[tuple[Step, ...], int] = {}
        self._read(document)

    def of(self, steps: Sequence[Step]) -> int | None:
        """The line (from 1) of the nearest thing to these steps that has one."""
        for length in range(len(steps), 0, -1):
            if line := self._lines.get(tuple(steps[:length])):
                return line
        return None

    def _read(self, document: str) -> None:
        position, line = 0, 1
        table: tuple[Step, ...] = ()
        while position < len(document):
            if header := _HEADER.match(document, position):
                table = self._open(_steps(header["key"]), many=header["open"] == "[[")
                self._lines.setdefault(table, line)
                end = header.end()
            elif pair := _PAIR.match(document, position):
                steps = self._inside(table, _steps(pair["key"]))
                for length in range(len(table) + 1, len(steps) + 1):
                    self._lines.setdefault(steps[:length], line)
                end = _end_of_value(document, pair.end())
            else:
                newline = document.find("\n", position)
                end = len(document) if newline < 0 else newline + 1
            line += document.count("\n", position, end)
            position = end if end > position else position + 1

    def _open(self, steps: tuple[str, ...], *, many: bool) -> tuple[Step, ...]:
        """The table that a header opens: `[[key_event]]` a next one, `[key_event.where]` one of the last."""
        if not many:
            return self._inside((), steps)
        path = (*self._inside((), steps[:-1]), steps[-1])
        index = self._lengths.get(path, 0)
        self._lengths[path] = index + 1
        return (*path, index)

    def _inside(self, table: tuple[Step, ...], steps: tuple[str, ...]) -> tuple[Step, ...]:
        path = table
        for step in steps:
            path = (*path, step)
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        return path


def _steps(dotted: str) -> tuple[str, ...]:
    parts = re.findall(_KEY, dotted)
    return tuple(str(tomllib.loads(f"key = {part}")["key"]) if part[0] in "\"'" else part for part in parts)


def _end_of_value(document: str, position: int) -> int:
    depth = 0
    while position < len(document) and (piece := _PIECE.match(document, position)):
        position = piece.end()
        match piece[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth <= 0:
                break
    return position
