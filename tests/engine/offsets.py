"""Where a topic ends, and how far a group has read it."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

POLL_S = 0.05


async def committed(address: str, group: str, topic: str) -> dict[int, int]:
    """The group's offsets by partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:
        # A broker that has had no group yet is still making the topic for them.
        return {}
    finally:
        await admin.close()
    return {
        partition.partition: found.offset for partition, found in offsets.items() if partition.topic == topic
    }


async def ends(address: str, topic: str) -> dict[int, int]:
    """The end offsets of the partitions that hold records. Not on tansu, whose answer is wrong."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    await consumer.start()
    try:
        numbers = sorted(consumer.partitions_for_topic(topic) or await _partitions(consumer, topic))
        offsets = await consumer.end_offsets([TopicPartition(topic, number) for number in numbers])
    finally:
        await consumer.stop()
    return {partition.partition: offset for partition, offset in offsets.items() if offset}


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client._wait_on_metadata(topic)
    found: set[int] = consumer.partitions_for_topic(topic)
    return found


async def read_to_the_end(address: str, group: str, topic: str, limit_s: float = 60.0) -> None:
    """Wait until the group has committed the ends of the topic."""
    wanted = await ends(address, topic)
    found: dict[int, int] = {}
    try:
        async with asyncio.timeout(limit_s):
            while found != wanted:
                await asyncio.sleep(POLL_S)
                found = await committed(address, group, topic)
    except TimeoutError:
        raise AssertionError(f"in {limit_s} s {group} came to {found} of {wanted}") from None
