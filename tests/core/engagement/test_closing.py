"""In which order windows and days close."""

from __future__ import annotations

from typing import Any

import pytest

from stream.core.definition import MINUTE, Definition, Engagement
from stream.core.engagement.figures import Figures
from stream.core.engagement.merger import Merger
from stream.core.engagement.partials import ClockPart, DayPart, encode
from stream.core.times import format_ms
from tests.core.engagement.mergers import MIDNIGHT, NOON, NoReports, NoWatch, published, sums, window

HOUR = 60
DAY = 20_454  # 2026-01-01


def order(*parts: Any, definition: Definition | None = None, sources: int = 1) -> list[str]:
    """Days, and the times of windows' ends, as they close."""
    shown: list[int | str] = []
    definition = definition or Definition(engagement=Engagement(window_ms=MINUTE))
    merger = Merger(definition, sources=sources, watch=NoWatch(shown), reports=NoReports())
    for part in parts:
        merger.process([encode(part)])
        published(merger)
    return [
        one if isinstance(one, str) else format_ms(one + definition.engagement.window_ms)[11:16]
        for one in shown
    ]


def first(source: int = 0, minute: int = 12 * HOUR - 3) -> list[Any]:
    """Something in a window before midnight, and the day it belongs to."""
    return [window(minute, {"total": sums()}, source=source), DayPart(source, DAY, Figures())]


def at(minutes_past_midnight: float, *, source: int = 0, day: int = DAY) -> ClockPart:
    return ClockPart(source, MIDNIGHT + round(minutes_past_midnight * MINUTE), day)


def test_a_day_closes_before_the_first_window_that_ends_where_no_watermark_can_lag_behind_midnight() -> None:
    """Watermarks lag 10 minutes behind the newest event and windows half a minute: 9.5 minutes apart."""
    assert order(*first(), at(12)) == [
        "23:58",
        "23:59",
        *(f"00:{minute:02}" for minute in range(10)),
        "2026-01-01",
        "00:10",
        "00:11",
        "00:12",
    ]


def test_the_order_is_the_same_step_by_step() -> None:
    steps = [at(minute / 2, day=DAY - (minute < 19)) for minute in range(24)]
    assert order(*first(), *steps, at(12)) == order(*first(), at(12))


def test_at_the_end_of_a_replay_a_day_closes_after_the_windows_that_end_by_then() -> None:
    assert order(*first(), at(3)) == [
        *("23:58", "23:59", "00:00", "00:01", "00:02", "00:03"),
        "2026-01-01",
    ]


def test_windows_wait_for_a_source_that_is_busy_with_midnight() -> None:
    waiting = order(*first(), at(12, day=DAY - 1))
    assert waiting == ["23:58", "23:59", *(f"00:{minute:02}" for minute in range(10))]


def test_a_day_waits_for_every_source() -> None:
    assert order(*first(), at(3), ClockPart(1, NOON, None), sources=2) == []


def test_windows_that_lag_further_behind_than_watermarks_close_after_the_day() -> None:
    slow = Definition(allowed_lateness_ms=0, engagement=Engagement(lateness_ms=5 * MINUTE))
    assert order(*first(), at(2), definition=slow) == [
        *("23:58", "23:59"),
        "2026-01-01",
        *("00:00", "00:01", "00:02"),
    ]


def test_the_first_day_is_the_first_that_anything_was_told_of() -> None:
    later = DayPart(0, DAY + 1, Figures())
    assert [one for one in order(*first(), later, at(26 * HOUR, day=DAY + 1)) if "-" in one] == [
        "2026-01-01",
        "2026-01-02",
    ]


@pytest.mark.parametrize("silent", [1, 5])
def test_days_of_which_nothing_is_told_close_as_well(silent: int) -> None:
    days = [one for one in order(*first(), at(24 * HOUR * silent + 10, day=DAY + silent)) if "-" in one]
    assert len(days) == silent + 1
