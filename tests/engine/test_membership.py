"""A worker that can't stay in its group ends and says why, instead of keeping still for ever."""

from __future__ import annotations

import sys

import msgspec
import pytest

from tests.engine.process import Process
from tests.engine.test_counting import NewStage, Stage, stage

__all__ = ["stage"]
pytestmark = pytest.mark.kafka


def troubled(here: Stage, trouble: str) -> Process:
    what = msgspec.json.encode(here.order).decode()
    return Process(sys.executable, "-m", "tests.engine.troubled_worker", trouble, what)


@pytest.mark.parametrize(("trouble", "reason"), [("refused", "refused"), ("defect", "a defect")])
async def test_a_worker_that_cannot_join_again_ends(
    kafka: str, stage: NewStage, trouble: str, reason: str
) -> None:
    async with stage(kafka) as here, troubled(here, trouble) as worker:
        await worker.says("ready")
        async with here.worker() as other:  # for which the group is rebalanced
            assert await worker.ends() == 1
            assert "can no longer take part in group" in worker.output
            assert reason in worker.output
            # All of them are the other's now, which has not been held up.
            while len((await other.says("assigned")).split()) - 1 < here.order.partitions:
                pass
            await here.write(0, 100)
            await here.read_to_the_end()
            assert await other.terminate() == 0


async def test_a_worker_whose_heartbeats_have_ended_ends(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here, troubled(here, "heartbeat") as worker:
        assert await worker.ends() == 1
        assert "can no longer take part in group" in worker.output
        assert "no heartbeat" in worker.output
