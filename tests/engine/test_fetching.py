"""Records taken as columns are those that aiokafka gives out one by one, whatever befell the log."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from stream.engine.columns import Columns, Row, columns
from stream.engine.fetching import fetched
from tests.broker.log import create_topic

Told = tuple[int, int, bytes | None, bytes | None]
MOST = (1, 7, 10_000)


def told(records: Sequence[Any]) -> list[Told]:
    return [(record.offset, record.timestamp, record.key, record.value) for record in records]


@asynccontextmanager
async def producing(address: str, **settings: Any) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", **settings)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def write(producer: AIOKafkaProducer, topic: str, first: int, count: int) -> None:
    """A Kafka batch; every third record has no key, every fifth no value."""
    batch = producer.create_batch()
    for number in range(first, first + count):
        key = None if number % 3 == 0 else b"key %d" % number
        value = None if number % 5 == 0 else b"value %d" % number
        batch.append(timestamp=1_700_000_000_000 + number, key=key, value=value, headers=[("h", b"x")])
    await (await producer.send_batch(batch, topic, partition=0))


@asynccontextmanager
async def eventful_log(address: str, topic: str) -> AsyncIterator[None]:
    """What transactions leave in a log: committed, aborted, of two producers at once; one still open."""
    await create_topic(address, topic, partitions=1)
    async with (
        producing(address) as plain,
        producing(address, compression_type="gzip") as packed,
        producing(address, transactional_id=f"{topic}-a") as one,
        producing(address, transactional_id=f"{topic}-b") as other,
    ):
        await write(plain, topic, 0, 3)
        async with one.transaction():
            await write(one, topic, 100, 4)
        await one.begin_transaction()
        await write(one, topic, 200, 5)
        await other.begin_transaction()
        await write(other, topic, 300, 2)
        await write(packed, topic, 400, 6)
        await one.abort_transaction()
        await write(other, topic, 501, 1)
        await other.commit_transaction()
        await one.begin_transaction()
        await write(one, topic, 601, 1)
        await one.abort_transaction()
        await write(plain, topic, 701, 1)
        await other.begin_transaction()
        await write(other, topic, 800, 2)
        await write(plain, topic, 900, 3)
        yield
        await other.abort_transaction()


@asynccontextmanager
async def consuming(address: str, topic: str, isolation_level: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        enable_auto_commit=False,
        isolation_level=isolation_level,
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    try:
        yield consumer
    finally:
        await consumer.stop()


async def one_by_one(consumer: AIOKafkaConsumer, partition: TopicPartition, end: int) -> list[Told]:
    found: list[Told] = []
    while await consumer.position(partition) < end:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            found += told(records)
    return found


async def as_columns(
    consumer: AIOKafkaConsumer, partition: TopicPartition, end: int, most: int
) -> list[Told]:
    found: list[Told] = []
    while await consumer.position(partition) < end:
        taken = await fetched(consumer._fetcher, {partition}, timeout_s=0.5, most=most)
        for records in taken.values():
            assert len(records) < most + 6  # the last batch is taken whole
            found += told(records)
    return found


@pytest.mark.kafka
@pytest.mark.parametrize("isolation_level", ["read_committed", "read_uncommitted"])
async def test_the_same_as_one_by_one_from_wherever(
    kafka: str, topic_name: Callable[[str], str], isolation_level: str
) -> None:
    topic = topic_name("eventful")
    partition = TopicPartition(topic, 0)
    async with eventful_log(kafka, topic), consuming(kafka, topic, isolation_level) as consumer:
        await consumer.seek_to_beginning(partition)
        await consumer.getmany(timeout_ms=2_000)
        committed = isolation_level == "read_committed"
        end = consumer.last_stable_offset(partition) if committed else consumer.highwater(partition)
        assert end is not None
        values = set()
        for start in range(end):
            consumer.seek(partition, start)
            expected = await one_by_one(consumer, partition, end)
            values |= {value for *_, value in expected}
            for most in MOST:
                consumer.seek(partition, start)
                assert await as_columns(consumer, partition, end, most) == expected
        assert {b"value 1", b"value 101", b"value 301", b"value 401", b"value 501"} <= values
        assert (b"value 201" in values) != committed
        assert (b"value 801" in values) != committed


@pytest.mark.kafka
async def test_waits_for_what_comes_and_no_longer_than_asked(
    kafka: str, topic_name: Callable[[str], str]
) -> None:
    topic = topic_name("quiet")
    partition = TopicPartition(topic, 0)
    await create_topic(kafka, topic, partitions=1)
    async with consuming(kafka, topic, "read_committed") as consumer, producing(kafka) as producer:
        await consumer.seek_to_beginning(partition)
        assert await fetched(consumer._fetcher, {partition}, timeout_s=0.2, most=10) == {}
        waiting = asyncio.create_task(fetched(consumer._fetcher, {partition}, timeout_s=30.0, most=10))
        await write(producer, topic, 1, 2)
        found = await waiting
        assert found[partition].values == [b"value 1", b"value 2"]


def packed(first: int, count: int) -> bytes:
    """A Kafka batch as it is on the wire."""
    builder = DefaultRecordBatchBuilder(
        2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=10_000
    )
    for number in range(count):
        builder.append(number, 1_000 + number, b"key", b"value %d" % (first + number), [])
    return first.to_bytes(8, "big") + bytes(builder.build())[8:]


@pytest.mark.kafka
async def test_a_damaged_batch_is_told_of_after_what_was_found_beside_it(
    kafka: str, topic_name: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aiokafka.record.memory_records import MemoryRecords

    topic = topic_name("damaged")
    sound, damaged = TopicPartition(topic, 0), TopicPartition(topic, 1)
    await create_topic(kafka, topic, partitions=2)
    async with consuming(kafka, topic, "read_committed") as consumer, producing(kafka) as producer:
        consumer.assign([sound, damaged])
        await consumer.seek_to_beginning(sound, damaged)
        fetcher = consumer._fetcher
        for number in (0, 1):
            batch = producer.create_batch()
            batch.append(timestamp=1_000, key=b"k", value=b"v")
            await (await producer.send_batch(batch, topic, partition=number))
        async with asyncio.timeout(30):
            while fetcher._records.keys() != {sound, damaged}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        wire = packed(0, 3)
        source = fetcher._records[damaged]._partition_records
        source._records = MemoryRecords(wire[:-1] + bytes([wire[-1] ^ 1]))
        fetcher._records.move_to_end(damaged)
        found = await fetched(fetcher, {sound, damaged}, timeout_s=1.0, most=100)
        assert found.keys() == {sound}
        assert await consumer.position(damaged) == 0
        with pytest.raises(CorruptRecordException):
            await fetched(fetcher, {sound, damaged}, timeout_s=1.0, most=100)
        # Fetched once more, it may be sound.
        found = await fetched(fetcher, {sound, damaged}, timeout_s=30.0, most=100)
        assert found[damaged].values == [b"v"]


def rows(*offsets: int) -> list[Row]:
    return [Row(offset, 10 * offset, b"k%d" % offset, b"v%d" % offset) for offset in offsets]


@pytest.mark.parametrize("offsets", [(), (5,), (5, 6, 7), (5, 7, 8), (3, 9, 40)])
@pytest.mark.parametrize("start", [0, 5, 6, 8, 41])
def test_columns_of_a_batch_that_may_have_gaps_from_an_offset_on(
    offsets: tuple[int, ...], start: int
) -> None:
    found = Columns([1], [10], [b"k1"], [b"v1"])
    found.add(rows(*offsets), start=start)
    assert list(found) == rows(1, *(offset for offset in offsets if offset >= start))


def test_columns_are_a_sequence_of_records() -> None:
    found = columns(rows(1, 2, 4))
    assert columns(found) is found
    assert [found[0], found[-1], *found[1:]] == rows(1, 4, 2, 4)
    assert list(reversed(found)) == rows(4, 2, 1)
    assert found[1:].values == [b"v2", b"v4"]
    assert not found[3:]


@pytest.mark.kafka
async def test_what_was_fetched_goes_without_the_garbage_collector(
    kafka: str, topic_name: Callable[[str], str]
) -> None:
    topic = topic_name("let-go")
    partition = TopicPartition(topic, 0)
    await create_topic(kafka, topic, partitions=1)
    async with producing(kafka) as producer:
        await write(producer, topic, 1, 2)
        await write(producer, topic, 3, 2)
    async with consuming(kafka, topic, "read_committed") as consumer:
        await consumer.seek_to_beginning(partition)
        async with asyncio.timeout(30):
            while partition not in consumer._fetcher._records:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        source = weakref.ref(consumer._fetcher._records[partition]._partition_records)
        gc.disable()
        try:
            for number in (1, 3):
                found = await fetched(consumer._fetcher, {partition}, timeout_s=30.0, most=1)
                assert found[partition].values[0] == b"value %d" % number
            assert source() is None
        finally:
            gc.enable()
