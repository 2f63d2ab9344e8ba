"""Fetches the original of a dead letter that carries only its beginning, from where it was read."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from stream.core.records import DeadLetter, Truncated

FETCH_WITHIN_S = 20.0


class Original(NamedTuple):
    """Key and value of a record, as they were read."""

    key: bytes | None
    value: bytes | None


class Originals:
    """A reader of single records. `consumer` is started, and belongs to nobody else."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._known: dict[str, set[int]] = {}

    async def fetch(self, letter: DeadLetter) -> Original | None:
        """The original; None where retention has taken it, or another record stands in its place."""
        assert isinstance(letter.truncated, Truncated)
        place = TopicPartition(letter.topic, letter.partition)
        if not await self._there(place):
            return None
        begin = (await self._consumer.beginning_offsets([place]))[place]
        end = (await self._consumer.end_offsets([place]))[place]
        if not begin <= letter.offset < end:
            return None
        self._consumer.assign([place])
        self._consumer.seek(place, letter.offset)
        record = await self._next(place, end)
        if record is None or record.offset != letter.offset:
            return None
        whole = letter.truncated
        same = _is(record.key, whole.key_bytes, whole.key_sha256) and _is(
            record.value, whole.value_bytes, whole.value_sha256
        )
        return Original(record.key, record.value) if same else None

    async def _there(self, place: TopicPartition) -> bool:
        if place.topic not in self._known:
            # Of all topics: asking for one by name creates it where the broker is set to.
            cluster = await self._consumer._client.fetch_all_metadata()
            self._known[place.topic] = set(cluster.partitions_for_topic(place.topic) or ())
        return place.partition in self._known[place.topic]

    async def _next(self, place: TopicPartition, end: int) -> ConsumerRecord | None:
        async with asyncio.timeout(FETCH_WITHIN_S):
            while await self._consumer.position(place) < end:
                fetched = await self._consumer.getmany(place, timeout_ms=200, max_records=1)
                for record in fetched.get(place, ()):
                    return record
        return None


def _is(data: bytes | None, size: int | None, digest: str | None) -> bool:
    if data is None or size is None:
        return data is None and size is None
    return len(data) == size and sha256(data).hexdigest() == digest
