"""Reads topics, only what is committed: as records come, or a partition from its beginning to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from stream.engine.connection import Connection
from stream.engine.diagnosis import why
from stream.engine.errors import SecurityError

CONNECT_WITHIN_S = 10.0
FETCH_WITHIN_MS = 100
STALLED_AFTER_S = 30.0
# Of each partition, and of all the most that is handed over in one go.
FETCH_BYTES = 1024 * 1024
FETCH_RECORDS = 500


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

    async def tail(
        self, back: Mapping[str, int], positions: Mapping[TopicPartition, int]
    ) -> AsyncIterator[tuple[list[ConsumerRecord], bool]]:
        """Records of several topics without an end, each partition from so many offsets `back` from its end.

        Those of which a position is known go on there instead. What was fetched comes by Kafka time, and
        with it whether everything that was there at the beginning has come.
        """
        assigned = [
            TopicPartition(topic, number) for topic in back for number in range(await self.partitions(topic))
        ]
        self._consumer.assign(assigned)
        ends = await self._ends(assigned)
        beginnings = await self._consumer.beginning_offsets(assigned)
        for partition in assigned:
            start = ends[partition] - back[partition.topic]
            self._consumer.seek(partition, positions.get(partition, max(beginnings[partition], start)))
        unread = set(assigned)
        while True:
            fetched = await self._consumer.getmany(timeout_ms=FETCH_WITHIN_MS, max_records=FETCH_RECORDS)
            for partition in list(unread):
                if await self._consumer.position(partition) >= ends[partition]:
                    unread.discard(partition)
            records = [record for batch in fetched.values() for record in batch]
            records.sort(key=lambda record: (record.timestamp, record.topic, record.partition, record.offset))
            yield records, not unread

    async def backwards(self, topic: str, number: int, *, piece: int) -> AsyncIterator[list[ConsumerRecord]]:
        """One partition from its end to its beginning: the records of `piece` offsets at a time, in order."""
        partition = TopicPartition(topic, number)
        self._consumer.assign([partition])
        stop = (await self._ends([partition]))[partition]
        beginning = (await self._consumer.beginning_offsets([partition]))[partition]
        while stop > beginning:
            start = max(beginning, stop - piece)
            self._consumer.seek(partition, start)
            found: list[ConsumerRecord] = []
            while await self._consumer.position(partition) < stop:
                fetched = await self._consumer.getmany(partition, timeout_ms=FETCH_WITHIN_MS)
                found += [record for record in fetched.get(partition, ()) if record.offset < stop]
            yield found
            stop = start

    async def _ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Where what is committed ends. By fetching: the embedded broker understates its ends when asked."""
        wanted = list(partitions)
        await self._consumer.seek_to_end(*wanted)
        async with asyncio.timeout(CONNECT_WITHIN_S):
            while any(self._consumer.highwater(one) is None for one in wanted):
                await self._consumer.getmany(timeout_ms=FETCH_WITHIN_MS)
        return {one: self._end(one) for one in wanted}

    def _end(self, partition: TopicPartition) -> int:
        end: int = self._consumer.highwater(partition)
        stable = self._consumer.last_stable_offset(partition)
        # Not past open transactions. (-1 or None: the broker does not say.)
        return stable if stable is not None and 0 <= stable < end else end


@asynccontextmanager
async def open_reader(
    connection: Connection, *, fetch_bytes: int = FETCH_BYTES
) -> AsyncIterator[TopicReader]:
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
        max_partition_fetch_bytes=fetch_bytes,
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
