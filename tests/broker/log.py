"""Writing and reading whole topics, for tests that compare what went in with what came out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

LIMIT_S = 30.0


class Record(NamedTuple):
    """One record as it stands in the log."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


async def create_topic(address: str, topic: str, *, partitions: int = 4, **configs: str) -> None:
    """Create `topic`; `configs` are its settings with `_` for `.` (`cleanup_policy="compact"`)."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        settings = {name.replace("_", "."): value for name, value in configs.items()}
        reply = await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=settings)])
        assert all(error[1] == 0 for error in reply.topic_errors), reply
        async with asyncio.timeout(LIMIT_S):
            # The controller knows of it a moment before the brokers tell.
            while topic not in await admin.list_topics():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await admin.close()


async def write(
    address: str,
    topic: str,
    records: Sequence[tuple[bytes | None, bytes | None]],
    *,
    timestamp_ms: int | None = None,
) -> None:
    """Append (key, value) records in order, spread over the partitions by Kafka's default partitioner."""
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", linger_ms=5)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, key=key, value=value, timestamp_ms=timestamp_ms)
            for key, value in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def write_to(
    address: str, topic: str, partitions: Sequence[Sequence[tuple[bytes | None, bytes | None]]]
) -> None:
    """Append (key, value) records in order, to the partitions that they are given for."""
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", linger_ms=5)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, key=key, value=value, partition=number)
            for number, records in enumerate(partitions)
            for key, value in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read(
    address: str,
    topic: str,
    *,
    until: Callable[[list[Record]], bool] | None = None,
    limit_s: float = LIMIT_S,
) -> list[Record]:
    """All committed records of `topic`, partition by partition in the order of their offsets.

    Reads to the end as it is now, or until `until` says of the records so far that they will do.
    Raises `TimeoutError`, with how far it got, after `limit_s`.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=10_000,
    )
    await consumer.start()
    records: list[Record] = []
    try:
        async with asyncio.timeout(limit_s):
            await _read(consumer, topic, records, until)
    except TimeoutError as error:
        raise TimeoutError(f"{topic}: only {len(records)} records in {limit_s} s") from error
    finally:
        await consumer.stop()
    return sorted(records, key=lambda record: (record.partition, record.offset))


async def _read(
    consumer: AIOKafkaConsumer,
    topic: str,
    records: list[Record],
    until: Callable[[list[Record]], bool] | None,
) -> None:
    partitions = await _partitions(consumer, topic)
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    while True:
        fetched = await consumer.getmany(timeout_ms=200)
        for partition, batch in fetched.items():
            records += [Record(partition.partition, r.offset, r.timestamp, r.key, r.value) for r in batch]
        if until is not None:
            if until(records):
                return
        # tansu's end offsets fall short in the middle of a batch; the mark that comes with a fetch does not.
        elif not fetched and all(
            [await consumer.position(p) >= max(ends[p], consumer.highwater(p) or 0) for p in partitions]
        ):
            return


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    while True:
        await consumer._client.force_metadata_update()
        found = consumer._client.cluster.partitions_for_topic(topic)
        if found:
            return [TopicPartition(topic, number) for number in sorted(found)]
        await consumer._client.add_topic(topic)
        await asyncio.sleep(0.05)
