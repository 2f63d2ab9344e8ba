"""When a worker stops because it can't read its input."""

from __future__ import annotations

import pytest

from stream.agents.dead_letters import DeadLetterGuard, TooManyDeadLetters

REASONS = {"not_json": 600, "no_person": 3}


def guard(max_ratio: float = 0.5) -> DeadLetterGuard:
    return DeadLetterGuard("app-events", 3, max_ratio)


def test_exactly_half_of_the_last_thousand_may_be_dead() -> None:
    watched = guard()
    for _ in range(30):
        watched.saw(100, 50, REASONS)


def test_one_more_than_half_stops() -> None:
    watched = guard()
    for _ in range(9):
        watched.saw(100, 50, REASONS)
    with pytest.raises(TooManyDeadLetters):
        watched.saw(100, 51, REASONS)


def test_a_stream_that_begins_with_500_dead_letters_goes_on() -> None:
    watched = guard()
    for _ in range(5):
        watched.saw(100, 100, REASONS)
    watched.saw(100, 0, REASONS)


def test_a_stream_that_begins_with_501_dead_letters_stops() -> None:
    watched = guard()
    for _ in range(5):
        watched.saw(100, 100, REASONS)
    with pytest.raises(TooManyDeadLetters):
        watched.saw(1, 1, REASONS)


def test_old_dead_letters_are_forgotten() -> None:
    watched = guard()
    for _ in range(10):
        watched.saw(100, 50, REASONS)
    for _ in range(10):
        watched.saw(100, 0, REASONS)
    for _ in range(5):
        watched.saw(100, 100, REASONS)


def test_a_ratio_of_1_lets_everything_pass() -> None:
    watched = guard(1.0)
    for _ in range(30):
        watched.saw(100, 100, REASONS)


def test_a_ratio_of_0_stops_at_the_first() -> None:
    watched = guard(0.0)
    watched.saw(100, 0, REASONS)
    with pytest.raises(TooManyDeadLetters):
        watched.saw(100, 1, REASONS)


def test_the_error_says_where_why_and_what_to_do() -> None:
    with pytest.raises(TooManyDeadLetters) as raised:
        guard(0.0).saw(100, 7, REASONS)
    message = str(raised.value)
    assert "7 of the last 100 records of app-events/3 are dead letters (not_json 600, no_person 3)" in message
    assert "input.topic" in message
    assert "footfall check" in message
    assert "dead_letters.max_ratio = 1" in message
