"""Reads what the group publishes while somebody looks; the hot path pays nothing while nobody does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from stream.settings import Settings
from stream.topic_reader import ReadError, open_reader
from stream.web.errors import try_again
from stream.web.kept import Kept, Published

# How many records back from its end each partition of an output is read at first.
BACK = {"transitions": 300, "incidents": 500, "engagement": 10_000, "daily": 100}
LOADED_WITHIN_S = 5.0
UNUSED_AFTER_S = 60.0
LOOK_EVERY_S = 5.0
TRY_AGAIN_AFTER_S = 1.0
FETCH_BYTES = 256 * 1024

log = logging.getLogger(__name__)

Positions = Mapping[str, Mapping[int, int]]
"""Next offset to read, by output and partition."""

Listener = Callable[[str, str | None, Published], None]
"""Is told of each record as it comes: output, series where it has one, record."""


class Feed:
    """The latest of what was published, and whatever comes. It starts when asked for, and ends by itself.

    `listeners` hear of records that come after the first load; while there are any, the feed goes on.
    """

    def __init__(self, settings: Settings) -> None:
        self.listeners: set[Listener] = set()
        self._settings = settings
        self._outputs = {settings.output_topic(output): output for output in BACK}
        self._kept = Kept()
        self._positions: dict[TopicPartition, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._loaded = asyncio.Event()
        self._trouble: str | None = None
        self._used_at = 0.0

    async def kept(self) -> Kept:
        """What was published of late. Raises Refusal (503) where there is nothing to tell yet."""
        self._used_at = time.monotonic()
        if self._task is None:
            self._task = asyncio.create_task(self._read(), name="feed")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._loaded.wait(), LOADED_WITHIN_S)
        if not self._loaded.is_set():
            trouble = self._trouble or "reading it has begun, and is not through"
            raise try_again(f"what was published can't be told yet: {trouble}", after_s=2)
        return self._kept

    def positions(self) -> Positions:
        """Up to where the outputs have been read."""
        found: dict[str, dict[int, int]] = {output: {} for output in BACK}
        for partition, position in self._positions.items():
            found[self._outputs[partition.topic]][partition.partition] = position
        return found

    async def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _read(self) -> None:
        try:
            while self._wanted():
                try:
                    await self._follow()
                except (ReadError, TimeoutError) as error:
                    self._trouble = str(error) or "the broker does not answer in time"
                    await asyncio.sleep(TRY_AGAIN_AFTER_S)
                except Exception as error:
                    log.warning("The feed of what is published begins again: %r", error, exc_info=error)
                    self._trouble = "reading it has failed, as the log says"
                    await asyncio.sleep(TRY_AGAIN_AFTER_S)
        finally:
            self._task = None
            self._loaded.clear()
            self._trouble = None
            self._kept = Kept()
            self._positions = {}

    def _wanted(self) -> bool:
        return bool(self.listeners) or time.monotonic() - self._used_at < UNUSED_AFTER_S

    async def _follow(self) -> None:
        back = {topic: BACK[output] for topic, output in self._outputs.items()}
        async with open_reader(self._settings.connection, fetch_bytes=FETCH_BYTES) as reader:
            looked_at = time.monotonic()
            async for records, all_there in reader.tail(back, dict(self._positions)):
                for record in records:
                    self._take(record)
                if all_there:
                    self._loaded.set()
                    self._trouble = None
                if time.monotonic() - looked_at > LOOK_EVERY_S:
                    looked_at = time.monotonic()
                    if not self._wanted():
                        return
                # A fetch that is there already does not wait, and so lets nobody else have a turn.
                await asyncio.sleep(0)

    def _take(self, record: ConsumerRecord) -> None:
        self._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1
        if record.value is None:
            return
        output = self._outputs[record.topic]
        published = Published(
            record.topic, record.partition, record.offset, record.timestamp, bytes(record.value)
        )
        try:
            series = self._kept.take(output, published)
        except msgspec.DecodeError:
            return  # somebody else's: nothing of ours is without the fields
        if self._loaded.is_set():
            for listener in list(self.listeners):
                listener(output, series, published)
