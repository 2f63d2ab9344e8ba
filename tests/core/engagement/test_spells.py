"""What comes again at its hour, and what only looks like it."""

from __future__ import annotations

import pytest

from stream.core.definition import DAY, HOUR, MINUTE
from stream.core.engagement.spells import MOST, Spells

STEP = MINUTE
NOON = 100 * DAY + 12 * HOUR
WEEK = 7 * DAY


def lifted(*days: int) -> Spells:
    """A lift from 10 to 100 in the hour from noon, so many days ago."""
    spells = Spells()
    for ago in sorted(days, reverse=True):
        for minute in range(60):
            spells.learn(NOON - ago * DAY + minute * MINUTE, 100.0, 10.0, step_ms=STEP)
    return spells


def is_rhythm(spells: Spells, local_ms: int = NOON, value: float = 100.0, *, expected: float = 10.0) -> bool:
    return spells.has_come_before(local_ms, value, expected, step_ms=STEP)


@pytest.mark.parametrize("days", [(7,), (14,), (1, 2), (1, 3), (2, 3)])
def test_a_week_ago_or_two_or_on_two_of_three_days(days: tuple[int, ...]) -> None:
    assert is_rhythm(lifted(*days))


@pytest.mark.parametrize("days", [(), (1,), (3,), (8,), (21,)])
def test_once_on_another_day_is_no_rhythm(days: tuple[int, ...]) -> None:
    assert not is_rhythm(lifted(*days))


@pytest.mark.parametrize(("minutes", "expected"), [(-20, True), (-21, False), (79, True), (80, False)])
def test_it_may_come_twenty_minutes_earlier_or_go_later(minutes: int, expected: bool) -> None:
    assert is_rhythm(lifted(7), NOON + minutes * MINUTE) is expected


@pytest.mark.parametrize(("value", "expected"), [(316.0, True), (317.0, False), (20.0, True)])
def test_it_may_be_half_as_far_out_again(value: float, expected: bool) -> None:
    assert is_rhythm(lifted(7), value=value) is expected


@pytest.mark.parametrize(("value", "expected"), [(7.0, True), (6.0, False)])
@pytest.mark.parametrize("minutes", [-60, 30, 119])
def test_near_a_spell_what_was_usual_then_is_no_drop(minutes: int, value: float, expected: bool) -> None:
    assert is_rhythm(lifted(7), NOON + minutes * MINUTE, value, expected=50.0) is expected


def test_further_from_a_spell_a_drop_is_a_drop() -> None:
    assert not is_rhythm(lifted(7), NOON - 61 * MINUTE, 7.0, expected=50.0)


def test_after_a_small_drop_a_large_one_is_no_rhythm() -> None:
    spells = Spells()
    spells.learn(NOON - WEEK, 80.0, 100.0, step_ms=STEP)
    assert is_rhythm(spells, value=75.0, expected=100.0)
    assert not is_rhythm(spells, value=50.0, expected=100.0)


def test_what_is_remembered_is_bounded() -> None:
    spells = Spells()
    for hour in range(24 * 60):
        spells.learn(hour * HOUR, 100.0, 10.0, step_ms=STEP)
    assert len(spells.spells) <= MOST + 1
    assert spells.spells[-1].last == (24 * 60 - 1) * HOUR
