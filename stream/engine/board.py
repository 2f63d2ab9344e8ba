"""A notice board: a small compacted topic on which every worker of a group posts, and which all read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from msgspec import Struct

from stream.engine.client import TopicPartition, board_clients
from stream.engine.connection import Connection

PARTITION = 0
LOOK_WITHIN_MS = 100
# A producer waits for what it has not delivered; what is on the board is not worth it.
STOP_WITHIN_S = 1.0


class Note(Struct, frozen=True):
    """What was posted last under a key. `posted_ms` is the poster's wall clock, in ms since 1970."""

    value: bytes
    posted_ms: int


class Board:
    """An async context manager; raises KafkaError where the broker does not answer or may not be asked.

    Posts are no part of any transaction: they are hints that may be lost, repeated and out of date.
    """

    def __init__(self, connection: Connection, topic: str) -> None:
        self._topic = topic
        self._connection = connection
        self._notes: dict[bytes, Note] = {}
        self._producer: Any = None
        self._consumer: Any = None

    async def __aenter__(self) -> Board:
        self._producer, self._consumer = board_clients(self._connection)
        try:
            await self._producer.start()
            await self._consumer.start()
            partition = TopicPartition(self._topic, PARTITION)
            self._consumer.assign([partition])
            await self._consumer.seek_to_beginning(partition)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        for client in (self._producer, self._consumer):
            with suppress(TimeoutError):
                await asyncio.wait_for(client.stop(), STOP_WITHIN_S)

    async def post(self, notes: Mapping[bytes, bytes], now_ms: int) -> None:
        """Replace the notes under these keys; returns once the broker has them."""
        sent = [
            await self._producer.send(
                self._topic, key=key, value=value, partition=PARTITION, timestamp_ms=now_ms
            )
            for key, value in notes.items()
        ]
        for one in sent:
            await one

    async def look(self) -> Mapping[bytes, Note]:
        """The notes of all, as far as they have come."""
        while fetched := await self._consumer.getmany(timeout_ms=LOOK_WITHIN_MS):
            for records in fetched.values():
                for record in records:
                    self._notes[record.key] = Note(record.value, record.timestamp)
        return self._notes
