"""SIGTERM while a worker still restores."""

from __future__ import annotations

import pytest

from tests.engine.test_counting import NewStage, expected_totals, stage
from tests.engine.test_local_store import restored

__all__ = ["stage"]
pytestmark = pytest.mark.kafka


async def test_while_it_restores_it_ends_with_0(kafka: str, stage: NewStage) -> None:
    async with stage(kafka, echo=False, store="memory") as here:
        await here.write(0, 10_000)
        async with here.worker() as worker:
            await here.read_to_the_end()
            assert await worker.terminate() == 0
        # Each partition has some 24 keys, so this takes five seconds at least.
        async with here.worker(restore_s=0.05) as worker:
            await worker.says("restoring")
            assert await worker.terminate() == 0
        assert len(restored(worker)) < 4
        await here.write(10_000, 1_000)
        async with here.worker() as worker:
            await here.read_to_the_end()
            assert await worker.terminate() == 0
        assert len(restored(worker)) == 4
        assert await here.totals() == expected_totals(11_000)
