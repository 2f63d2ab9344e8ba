"""Writes records to a Kafka topic, where each person's records stay in one partition and in order."""

from __future__ import annotations

import time
from asyncio import Future
from collections import deque
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from stream.core.partitioner import partition_for
from stream.engine.connection import Connection
from stream.engine.diagnosis import why
from stream.engine.errors import SecurityError
from stream.simulate.run import WriteError
from stream.simulate.scribe import Record

_KEYS = 200_000
_CONNECT_MS = 10_000
_SEND_FROM = 4_000  # records
_UNDER_WAY = 64  # batches
_BATCH_BYTES = 512 * 1024  # room for a record that is too large for Footfall


class TopicWriter:
    """A topic on a broker, partitioned by the key as Kafka's own clients do; `compression` None or `gzip`.

    Records carry the wall clock as their Kafka time: old times would roll the log's segments and fall to
    retention at once. `start` and `write` raise WriteError; `close` sends what is still under way.
    """

    def __init__(self, connection: Connection, topic: str, *, compression: str | None = None) -> None:
        self._connection = connection
        self._topic = topic
        self._compression = compression
        self._producer: AIOKafkaProducer | None = None
        self._partitions = 0
        self._of_key: dict[bytes, int] = {}
        self._sent: deque[Future[object]] = deque()
        self._waiting: list[Record] = []

    async def start(self) -> None:
        """Connects, and finds out how many partitions the topic has."""
        try:
            options = self._connection.options()
        except SecurityError as error:
            raise WriteError(str(error)) from None
        producer = AIOKafkaProducer(
            **options,
            acks="all",
            linger_ms=5,
            max_batch_size=_BATCH_BYTES,
            compression_type=self._compression,
            request_timeout_ms=_CONNECT_MS,
        )
        try:
            await producer.start()
        except KafkaConnectionError:
            await producer.stop()
            if trouble := await why(self._connection):
                raise WriteError(str(trouble)) from None
            raise WriteError(
                f"no broker answers at {self._connection}: start one with `footfall broker`, "
                "or correct --broker"
            ) from None
        self._producer = producer
        # Asked of the whole cluster: a question about one topic makes some brokers create it.
        cluster = await producer.client.fetch_all_metadata()
        partitions = cluster.partitions_for_topic(self._topic)
        if not partitions:
            await self.close()
            raise WriteError(
                f"there is no topic {self._topic} on {self._connection}: "
                "create it with `footfall topics create`, or correct --topic"
            )
        self._partitions = len(partitions)

    async def write(self, records: Sequence[Record]) -> None:
        """Takes the records; sends them once there are enough for good batches."""
        self._waiting += records
        if len(self._waiting) >= _SEND_FROM:
            await self._send_waiting()

    async def flush(self) -> None:
        """Sends everything written so far and waits until the broker has it."""
        await self._send_waiting()
        await self._acknowledged(0)

    async def close(self) -> None:
        """Waits for what was sent, and disconnects."""
        if self._producer is None:
            return
        try:
            await self.flush()
        finally:
            await self._producer.stop()
            self._producer = None

    async def _send_waiting(self) -> None:
        by_partition: dict[int, list[Record]] = {}
        for record in self._waiting:
            by_partition.setdefault(self._partition(record[1]), []).append(record)
        self._waiting = []
        for partition, records in by_partition.items():
            await self._send(partition, records)
        await self._acknowledged(_UNDER_WAY)

    async def _send(self, partition: int, records: list[Record]) -> None:
        producer = self._producer
        assert producer is not None
        now_ms = int(time.time() * 1000)
        batch: BatchBuilder = producer.create_batch()
        for _, key, value in records:
            if batch.append(key=key, value=value, timestamp=now_ms) is None:
                await self._flush(batch, partition)
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=now_ms)
        await self._flush(batch, partition)

    async def _flush(self, batch: BatchBuilder, partition: int) -> None:
        producer = self._producer
        assert producer is not None
        batch.close()
        self._sent.append(await producer.send_batch(batch, self._topic, partition=partition))

    async def _acknowledged(self, under_way: int) -> None:
        """Waits until at most `under_way` batches are not yet acknowledged."""
        while len(self._sent) > under_way:
            try:
                await self._sent.popleft()
            except KafkaError as error:
                self._sent.clear()
                raise WriteError(
                    f"topic {self._topic} on {self._connection} refused records: {error!r}"
                ) from None

    def _partition(self, key: bytes) -> int:
        partition = self._of_key.get(key)
        if partition is None:
            if len(self._of_key) >= _KEYS:
                self._of_key.clear()
            partition = self._of_key[key] = partition_for(key, self._partitions)
        return partition
