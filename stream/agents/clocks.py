"""What the workers of a group tell each other of their partitions' time: the idle rule holds over all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack

import msgspec

from stream.core.clock import PartitionClock
from stream.engine.board import Board, Note
from stream.engine.client import KafkaError
from stream.engine.connection import Connection

# What has not been renewed for so long says nothing any more: its worker may be gone.
FRESH_FOR_MS = 20_000
# A broker that is away is not waited for: there is a next time.
ANSWERED_WITHIN_S = 3.0

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PartitionClock).decode


class Clocks:
    """The clocks of all `partitions` of the input, of which a worker knows its own.

    Uses the board only while other workers own some. A board that fails is tried again: until then
    the others' clocks grow stale, and hold the idle partitions here back.
    """

    def __init__(self, connection: Connection, topic: str, partitions: int) -> None:
        self._connection = connection
        self._topic = topic
        self._partitions = partitions
        self._board: Board | None = None
        self._open = AsyncExitStack()

    async def exchange(
        self, own: Mapping[int, PartitionClock], now_ms: int
    ) -> Mapping[int, PartitionClock | None]:
        """Post one's own, and return those of all other partitions; None where nobody tells of one."""
        others = sorted(set(range(self._partitions)) - own.keys())
        if not others:
            return {}
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                notes = await self._exchange(own, now_ms)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("%s can't be used now, so idle partitions here wait: %r", self._topic, error)
            await self.close()
            return dict.fromkeys(others)
        known: dict[int, PartitionClock | None] = {}
        for number in others:
            note = notes.get(str(number).encode())
            fresh = note is not None and now_ms - note.posted_ms <= FRESH_FOR_MS
            known[number] = _decode(note.value) if note is not None and fresh else None
        return known

    async def _exchange(self, own: Mapping[int, PartitionClock], now_ms: int) -> Mapping[bytes, Note]:
        if self._board is None:
            self._board = await self._open.enter_async_context(Board(self._connection, self._topic))
        await self._board.post(
            {str(number).encode(): _encode(clock) for number, clock in own.items()}, now_ms
        )
        return await self._board.look()

    async def close(self) -> None:
        """Let go of the board."""
        self._board = None
        await self._open.aclose()
