"""Writes events to a topic while workers run, never far ahead of them, and through failures of the broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from stream.core.partitioner import partition_for
from tests.chaos.watch import Watch
from tests.worker.stage import Event

CHUNK = 500
# Longer than any failure of a test lasts: a batch that expires would be lost, or out of order if sent again.
PATIENCE_MS = 600_000


class Writer:
    """Appends events in their order, each where Kafka's own partitioner puts its key; once, by idempotence.

    At most `ahead` records that are not committed by the workers: so events flow as long as the test
    lasts, however fast the machine is.
    """

    def __init__(self, address: str, topic: str, partitions: int, watch: Watch, *, ahead: int) -> None:
        self._address = address
        self._topic = topic
        self._partitions = partitions
        self._watch = watch
        self._ahead = ahead
        self.written = 0

    async def write(self, events: Sequence[Event], *, stalled_s: float) -> None:
        """Return once the broker has all of them."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._address,
            enable_idempotence=True,
            max_batch_size=512 * 1024,
            request_timeout_ms=PATIENCE_MS,
        )
        await producer.start()
        try:
            for start in range(0, len(events), CHUNK):
                chunk = events[start : start + CHUNK]
                room = self.written + len(chunk) - self._ahead
                await self._watch.reaches(room, stalled_s=stalled_s)
                await self._send(producer, chunk)
                self.written += len(chunk)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, chunk: Sequence[Event]) -> None:
        now_ms = int(time.time() * 1000)
        by_partition: dict[int, list[Event]] = {}
        for key, value in chunk:
            assert key is not None
            by_partition.setdefault(partition_for(key, self._partitions), []).append((key, value))
        sent = []
        for number, records in by_partition.items():
            batch = producer.create_batch()
            for key, value in records:
                if batch.append(key=key, value=value, timestamp=now_ms) is None:
                    sent.append(await producer.send_batch(batch, self._topic, partition=number))
                    batch = producer.create_batch()
                    assert batch.append(key=key, value=value, timestamp=now_ms) is not None
            sent.append(await producer.send_batch(batch, self._topic, partition=number))
        await asyncio.gather(*sent)
