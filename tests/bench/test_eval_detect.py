"""Anomalies on simulated products whose truth is known: a small version of `make eval-detect`.

That a promotion opens nothing is pinned in test_watching: here, a chance incident may fall into one.
"""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from bench.eval_detect.summary import EXPLAINED, FOUND_SOON, INCIDENTS_A_WEEK, Summary, summarized
from bench.eval_detect.trial import Trial, run

STEP_MS = 15 * 60_000
PLANTED = Trial(seed=0, days=43, decline_day=30, step_ms=STEP_MS, people=6_000, least=100)
SEEDS = (501, 502, 503) if os.environ.get("FOOTFALL_REQUIRE_ALL") else (501,)
"""One product on the way, three where all has to run."""


@pytest.fixture(scope="module")
def summary() -> Summary:
    planted = [run(replace(PLANTED, seed=seed)) for seed in SEEDS]
    calm = [run(replace(PLANTED, seed=seed, turns=())) for seed in SEEDS]
    return summarized(calm, planted, step_ms=STEP_MS)


def test_with_nothing_planted_there_is_at_most_one_incident_a_week(summary: Summary) -> None:
    assert summary.calm_a_week <= INCIDENTS_A_WEEK, summary.calm_incidents


def test_outages_and_viral_spikes_are_found_within_three_windows(summary: Summary) -> None:
    assert summary.soon.of >= 3 * len(SEEDS)
    assert summary.soon.share >= FOUND_SOON, summary.soon.others


def test_the_planted_cause_ranks_first(summary: Summary) -> None:
    assert summary.explained.share >= EXPLAINED, summary.explained.others


def test_one_cause_makes_one_incident(summary: Summary) -> None:
    # of so few one is more than a twentieth: the share is for twenty seeds
    assert summary.once.count >= summary.once.of - 1, summary.once.others


def test_a_decline_of_two_percent_a_day_is_found_within_ten_days(summary: Summary) -> None:
    assert summary.declines.of == len(SEEDS)
    assert summary.declines.share == 1, summary.declines.others
