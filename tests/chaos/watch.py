"""How far a group of workers has come: the offsets it has committed, asked for again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

POLL_S = 0.05
STALLED_S = 120.0


class Watch:
    """Records of `topic` that `group` has committed, as an async context manager.

    A broker that does not answer is asked again: `total` stays as it was meanwhile.
    """

    def __init__(
        self, address: str, group: str, topic: str, partitions: int, *, tell: Callable[[], str] = lambda: ""
    ) -> None:
        self._address = address
        self._group = group
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]
        self._tell = tell
        self._polling: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self.committed = dict.fromkeys(range(partitions), 0)
        self.moved_at = time.monotonic()

    @property
    def total(self) -> int:
        return sum(self.committed.values())

    async def __aenter__(self) -> Watch:
        self._polling = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *raised: object) -> None:
        assert self._polling is not None
        self._polling.cancel()
        await asyncio.wait([self._polling])

    async def _poll(self) -> None:
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._address,
                group_id=self._group,
                enable_auto_commit=False,
                request_timeout_ms=5_000,
            )
            try:
                await consumer.start()
                consumer.assign(self._partitions)
                while True:
                    await self._look(consumer)
                    await asyncio.sleep(POLL_S)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(POLL_S)
            finally:
                await _quietly_stop(consumer)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        for partition in self._partitions:
            # Not `consumer.committed()`: it answers from what it has read before.
            offset = (await consumer._coordinator.fetch_committed_offsets([partition])).get(partition)
            if offset is not None and offset.offset > self.committed[partition.partition]:
                self.committed[partition.partition] = offset.offset
                self.moved_at = time.monotonic()
        async with self._news:
            self._news.notify_all()

    async def reaches(self, total: int, *, stalled_s: float = STALLED_S) -> None:
        """Wait until so many records are committed. Fails when nothing moves for `stalled_s`."""
        await self.until(lambda: self.total >= total, f"{total} records", stalled_s=stalled_s)

    async def until(self, condition: Callable[[], bool], what: str, *, stalled_s: float = STALLED_S) -> None:
        """Wait until the condition holds of what is committed."""
        self.moved_at = time.monotonic()
        while not condition():
            quiet_s = time.monotonic() - self.moved_at
            if quiet_s > stalled_s:
                raise AssertionError(
                    f"nothing was committed for {quiet_s:.0f} s, on the way to {what}: {self.committed}\n"
                    f"{self._tell()}"
                )
            try:
                async with asyncio.timeout(1.0), self._news:
                    await self._news.wait()
            except TimeoutError:
                continue


async def _quietly_stop(consumer: AIOKafkaConsumer) -> None:
    try:
        await asyncio.wait_for(consumer.stop(), 5.0)
    except Exception:
        return
