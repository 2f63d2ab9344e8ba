"""The watermarks that a group's workers have reached, read from the ends of its changelogs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from stream.admin.connection import AdminError
from stream.agents.topics import PROFILES, ROUTERS, changelog_topic
from stream.core.profile import decode_progress
from stream.settings import Settings

PROGRESS_KEY = b"\xff"
"""The key of a partition's own record (stream/core/partition.py)."""

READ_WITHIN_S = 30.0

# A checkpoint ends with the partition's own record; compaction and markers leave gaps behind it.
_LOOKED_BACK = (64, 4_096, 262_144)


async def watermarks(settings: Settings) -> dict[int, int]:
    """By input partition, in ms, as of the last checkpoint; without those of which none is known."""
    consumer = AIOKafkaConsumer(
        **settings.connection.options(),
        client_id="footfall-admin",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        # Where the input is not keyed by person, its routers judge what is late.
        topic = changelog_topic(settings, PROFILES if settings.input.keyed else ROUTERS)
        # Of all topics: asking for one by name creates it where the broker is set to.
        cluster = await consumer._client.fetch_all_metadata()
        partitions = [TopicPartition(topic, number) for number in cluster.partitions_for_topic(topic) or ()]
        return await _last(consumer, partitions)
    finally:
        await consumer.stop()


async def _last(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[int, int]:
    begins = await consumer.beginning_offsets(partitions) if partitions else {}
    ends = await consumer.end_offsets(partitions) if partitions else {}
    # Assigned once: aiokafka 0.14 never stops where it is told to while it changes assignments.
    consumer.assign(partitions)
    found: dict[int, int] = {}
    unread = {one for one in partitions if begins[one] < ends[one]}
    for back in (*_LOOKED_BACK, sys.maxsize):
        consumer.pause(*(set(partitions) - unread))
        starts = {one: max(begins[one], ends[one] - back) for one in unread}
        for partition, start in starts.items():
            consumer.seek(partition, start)
        for record in await _read(consumer, {one: ends[one] for one in unread}):
            if record.key == PROGRESS_KEY and record.value is not None:
                found[record.partition] = decode_progress(record.value).watermark
        unread = {one for one in unread if one.partition not in found and starts[one] > begins[one]}
        if not unread:
            break
    return found


async def _read(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> Sequence[ConsumerRecord]:
    records: list[ConsumerRecord] = []
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + READ_WITHIN_S
    while behind := [one for one, end in ends.items() if await consumer.position(one) < end]:
        fetched = await consumer.getmany(*behind, timeout_ms=100)
        for batch in fetched.values():
            records += [record for record in batch if record.key == PROGRESS_KEY]
        if fetched:
            deadline_s = loop.time() + READ_WITHIN_S
        elif loop.time() > deadline_s:
            names = ", ".join(f"{one.topic}/{one.partition}" for one in behind)
            raise AdminError(f"no more records came of {names}", "is a broker of the cluster down?")
    return records
