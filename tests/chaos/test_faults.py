"""Faults on Apache Kafka: whatever happens to workers and broker, nothing is lost and nothing doubled.

Under FOOTFALL_REQUIRE_ALL=1, as `.ci/run` sets it, one trial after the other at full size; else small ones,
side by side, since they wait most of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from tests.chaos import small_disk
from tests.chaos.broker import broker_killed, broker_out_of_reach, producer_too_slow
from tests.chaos.cluster import Cluster
from tests.chaos.disk import disk_full
from tests.chaos.history import history_beside_live_events
from tests.chaos.kills import killed_at_random_moments
from tests.chaos.poison import poison_in_between
from tests.chaos.rebalance import dying_joining_leaving, paused_past_its_session
from tests.chaos.report import remarks
from tests.chaos.sabotage import sabotaged
from tests.chaos.trial import FULL, Place

Run = Callable[[Place], Awaitable[None]]

TRIALS: Sequence[Run] = [
    sabotaged,
    killed_at_random_moments,
    dying_joining_leaving,
    paused_past_its_session,
    broker_killed,
    broker_out_of_reach,
    producer_too_slow,
    poison_in_between,
    history_beside_live_events,
    disk_full,
]

# The broker that is out of reach is the one that gets killed, too. A producer is too slow only with more
# records than a small trial has.
SIDE_BY_SIDE: Sequence[Sequence[Run]] = [
    [killed_at_random_moments],
    [dying_joining_leaving],
    [paused_past_its_session],
    [broker_killed],
    [broker_out_of_reach],
    [sabotaged, poison_in_between, history_beside_live_events],
]


@pytest.fixture
def place(kafka: str, cluster: Cluster, topic_name: Callable[[str], str], tmp_path: Path) -> Place:
    return Place(kafka, cluster, topic_name, tmp_path)


if FULL:

    @pytest.mark.kafka
    @pytest.mark.parametrize("run", TRIALS, ids=lambda run: run.__name__)
    async def test_nothing_is_lost_and_nothing_doubled(run: Run, place: Place) -> None:
        if run is disk_full:
            assert small_disk.why_not() is None
        await run(place)

else:

    @pytest.mark.kafka
    async def test_nothing_is_lost_and_nothing_doubled_in_small_trials_side_by_side(place: Place) -> None:
        groups = list(SIDE_BY_SIDE)
        missing = small_disk.why_not()
        if missing is None:
            groups.append([disk_full])
        else:
            remarks.append(f"no trial with a full disk: {missing}")
        async with asyncio.TaskGroup() as running:
            for group in groups:
                running.create_task(one_after_the_other(group, place))


async def one_after_the_other(runs: Sequence[Run], place: Place) -> None:
    for run in runs:
        await run(place)
