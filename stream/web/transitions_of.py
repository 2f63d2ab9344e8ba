"""A person's latest transitions, looked for in the output topic from its end backwards."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from typing import NamedTuple

import msgspec

from stream.core.records import Transition
from stream.settings import Settings
from stream.topic_reader import ReadError, TopicReader, open_reader

MOST = 20
WITHIN_S = 2.0
# Offsets that are read in one go.
PIECE = 2_000
UNUSED_AFTER_S = 60.0
FETCH_BYTES = 1024 * 1024

_decode = msgspec.json.Decoder(Transition).decode


class Found(NamedTuple):
    """Transitions, the newest last. `complete`: no more of the latest 20 are kept."""

    transitions: list[Transition]
    complete: bool


class TransitionsOf:
    """Looks, one request at a time, with a connection that is kept while it is used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.output_topic("transitions")
        self._lock = asyncio.Lock()
        self._open = AsyncExitStack()
        self._reader: TopicReader | None = None
        self._used_at = 0.0
        self._closer: asyncio.Task[None] | None = None

    async def find(self, person: str, partition: int, count: int) -> Found:
        """The latest of the `count` there have been, all in one partition (modulo the topic's number)."""
        if not count:
            return Found([], True)
        found: dict[int, Transition] = {}
        complete = False
        with suppress(TimeoutError, ReadError):
            async with asyncio.timeout(WITHIN_S):
                complete = await self._find(person, partition, count, found)
        return Found([found[number] for number in sorted(found)][-MOST:], complete)

    async def _find(self, person: str, partition: int, count: int, found: dict[int, Transition]) -> bool:
        async with self._lock:
            try:
                reader = await self._connected()
                await self._look(reader, person, partition, count, found)
            except BaseException:
                await self._let_go()
                raise
            self._used_at = time.monotonic()
        return True

    async def _look(
        self, reader: TopicReader, person: str, partition: int, count: int, found: dict[int, Transition]
    ) -> None:
        mark = msgspec.json.encode(person)
        first = max(1, count - MOST + 1)
        number = partition % await reader.partitions(self._topic)
        async for records in reader.backwards(self._topic, number, piece=PIECE):
            for record in records:
                if record.value is None or mark not in record.value:
                    continue
                transition = _decode(record.value)
                if transition.person == person:
                    found[int(transition.transition_id.rpartition("#")[2])] = transition
            if found and min(found) <= first:
                return

    async def _connected(self) -> TopicReader:
        if self._reader is None:
            reading = open_reader(self._settings.connection, fetch_bytes=FETCH_BYTES)
            self._reader = await self._open.enter_async_context(reading)
            self._used_at = time.monotonic()
            if self._closer is None:
                self._closer = asyncio.create_task(self._close_unused(), name="reader of transitions")
        return self._reader

    async def _close_unused(self) -> None:
        while self._reader is not None:
            await asyncio.sleep(UNUSED_AFTER_S)
            async with self._lock:
                if time.monotonic() - self._used_at >= UNUSED_AFTER_S:
                    await self._let_go()
        self._closer = None

    async def _let_go(self) -> None:
        self._reader = None
        with suppress(ReadError, TimeoutError):
            await self._open.aclose()

    async def close(self) -> None:
        """Let go of the connection."""
        if self._closer is not None:
            self._closer.cancel()
        await self._let_go()
