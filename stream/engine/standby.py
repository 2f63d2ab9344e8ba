"""Copies of partitions that other workers own, kept up to date from their changelogs, to take over at once.

Faust (0.15.3) assigns them; it would also read them, record by record, through the consumer of the input.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from stream.engine import recovery
from stream.engine.client import KafkaError, TopicPartition
from stream.engine.replica import Replica

FETCH_WITHIN_MS = 500
STAMP_EVERY_S = 600.0
TRY_AGAIN_S = 5.0

log = logging.getLogger(__name__)

OpenReplicas = Callable[[Iterable[int]], Any]
"""Coroutine function: makes replicas of these partitions by number, from what is here of them."""


class Standbys:
    """Follows the changelog partitions that this worker is a standby for.

    `behind` has the records not read yet, by partition; a partition is missing until that is known.
    """

    def __init__(
        self,
        open_reader: Callable[[], Any],
        changelog: str,
        open_replicas: OpenReplicas,
        close_replica: Callable[[Replica], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.replicas: dict[int, Replica] = {}
        self.behind: dict[int, int] = {}
        self._open_reader = open_reader
        self._changelog = changelog
        self._open_replicas = open_replicas
        self._close_replica = close_replica
        self._on_failure = on_failure
        self._task: asyncio.Task[None] | None = None
        # Held while records are applied: then a replica must not be taken away.
        self._applying = asyncio.Lock()

    async def take(self, numbers: Iterable[int]) -> dict[int, Replica]:
        """Stop following, and hand over the replicas of these partitions, as far as there are any."""
        await self._pause()
        self.behind.clear()
        return {number: self.replicas.pop(number) for number in numbers if number in self.replicas}

    def follow(self, numbers: Iterable[int]) -> None:
        """Follow exactly these partitions; the others' replicas are closed. `take` first."""
        wanted = set(numbers)
        for number in self.replicas.keys() - wanted:
            self._close_replica(self.replicas.pop(number))
        if wanted:
            self._task = asyncio.create_task(self._follow(wanted), name=f"standby for {self._changelog}")

    async def stop(self) -> None:
        """Stop following, and close all replicas."""
        await self._pause()
        self.follow(())

    async def _pause(self) -> None:
        if self._task is not None:
            async with self._applying:
                self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _follow(self, numbers: set[int]) -> None:
        while True:
            try:
                await self._read(numbers)
            except KafkaError as error:
                log.warning("Standby for %s waits for the broker: %r", self._changelog, error)
                await asyncio.sleep(TRY_AGAIN_S)
            except Exception as error:
                self._on_failure(error)
                return

    async def _read(self, numbers: set[int]) -> None:
        async with self._applying:
            self.replicas |= await self._open_replicas(numbers - self.replicas.keys())
        reader = await self._open_reader()
        try:
            partitions = {
                TopicPartition(self._changelog, number): self.replicas[number] for number in numbers
            }
            reader.assign(list(partitions))
            for partition, replica in partitions.items():
                reader.seek(partition, replica.offset)
            stamped_at = time.monotonic()
            while True:
                fetched = await reader.getmany(timeout_ms=FETCH_WITHIN_MS)
                for partition, records in fetched.items():
                    for start in range(0, len(records), recovery.PIECE):
                        async with self._applying:
                            await partitions[partition].apply(records[start : start + recovery.PIECE])
                        await asyncio.sleep(0)
                stamp = time.monotonic() - stamped_at > STAMP_EVERY_S
                if stamp:
                    stamped_at = time.monotonic()
                for partition, replica in partitions.items():
                    self._note(replica, await reader.position(partition), reader.highwater(partition), stamp)
        finally:
            await reader.stop()

    def _note(self, replica: Replica, position: int, end: int | None, stamp: bool) -> None:
        if end is None:
            return
        self.behind[replica.number] = max(0, end - position)
        if position >= end:
            replica.at_end(position)
            if stamp:
                replica.stamp()
