"""The daily reports of a log, by as many partitions as wanted."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from stream.core.calendar import Calendar
from stream.core.definition import DAY, Definition
from stream.core.engagement.partials import DayPart, decode
from stream.core.engagement.report import Reports
from stream.core.records import Daily
from tests.core import adapter
from tests.core.strategies import Case
from tests.core.ways import Way
from tests.reference import LogRecord
from tests.reference.records import Event
from tests.reference.replay import _read_all


def reports(
    case: Case, partitions: int = 1, *, restarts: Random | None = None, way: Way | None = None
) -> list[Daily]:
    """Of all days that are over at the end of the case's log."""
    _, values = adapter.partials(
        case.definition, case.log, end_of(case), partitions, restarts=restarts, way=way
    )
    return merged(case.definition, values, end_of(case))


def of_log(definition: Definition, log: list[LogRecord], until_ms: int) -> list[Daily]:
    """The same of a log and the time at which it ends."""
    return reports(Case(definition, log, until_ms))


def end_of(case: Case) -> int:
    """When the case's log ends: far enough for all its days to be over."""
    assert case.until_ms is not None
    return case.until_ms


def closed(case: Case) -> Case:
    """With an end, a day after the last event, where it has none."""
    if case.until_ms is not None:
        return case
    times = [event.time for event in _read_all(case.definition, case.log) if isinstance(event, Event)]
    return replace(case, until_ms=max(times, default=0) + DAY)


def merged(definition: Definition, values: list[bytes], until_ms: int) -> list[Daily]:
    """What partitions have sent, made into reports."""
    merger = Reports(definition)
    for part in map(decode, values):
        if isinstance(part, DayPart):
            merger.part(part)
    return [merger.close(day) for day in days(definition, values, until_ms)]


def days(definition: Definition, values: list[bytes], until_ms: int) -> list[int]:
    """The days to report: from the first on which anything happened, all that occur."""
    calendar = Calendar(definition.timezone)
    told = [part.day for part in map(decode, values) if isinstance(part, DayPart)]
    return [
        day
        for day in range(min(told, default=0), calendar.reached(until_ms) if told else 0)
        if calendar.midnight(day)[1] == day
    ]


def rounded(figure: Any) -> Any:
    """Ratios are the same but for the last bits."""
    if isinstance(figure, dict):
        return {name: rounded(each) for name, each in figure.items()}
    return round(figure, 9) if isinstance(figure, float) else figure
