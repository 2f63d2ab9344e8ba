"""Tables (CSV and the like): each row becomes a Segment event through a column mapping."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from itertools import chain
from typing import Any
from zlib import crc32

import orjson
from msgspec import Struct

from stream.sources.columns import NESTED_FIELDS, Column
from stream.sources.files import SourceError
from stream.sources.lines import Lines
from stream.sources.times import TimeReader

WHITESPACE = "whitespace"
ROWS_PER_BATCH = 2_000
STEM_CHARACTERS = 100
LONGEST_ROW_LINES = 100
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
NOTHING = r"(?!)"
NUMBER_CHARACTERS = 16  # more digits than a double holds are rather an id, and stay text

csv.field_size_limit(1 << 30)  # the bound on a line is the bound


class TableOptions(Struct, frozen=True, kw_only=True):
    """How a table is read. `delimiter`: one character or `whitespace`; no `header`: columns are 1, 2, 3 …

    Events whose name matches one of the glob patterns `pages` are views of the page of that name.
    """

    columns: tuple[Column, ...]
    pages: tuple[str, ...] = ()
    times: TimeReader
    delimiter: str = ","
    header: bool = True
    encoding: str = "utf-8"


class TableFormat:
    """Rows as events, in the table's order.

    A table of history says when something happened, not when it was recorded: `receivedAt` is the event's
    own time unless mapped. `messageId`, unless mapped, is made of the file's name, the row's number and a
    check sum of the row, so that reading the file again repeats it and rows of one time keep their order.
    Columns that nothing maps become `properties.<column>`; below `properties` and `traits` a text that is
    a JSON number becomes one; an empty cell is an absent field. A time that cannot be read is passed on as
    it stands (a `bad_time` dead letter), a row with too few or too many cells likewise (`not_json`).
    """

    def __init__(self, options: TableOptions) -> None:
        self._options = options

    def records(self, lines: Lines) -> Iterator[list[bytes]]:
        """Raises `SourceError` where the header lacks a mapped column."""
        rows = self._rows(lines)
        names = self._header(next(rows, None) if self._options.header else None, lines.file.label)
        row_event = _RowEvent(self._options, names, lines.file.stem[:STEM_CHARACTERS])
        batch: list[bytes] = []
        for number, (raw, cells) in enumerate(rows, start=1):
            batch.append(row_event.record(number, raw, cells))
            if len(batch) == ROWS_PER_BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _rows(self, lines: Lines) -> Iterator[tuple[bytes, list[str] | None]]:
        """Each row's bytes and its cells; None for cells that cannot be told apart."""
        if self._options.delimiter == WHITESPACE:
            for line in _each(lines):
                if line.strip():
                    text = _decoded(line, self._options.encoding)
                    yield line, None if text is None else text.split()
            return
        yield from self._quoted_rows(_each(lines))

    def _quoted_rows(self, source: Iterator[bytes]) -> Iterator[tuple[bytes, list[str] | None]]:
        taken: list[bytes] = []

        def texts() -> Iterator[str]:
            for line in source:
                taken.append(line)
                text = _decoded(line, self._options.encoding)
                if text is None or len(taken) > LONGEST_ROW_LINES:
                    raise csv.Error
                yield text + "\n"

        while True:
            try:
                cells = next(csv.reader(texts(), delimiter=self._options.delimiter))
            except StopIteration:
                return
            except csv.Error:
                # A quote that nothing closes would take the rest of the file: give up one line only.
                source = chain(taken[1:], source)
                yield taken[0], None
            else:
                raw = b"\n".join(taken)
                if raw.strip():
                    yield raw, cells
            taken = []

    def _header(self, first: tuple[bytes, list[str] | None] | None, label: str) -> list[str] | None:
        if not self._options.header:
            return None
        names = [name.strip() for name in (first[1] if first else None) or []]
        wanted = {column.source for column in self._options.columns if not column.literal}
        missing = sorted(wanted - set(names))
        if missing:
            raise SourceError(
                f"{label}: the header has no column {', '.join(missing)}; it has {', '.join(names) or 'none'}"
            )
        return names


class _RowEvent:
    """Makes the event of a row."""

    def __init__(self, options: TableOptions, names: list[str] | None, stem: str) -> None:
        self._times = options.times
        self._stem = stem
        self._width = len(names) if names is not None else None
        self._is_page = re.compile("|".join(map(translate, options.pages)) or NOTHING).match
        self._literals = [(column.path, column.source) for column in options.columns if column.literal]
        self._cells: list[tuple[tuple[str, ...], int]] = []
        mapped = set()
        for column in options.columns:
            if not column.literal:
                index = names.index(column.source) if names is not None else _position(column)
                self._cells.append((column.path, index))
                mapped.add(index)
        if names is not None:
            self._cells += [
                (("properties", name), index)
                for index, name in enumerate(names)
                if index not in mapped and name and not self._maps(options, name)
            ]
        self._least = max((index for _, index in self._cells), default=0) + 1

    @staticmethod
    def _maps(options: TableOptions, name: str) -> bool:
        return any(column.path == ("properties", name) for column in options.columns)

    def record(self, number: int, raw: bytes, cells: list[str] | None) -> bytes:
        if (
            cells is None
            or len(cells) < self._least
            or (self._width is not None and len(cells) != self._width)
        ):
            return raw
        event: dict[str, Any] = {"messageId": f"{self._stem}:{number:09d}:{crc32(raw):08x}", "type": "track"}
        for path, text in self._literals:
            _set(event, path, text)
        for path, index in self._cells:
            text = cells[index].strip()
            if text:
                _set(event, path, text)
        name = event.get("event")
        if name is not None and self._is_page(name):
            event["type"] = "page"
            event.setdefault("properties", {}).setdefault("path", name)
        timestamp = event.get("timestamp")
        if timestamp is not None:
            event["timestamp"] = self._times.read(timestamp) or timestamp
            received = event.get("receivedAt")
            event["receivedAt"] = (
                event["timestamp"] if received is None else self._times.read(received) or received
            )
        return orjson.dumps(event)


def _set(event: dict[str, Any], path: tuple[str, ...], text: str) -> None:
    target = event
    for name in path[:-1]:
        inner = target.setdefault(name, {})
        target = inner if isinstance(inner, dict) else target
    number = path[0] in NESTED_FIELDS[:2] and len(text) <= NUMBER_CHARACTERS and NUMBER.fullmatch(text)
    target[path[-1]] = orjson.loads(text) if number else text


def _position(column: Column) -> int:
    try:
        position = int(column.source)
    except ValueError:
        position = 0
    if position < 1:
        raise SourceError(
            f"{column.field}={column.source}: without a header a column is given by its number, from 1"
        )
    return position - 1


def _each(lines: Iterable[list[bytes]]) -> Iterator[bytes]:
    for block in lines:
        yield from block


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None
