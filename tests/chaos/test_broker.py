"""The broker killed and restarted, out of reach, and slow to take what workers send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.proxy import Proxy
from tests.chaos.trial import FULL, flow, trial

EVENTS = 150_000 if FULL else 15_000
AWAY_S = 60.0 if FULL else 20.0
OFTEN = 'commit_interval = "100ms"\n'
# The broker was away, workers have to find it and to be restarted: nothing moves meanwhile.
STALLED_S = 180.0


@pytest.mark.kafka
async def test_a_broker_killed_and_restarted_loses_and_doubles_nothing(
    cluster: Cluster, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    async with trial(cluster.address, topic_name("broker"), tmp_path, flow(EVENTS), extra=OFTEN) as here:
        workers = [await here.worker() for _ in range(2 if FULL else 1)]
        await asyncio.gather(*(worker.ready() for worker in workers))
        writing = asyncio.create_task(here.write_all(stalled_s=STALLED_S))
        for share in (0.2, 0.5, 0.7) if FULL else (0.4,):
            await here.at(share, stalled_s=STALLED_S)
            await cluster.kill()
            here.did("broker killed")
            await cluster.start()
        await writing
        report = await here.finish("broker killed (-9) and restarted", stalled_s=STALLED_S)
    assert report.right, report


@pytest.mark.kafka
async def test_a_broker_out_of_reach_loses_and_doubles_nothing(
    cluster: Cluster, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    async with (
        Proxy(cluster.proxy_port, cluster.inner_port) as line,
        trial(
            cluster.address,
            topic_name("unreachable"),
            tmp_path,
            flow(EVENTS),
            extra=OFTEN,
            bootstrap=cluster.proxied,
        ) as here,
    ):
        worker = await here.worker()
        await worker.ready()
        writing = asyncio.create_task(here.write_all(stalled_s=STALLED_S))
        await here.at(0.3, stalled_s=STALLED_S)
        line.silence()
        await asyncio.sleep(AWAY_S / 2)
        await line.refuse()
        await asyncio.sleep(AWAY_S / 2)
        await line.restore()
        here.did(f"broker out of reach for {AWAY_S:.0f} s")
        if FULL:
            for number, share in enumerate((0.5, 0.6, 0.7, 0.8)):
                await here.at(share, stalled_s=STALLED_S)
                if number % 2:
                    line.silence()
                else:
                    await line.refuse()
                await asyncio.sleep(3.0)
                await line.restore()
                here.did("broker out of reach for 3 s")
        await writing
        report = await here.finish("broker out of reach", stalled_s=STALLED_S)
    assert report.right, report
