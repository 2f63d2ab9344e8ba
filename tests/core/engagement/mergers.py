"""What the tests of the merger share: parts as literal values, a watch and reports that do nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stream.core import records
from stream.core.definition import MINUTE, Definition, Engagement, KeyEvent
from stream.core.engagement.control import Control
from stream.core.engagement.merger import Merger
from stream.core.engagement.partials import ClockPart, DayPart, Sums, WindowPart, encode
from stream.core.engagement.rows import Row
from stream.core.engagement.window_records import Bands
from stream.core.times import format_day

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z
MIDNIGHT = NOON + 12 * 60 * MINUTE
DEFINITION = Definition(key_events=(KeyEvent("Order", 5), KeyEvent("Share", 0.5)))


class Nothing(NamedTuple):
    """A verdict."""

    bands: Bands
    incidents: Sequence[records.Incident]


class NoWatch:
    """Remembers the order of what it was shown, and finds nothing in it."""

    def __init__(self, shown: list[int | str] | None = None) -> None:
        self.shown: list[int | str] = [] if shown is None else shown

    def window(self, start_ms: int, rows: Mapping[str, Row]) -> Nothing:
        self.shown.append(start_ms)
        return Nothing({}, ())

    def peek(self, start_ms: int, rows: Mapping[str, Row]) -> list[records.Incident]:
        return []

    def day(self, daily: records.Daily) -> list[records.Incident]:
        self.shown.append(daily.day)
        return []

    def control(self, control: Control) -> list[records.Incident]:
        return []

    def open(self) -> list[records.Incident]:
        return []

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        return iter(())

    def restore(self, key: str, value: bytes) -> None:
        raise AssertionError(key)

    def restored(self) -> None:
        pass


class NoReports:
    """Reports of days on which nothing happened."""

    def part(self, part: DayPart) -> None:
        pass

    def close(self, day: int) -> records.Daily:
        none = records.Traffic(
            pageviews=0, people=0, visits=0, bounce_rate=0, pages_per_visit=0, seconds_per_visit=0
        )
        return records.Daily(
            definition="",
            day=format_day(day),
            traffic=none,
            channels={},
            active=records.Reached(0, 0, 0),
            visitors=records.Reached(0, 0, 0),
            people_by_state={},
            people_by_tier={},
            active_before=0,
            sources={},
            losses={},
            registrations=0,
            churned=0,
            pseudo_active=0,
            base=0,
            new_user_ratio=0,
            activity=0,
            retention=0,
            churn_rate=0,
            phase="stable",
            goals=[],
        )

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        return iter(())

    def restore(self, key: str, value: bytes) -> None:
        raise AssertionError(key)


def settings(**fields: Any) -> Definition:
    """The tests' definition with other settings of engagement."""
    return Definition(key_events=DEFINITION.key_events, engagement=Engagement(**fields))


def window(
    minute: int, rows: Mapping[str, Sums], *, source: int = 0, final: bool = True, of: int = 1
) -> WindowPart:
    """Rows of the window that begins at some minutes past noon; windows are `of` so many minutes."""
    return WindowPart(source, NOON + minute * of * MINUTE, final, dict(rows))


def clock(minute: float, *, source: int = 0, day: int | None = None) -> ClockPart:
    """The source has passed this minute past noon."""
    return ClockPart(source, NOON + round(minute * MINUTE), day)


def sums(events: int = 1, **fields: Any) -> Sums:
    """Of as many persons as events, unless told otherwise."""
    return Sums(**{"events": events, "people": events, **fields})


def feed(merger: Merger, *parts: Any) -> list[dict[str, Any]]:
    """The engagement records that the parts make the merger publish."""
    merger.process([encode(part) for part in parts])
    return published(merger)


def published(merger: Merger, topic: str = "engagement") -> list[dict[str, Any]]:
    """What it publishes when all work is done."""
    while merger.work():
        pass
    return [json.loads(output.value) for output in merger.take_outputs() if output.topic == topic]


def minutes(found: Iterable[dict[str, Any]], series: str = "total") -> list[int]:
    """Minutes past noon of a series' windows."""
    return [
        (int(one["window_id"].rpartition("@")[2]) - NOON) // MINUTE
        for one in found
        if one["series"] == series
    ]


def restarted(merger: Merger, make: Any) -> Merger:
    """Another one from what the first has kept by now."""
    fresh: Merger = make()
    kept = list(merger.keys())
    for key in kept:
        fresh.restore(key, merger.value(key))
    fresh.restored()
    return fresh
