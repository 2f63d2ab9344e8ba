"""The newest records of the input, judged as a worker would judge them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from stream.core.partition import Partition
from stream.core.records import DeadLetter
from stream.settings import Settings

SAMPLE_RECORDS = 200
READ_WITHIN_S = 10.0

_POLL_MS = 250


class Sample(NamedTuple):
    """Of `records` read, those `dead` by reason, and one reason in words. About `held` there are."""

    held: int
    records: int
    dead: Counter[str]
    example: str


async def take(settings: Settings) -> Sample:
    """Read the newest records of every partition, `SAMPLE_RECORDS` or so in all, and judge them."""
    consumer = AIOKafkaConsumer(
        **settings.connection.options(),
        client_id="footfall-admin",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        request_timeout_ms=int(READ_WITHIN_S * 1000),
    )
    await consumer.start()
    try:
        numbers = await _numbers(consumer, settings.input.topic)
        partitions = [TopicPartition(settings.input.topic, number) for number in numbers]
        consumer.assign(partitions)
        held, records = await _newest(consumer, partitions)
    finally:
        await consumer.stop()
    dead, example = _judge(settings, records)
    return Sample(held, sum(map(len, records.values())), dead, example)


async def _numbers(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    async with asyncio.timeout(READ_WITHIN_S):
        await consumer._client.add_topic(topic)
        while not (numbers := consumer.partitions_for_topic(topic)):
            await consumer._client.force_metadata_update()
            await asyncio.sleep(0.05)
    return sorted(numbers)


async def _newest(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> tuple[int, dict[TopicPartition, list[ConsumerRecord]]]:
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    each = max(1, SAMPLE_RECORDS // len(partitions))
    for partition in partitions:
        consumer.seek(partition, max(begins[partition], ends[partition] - each))
    records: dict[TopicPartition, list[ConsumerRecord]] = {}
    deadline_s = asyncio.get_running_loop().time() + READ_WITHIN_S
    while asyncio.get_running_loop().time() < deadline_s:
        fetched = await consumer.getmany(timeout_ms=_POLL_MS)
        for partition, batch in fetched.items():
            records.setdefault(partition, []).extend(batch)
        # A transaction's marker at the end is never fetched: the position passes it all the same.
        reached = [await consumer.position(partition) >= ends[partition] for partition in partitions]
        if all(reached) and not fetched:
            break
    newest = {partition: batch[-each:] for partition, batch in records.items()}
    return sum(ends.values()) - sum(begins.values()), newest


def _judge(
    settings: Settings, records: dict[TopicPartition, list[ConsumerRecord]]
) -> tuple[Counter[str], str]:
    dead: Counter[str] = Counter()
    example = ""
    for (topic, number), batch in records.items():
        partition = Partition(settings.definition, topic=topic, number=number)
        partition.process(
            [record.value for record in batch],
            keys=[record.key for record in batch],
            offsets=[record.offset for record in batch],
            arrived_ms=[record.timestamp for record in batch],
        )
        dead.update(partition.counts.dead)
        for output in partition.take_outputs():
            if output.topic == "dead-letters":
                letter = msgspec.json.decode(output.value, type=DeadLetter)
                example = f"offset {letter.offset} of partition {letter.partition}: {letter.message}"
    return dead, example
