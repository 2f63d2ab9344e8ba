"""The rhythm: waiting times end where the week's intensity says."""

from __future__ import annotations

from random import Random

import pytest

from stream.simulate.campaigns import COME_BACK, NEWSLETTER, next_newsletter, next_send
from stream.simulate.schedule import DAY_MS, HOUR_MS, WEEK_MS, Schedule
from stream.simulate.streams import exponential

MONDAY_MS = 1_767_571_200_000  # 2026-01-05


def test_a_week_of_exposure_is_a_week() -> None:
    assert Schedule().after(MONDAY_MS + HOUR_MS, 7.0) == pytest.approx(MONDAY_MS + HOUR_MS + WEEK_MS, abs=5)


def test_no_exposure_is_no_time() -> None:
    assert Schedule().after(MONDAY_MS, 0.0) == MONDAY_MS


def test_busy_hours_pass_faster() -> None:
    schedule = Schedule(hours=[1.0] * 12 + [3.0] * 12, weekdays=[1.0] * 7)
    assert schedule.after(MONDAY_MS, 0.25) == pytest.approx(MONDAY_MS + DAY_MS / 2, abs=5)
    assert schedule.after(MONDAY_MS + DAY_MS // 2, 0.75) == pytest.approx(MONDAY_MS + DAY_MS, abs=5)


def test_arrivals_follow_the_hours() -> None:
    schedule = Schedule(hours=[1.0] * 18 + [2.0] * 6, weekdays=[1.0] * 7)
    rng, t_ms, evening, total = Random(1), MONDAY_MS, 0, 5_000
    for _ in range(total):
        t_ms = schedule.after(t_ms, exponential(rng) / 100)
        evening += t_ms % DAY_MS >= 18 * HOUR_MS
    assert evening / total == pytest.approx(12 / 30, abs=0.03)
    assert t_ms - MONDAY_MS == pytest.approx(total / 100 * DAY_MS, rel=0.1)


def test_the_next_send_is_at_or_after_the_time() -> None:
    tuesday_ms = MONDAY_MS + DAY_MS + 10 * HOUR_MS
    assert next_send(tuesday_ms) == (tuesday_ms, NEWSLETTER)
    assert next_send(tuesday_ms + 1) == (MONDAY_MS + 3 * DAY_MS + 18 * HOUR_MS, COME_BACK)
    assert next_send(MONDAY_MS + 6 * DAY_MS) == (MONDAY_MS + WEEK_MS + 18 * HOUR_MS, COME_BACK)


def test_the_next_newsletter_is_after_the_time() -> None:
    tuesday_ms = MONDAY_MS + DAY_MS + 10 * HOUR_MS
    assert next_newsletter(tuesday_ms - 1) == tuesday_ms
    assert next_newsletter(tuesday_ms) == tuesday_ms + WEEK_MS
