"""kill -9 at random moments, while events flow."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.trial import FULL, flow, trial

EVENTS, KILLS = (300_000, 20) if FULL else (20_000, 3)
JITTER_S = 0.5


@pytest.mark.kafka
async def test_kill_9_at_random_moments_loses_and_doubles_nothing(
    cluster: Cluster, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    rng = Random(20)
    async with trial(
        cluster.address, topic_name("kills"), tmp_path, flow(EVENTS), extra='commit_interval = "100ms"\n'
    ) as here:
        worker = await here.worker()
        writing = asyncio.create_task(here.write_all())
        for kill, share in enumerate(sorted(rng.uniform(0.0, 0.97) for _ in range(KILLS))):
            await worker.started(kill + 1)
            if kill % 7 == 6:
                # While it takes its partitions over, just after it was killed.
                await worker.says("Reading")
            else:
                await here.at(share)
            # The watch sees commits: without this, every kill would come just after one.
            await asyncio.sleep(rng.uniform(0.0, JITTER_S))
            worker.kill()
            here.did("kill -9")
        await writing
        report = await here.finish("kill -9 at random moments")
        assert [one.code for one in worker.exits] == [-signal.SIGKILL] * KILLS, worker.story()
    assert report.right, report
