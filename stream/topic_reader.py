"""Reads topics, only what is committed: as records come, or a partition from its beginning to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from stream.engine.connection import Connection
from stream.engine.diagnosis import why
from stream.engine.errors import SecurityError

CONNECT_WITHIN_S = 10.0
FETCH_WITHIN_MS = 100
STALLED_AFTER_S = 30.0


class ReadError(Exception):
    """A topic cannot be read; the message says which, and what would help."""


class TopicReader:
    """A connection for reading. Belongs to no consumer group: it takes nothing from anybody."""

    def __init__(self, consumer: AIOKafkaConsumer, broker: str) -> None:
        self._consumer = consumer
        self._broker = broker

    async def partitions(self, topic: str) -> int:
        """The number of partitions. Raises ReadError where there is no such topic, and does not create it."""
        # Of all topics: asking for one by name creates it where the broker is set to.
        cluster = await self._consumer._client.fetch_all_metadata()
        existing = cluster.topics()
        if topic not in existing:
            near = sorted(name for name in existing if not name.startswith("__"))
            there = f"there are {', '.join(near)}" if near else "there are none"
            raise ReadError(
                f"no topic {topic} at {self._broker}; {there}; footfall topics create makes what is missing"
            )
        return len(cluster.partitions_for_topic(topic) or ())

    async def follow(
        self, topics: Sequence[str], *, from_beginning: bool = False
    ) -> AsyncIterator[ConsumerRecord]:
        """Records of several topics as they come, without an end; those of a fetch in the order written."""
        assigned = [
            TopicPartition(topic, number)
            for topic in topics
            for number in range(await self.partitions(topic))
        ]
        self._consumer.assign(assigned)
        if from_beginning:
            await self._consumer.seek_to_beginning(*assigned)
        else:
            await self._consumer.seek_to_end(*assigned)
        for partition in assigned:
            await self._consumer.position(partition)
        while True:
            fetched = await self._consumer.getmany(timeout_ms=FETCH_WITHIN_MS)
            records = [record for batch in fetched.values() for record in batch]
            records.sort(key=lambda record: (record.timestamp, record.topic, record.partition, record.offset))
            for record in records:
                yield record

    async def read(self, topic: str, number: int) -> AsyncIterator[ConsumerRecord]:
        """All records of one partition that are there now. Raises ReadError when they stop coming."""
        partition = TopicPartition(topic, number)
        self._consumer.assign([partition])
        await self._consumer.seek_to_beginning(partition)
        end = (await self._consumer.end_offsets([partition]))[partition]
        position = await self._consumer.position(partition)
        waited_since = asyncio.get_running_loop().time()
        while True:
            fetched = await self._consumer.getmany(partition, timeout_ms=FETCH_WITHIN_MS)
            for record in fetched.get(partition, ()):
                yield record
            position = await self._consumer.position(partition)
            # The embedded broker understates its end: there the fetched high watermark is the better word.
            if position >= end and (not fetched or position >= (self._consumer.highwater(partition) or 0)):
                return
            now = asyncio.get_running_loop().time()
            if fetched:
                waited_since = now
            elif now - waited_since > STALLED_AFTER_S:
                raise ReadError(f"{topic}, partition {number}: no more records came at {position} of {end}")


@asynccontextmanager
async def open_reader(connection: Connection) -> AsyncIterator[TopicReader]:
    """A reader of the cluster's topics. Raises ReadError where no broker answers, or one fails later."""
    try:
        options = connection.options()
    except SecurityError as error:
        raise ReadError(str(error)) from error
    consumer = AIOKafkaConsumer(
        **options,
        client_id="footfall-reader",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=FETCH_WITHIN_MS,
        request_timeout_ms=int(CONNECT_WITHIN_S * 1000),
    )
    try:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await consumer.start()
        except (KafkaError, TimeoutError, OSError, ValueError) as error:
            if trouble := await why(connection):
                raise ReadError(str(trouble)) from error
            raise ReadError(
                f"no Kafka broker answers at {connection}: start it, or set `broker` to where it is; "
                "for one on this machine: footfall broker"
            ) from error
        try:
            yield TopicReader(consumer, connection.bootstrap)
        except KafkaError as error:
            raise ReadError(f"{connection}: {error}") from error
    finally:
        await consumer.stop()
