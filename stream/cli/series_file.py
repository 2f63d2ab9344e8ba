"""Reads a CSV of a time series as its rows come: the columns `timestamp` and `value`, others ignored."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import isfinite
from typing import NamedTuple

TIMESTAMP, VALUE = "timestamp", "value"
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-"))

_EPOCH = datetime(1970, 1, 1)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_MILLISECONDS_FROM = 100_000_000_000
_LATEST_MS = 253_402_300_799_999
_MS = timedelta(milliseconds=1)


class SeriesError(Exception):
    """A file that is no series: says where, what was got, and what is taken."""


class Point(NamedTuple):
    """A row: its cells as written, the time in ms as its own clock shows it, the value (None: missing)."""

    timestamp: str
    text: str
    t_ms: int
    value: float | None


def read_points(lines: Iterable[str], name: str) -> Iterator[Point]:
    """The rows in order. `name` is the file's, for errors.

    Reads the first line at once. Raises SeriesError; UnicodeDecodeError passes.
    """
    rows = _cells(lines, name)
    columns = _columns(next(rows, None), name)
    return (_point(cells, *columns, f"{name}, line {number}") for number, cells in rows)


def _cells(lines: Iterable[str], name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with the number of the line that each ends at."""
    reader = csv.reader(lines)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise SeriesError(f"{name}, line {reader.line_num}: {error}; takes CSV") from None


def _columns(first: tuple[int, list[str]] | None, name: str) -> tuple[int, int]:
    if first is None:
        raise SeriesError(f"{name} is empty; takes a CSV whose first line is `timestamp,value`")
    header = first[1]
    names = [cell.strip().lower() for cell in header]
    for wanted in (TIMESTAMP, VALUE):
        if names.count(wanted) != 1:
            how = "no" if wanted not in names else "more than one"
            got = ",".join(header)[:80]
            raise SeriesError(
                f"{name} has {how} column `{wanted}` in its first line, which is `{got}`; "
                "takes a CSV with the columns timestamp and value"
            )
    return names.index(TIMESTAMP), names.index(VALUE)


def _point(cells: list[str], timestamp: int, value: int, place: str) -> Point:
    if len(cells) <= max(timestamp, value):
        raise SeriesError(f"{place} has {len(cells)} cells; takes as many as the first line names")
    t_ms = read_ms(cells[timestamp])
    if t_ms is None:
        raise SeriesError(
            f"{place}: timestamp is {cells[timestamp][:80]!r}; takes ISO 8601 such as 2026-03-01T12:00:00Z "
            "(with a space, or without the offset, too), or seconds or milliseconds since 1970"
        )
    return Point(cells[timestamp], cells[value], t_ms, _number(cells[value], place))


def _number(text: str, place: str) -> float | None:
    stripped = text.strip()
    if stripped.lower() in MISSING:
        return None
    try:
        number = float(stripped)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise SeriesError(
            f"{place}: value is {text[:80]!r}; takes a finite number such as 12.5, or nothing where missing"
        )
    return number


def read_ms(text: str) -> int | None:
    """Milliseconds since 1970 of a time as its own clock shows it, whatever its offset; None for no time.

    A number is seconds, or from 100,000,000,000 on milliseconds, since 1970 in UTC.
    """
    text = text.strip()
    try:
        if _NUMBER.fullmatch(text):
            number = float(text)
            t_ms = int(number if abs(number) >= _MILLISECONDS_FROM else number * 1000)
            return t_ms if abs(t_ms) <= _LATEST_MS else None
        return (datetime.fromisoformat(text).replace(tzinfo=None) - _EPOCH) // _MS
    except (ValueError, OverflowError):
        return None
