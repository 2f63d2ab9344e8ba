"""The Kafka side of the benchmark: loading the input, how far a group is, and what was published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from bench.input import Record

BATCH_BYTES = 512 * 1024
UNDER_WAY = 32
WITHIN_S = 30.0
_POLL_S = 0.05


class Kafka:
    """A connection to the benchmark's broker; an async context manager."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._admin = AIOKafkaAdminClient(bootstrap_servers=address)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=address)

    async def __aenter__(self) -> Kafka:
        await self._admin.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def create(self, topic: str, partitions: int) -> None:
        """A topic that keeps everything, whatever times its records are stamped with."""
        configs = {"retention.ms": "-1"}
        await self._admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
        deadline_s = time.monotonic() + WITHIN_S
        while len(await self._partitions(topic)) < partitions:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{topic} is not there {WITHIN_S:.0f} s after it was created")
            await asyncio.sleep(_POLL_S)

    async def topics(self) -> set[str]:
        """All there are, but for Kafka's own."""
        return {topic for topic in await self._admin.list_topics() if not topic.startswith("__")}

    async def delete(self, topics: Iterable[str]) -> None:
        """Delete those of them that are still there."""
        doomed = [*topics]
        if doomed:
            with suppress(KafkaError):  # who created them may be deleting them, too
                await self._admin.delete_topics(doomed)

    async def load(
        self, topic: str, chunks: Iterable[list[list[Record]]], written: Callable[[int], None]
    ) -> int:
        """Write all records, in order within each partition, stamped with the time of writing; how many."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.address, enable_idempotence=True, max_batch_size=BATCH_BYTES
        )
        await producer.start()
        count = 0
        sent: list[asyncio.Future[Any]] = []
        batches: dict[int, Any] = {}
        try:
            for chunk in chunks:
                now_ms = int(time.time() * 1000)
                for partition, records in enumerate(chunk):
                    batch = batches.get(partition) or producer.create_batch()
                    for key, value, _ in records:
                        if batch.append(key=key, value=value, timestamp=now_ms) is None:
                            sent.append(await producer.send_batch(batch, topic, partition=partition))
                            batch = producer.create_batch()
                            batch.append(key=key, value=value, timestamp=now_ms)
                    batches[partition] = batch
                    count += len(records)
                if len(sent) > UNDER_WAY:
                    await asyncio.gather(*sent)
                    sent.clear()
                written(count)
            for partition, batch in batches.items():
                sent.append(await producer.send_batch(batch, topic, partition=partition))
            await asyncio.gather(*sent)
        finally:
            await producer.stop()
        return count

    async def committed(self, group: str, topic: str) -> int:
        """How many records of a topic a group has committed; none while the broker knows nothing of it."""
        try:
            found = await self._admin.list_consumer_group_offsets(group)
        except KafkaError:
            return 0
        return sum(max(0, one.offset) for place, one in found.items() if place.topic == topic)

    async def end(self, topic: str) -> int:
        """Sum of a topic's next offsets, transactions' markers among them."""
        places = await self._partitions(topic)
        return sum((await self._consumer.end_offsets(places)).values()) if places else 0

    async def values(self, topic: str) -> AsyncIterator[bytes]:
        """The values of all that is committed in a topic at this moment."""
        places = await self._partitions(topic)
        if not places:
            return
        reader = AIOKafkaConsumer(
            bootstrap_servers=self.address,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        await reader.start()
        try:
            reader.assign(places)
            await reader.seek_to_beginning()
            ends = await reader.end_offsets(places)
            while any([await reader.position(place) < ends[place] for place in places]):
                for records in (await reader.getmany(timeout_ms=200, max_records=20_000)).values():
                    for record in records:
                        if record.value is not None:
                            yield record.value
        finally:
            await reader.stop()

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        (found,) = await self._admin.describe_topics([topic])
        return [TopicPartition(topic, one["partition"]) for one in found.get("partitions", ())]
