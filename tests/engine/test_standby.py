"""Standbys on Apache Kafka: who takes over from a dead worker has most of its state already."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.broker.log import read, write
from tests.engine.process import Process
from tests.engine.test_counting import NewStage, events, stage
from tests.engine.test_local_store import restored

__all__ = ["stage"]
pytestmark = pytest.mark.kafka

KEYS = 200_000
AGAIN = 20_000


async def owns(worker: Process, *numbers: int) -> None:
    """Wait until it owns so many partitions."""
    while len((await worker.says("assigned")).split()) - 1 not in numbers:
        pass


async def has_read(worker: Process, records: int) -> None:
    """Wait until its standbys have read so many changelog records."""
    while int((await worker.says("standby has")).split()[2]) < records:
        pass


@pytest.mark.parametrize("store", ["rocksdb", "memory"])
async def test_a_standby_takes_over_with_little_to_read(kafka: str, stage: NewStage, store: str) -> None:
    async with stage(kafka, store=store, standby=1, echo=False) as here, AsyncExitStack() as workers:
        first = await workers.enter_async_context(here.worker())
        await owns(first, 4)
        second = await workers.enter_async_context(here.worker())
        await owns(second, 2)
        assert len(restored(second)) == 2
        await write(kafka, here.order.topic, events(0, KEYS, KEYS))
        await here.read_to_the_end()
        changelog = await read(kafka, f"{here.order.group}-counts-changelog")
        before = restored(second)
        await has_read(second, len([record for record in changelog if record.partition not in before]))
        await first.kill()
        await owns(second, 4)
        after = restored(second)
        taken_over = {number: after[number] for number in after.keys() - before.keys()}
        assert len(taken_over) == 2
        assert sum(taken_over.values()) < KEYS / 20
        await write(kafka, here.order.topic, events(0, AGAIN, KEYS))
        await here.read_to_the_end()
        assert await second.terminate() == 0
        assert await here.totals() == {
            b"key-%d" % n: b"2 %d" % (2 * n) if n < AGAIN else b"1 %d" % n for n in range(KEYS)
        }
