"""What workers tell each other of their partitions, on real brokers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from stream.agents.clocks import FRESH_FOR_MS, Clocks
from stream.core.clock import PartitionClock
from stream.engine.connection import Connection
from tests.broker.log import create_topic

NOON = 1_767_268_800_000


def clock(watermark: int) -> PartitionClock:
    return PartitionClock(watermark=watermark, newest=watermark + 1, newest_arrived=NOON, quiet_since=NOON)


@pytest.mark.kafka
async def test_each_learns_of_the_partitions_of_the_others(
    kafka: str, topic_name: Callable[[str], str]
) -> None:
    topic = topic_name("clocks")
    await create_topic(kafka, topic, partitions=1, cleanup_policy="compact")
    one, other = Clocks(Connection(kafka), topic, 4), Clocks(Connection(kafka), topic, 4)
    mine, theirs = {0: clock(5), 2: clock(7)}, {1: clock(6)}
    try:
        async with asyncio.timeout(20):
            while (await one.exchange(mine, NOON))[1] is None:
                await other.exchange(theirs, NOON)
        assert await one.exchange(mine, NOON) == {1: clock(6), 3: None}
        assert await other.exchange(theirs, NOON) == {0: clock(5), 2: clock(7), 3: None}
        # The later word counts, and only for a while.
        await one.exchange({0: clock(8)}, NOON + FRESH_FOR_MS)
        known = await other.exchange(theirs, NOON + FRESH_FOR_MS + 1)
        assert known == {0: clock(8), 2: None, 3: None}
    finally:
        await one.close()
        await other.close()


async def test_who_owns_all_asks_nobody() -> None:
    clocks = Clocks(Connection("nowhere:1"), "clocks", 2)
    assert await clocks.exchange({0: clock(1), 1: clock(2)}, NOON) == {}


async def test_without_a_broker_the_others_are_unknown() -> None:
    clocks = Clocks(Connection("127.0.0.1:1"), "clocks", 2)
    assert await clocks.exchange({0: clock(1)}, NOON) == {1: None}
