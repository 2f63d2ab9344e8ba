"""SIGTERM where the broker does not answer a worker that leaves its group."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from stream.engine.run import LEAVE_WITHIN_S, STOP_WITHIN_S
from tests.chaos.cluster import Cluster
from tests.chaos.proxy import Proxy
from tests.worker.stage import Stage, simulated

LEAVE_GROUP = 13
"""Kafka's number of the request."""


class Deaf(Proxy):
    """A line on which requests to leave a group are lost; `lost` is set with the first."""

    def __init__(self, port: int, target_port: int) -> None:
        super().__init__(port, target_port)
        self.lost = asyncio.Event()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, narrow: bool) -> None:
        if not narrow:
            await super()._carry(source, sink, narrow=False)
            return
        while True:
            try:
                head = await source.readexactly(4)
                request = await source.readexactly(struct.unpack(">i", head)[0])
            except (asyncio.IncompleteReadError, OSError):
                return
            if struct.unpack(">h", request[:2])[0] == LEAVE_GROUP:
                self.lost.set()
                continue
            sink.write(head + request)


@pytest.mark.kafka
async def test_it_ends_with_0_soon_although_nobody_lets_it_go(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    with Cluster(tmp_path / "kafka") as cluster:
        async with Deaf(cluster.proxy_port, cluster.inner_port) as line:
            here = Stage(cluster.proxied, "leaving", tmp_path)
            await here.create_topics()
            async with here.worker() as worker:
                await worker.says("Ready: 4 partitions")
                await here.write(simulated(users=100, days=4))
                began_at = loop.time()
                assert await worker.terminate() == 0
                assert line.lost.is_set()
                assert LEAVE_WITHIN_S < loop.time() - began_at < STOP_WITHIN_S
                assert "the broker did not hear that this worker leaves its group" in worker.output
            async with here.worker() as worker:
                await here.works_it_off()
                assert await worker.terminate() == 0
