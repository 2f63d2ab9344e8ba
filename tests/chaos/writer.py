"""Writes events to a topic while workers run, never far ahead of them, and through failures of the broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from stream.core.partitioner import partition_for
from tests.chaos.watch import STALLED_S, Watch
from tests.worker.stage import Event

CHUNK = 500
# Longer than any failure of a test lasts: a batch that expires would be lost, or out of order if sent again.
PATIENCE_MS = 600_000


class Writer:
    """Appends events in their order, each where Kafka's own partitioner puts its key; once, by idempotence.

    An async context manager. `written` counts what the broker has.
    """

    def __init__(self, address: str, topic: str, partitions: int, watch: Watch, *, ahead: int) -> None:
        self._topic = topic
        self._partitions = partitions
        self._watch = watch
        self._ahead = ahead
        self._address = address
        self._producer: AIOKafkaProducer | None = None
        self.written = 0

    async def __aenter__(self) -> Writer:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._address,
            enable_idempotence=True,
            max_batch_size=512 * 1024,
            max_request_size=32 * 1024 * 1024,
            request_timeout_ms=PATIENCE_MS,
        )
        await self._producer.start()
        return self

    async def __aexit__(self, *raised: object) -> None:
        assert self._producer is not None
        await self._producer.stop()

    async def write(self, events: Sequence[Event], *, stalled_s: float = STALLED_S) -> None:
        """Append all, and return once the broker has them.

        At most `ahead` records that the workers have not committed: so events flow as long as the trial
        lasts, however fast the machine is.
        """
        for start in range(0, len(events), CHUNK):
            chunk = events[start : start + CHUNK]
            room = self.written + len(chunk) - self._ahead
            await self._watch.reaches(room, stalled_s=stalled_s)
            await self.append(chunk)

    async def append(self, events: Sequence[Event]) -> None:
        """Append these at once."""
        assert self._producer is not None
        now_ms = int(time.time() * 1000)
        by_partition: dict[int, list[Event]] = {}
        for key, value in events:
            # Kafka's partitioner takes any partition for a record without a key.
            number = 0 if key is None else partition_for(key, self._partitions)
            by_partition.setdefault(number, []).append((key, value))
        sent = []
        for number, records in by_partition.items():
            batch = self._producer.create_batch()
            for key, value in records:
                if batch.append(key=key, value=value, timestamp=now_ms) is None:
                    sent.append(await self._producer.send_batch(batch, self._topic, partition=number))
                    batch = self._producer.create_batch()
                    assert batch.append(key=key, value=value, timestamp=now_ms) is not None
            sent.append(await self._producer.send_batch(batch, self._topic, partition=number))
        await asyncio.gather(*(asyncio.shield(one) for one in sent))
        self.written += len(events)
