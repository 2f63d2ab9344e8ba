"""Sends originals of dead letters, each batch in one transaction with the notes of what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced

from stream.admin.connection import AdminError
from stream.admin.originals import Original
from stream.admin.topics import sent_topic
from stream.core.publishing import WHOLE_VALUE
from stream.settings import Settings

ORIGIN_HEADER = "footfall-dead-letter"
"""Header of a record that is sent back: `topic/partition/offset` of the original."""

BATCH_RECORDS = 500
BATCH_BYTES = 2 * WHOLE_VALUE

# What a topic takes is the topic's to say; this only keeps the client from saying it first.
_MAX_REQUEST_BYTES = 1024 * 1024 * 1024


class Sending(NamedTuple):
    """An original to be sent `to` a partition; the dead letter was `read_from` this partition, at `offset`.

    `origin` is the original's own place, `mark` what the dead letter is known by once it is sent.
    """

    to: TopicPartition
    original: Original
    origin: str
    mark: bytes
    read_from: int
    offset: int


class Sender:
    """Collects what is to be sent, and sends it in batches. `reader` belongs to the group of the offsets."""

    def __init__(
        self, settings: Settings, reader: AIOKafkaConsumer, topics: Mapping[str, int], *, transactions: bool
    ) -> None:
        self.transactions = transactions
        self._settings = settings
        self._reader = reader
        self._group = f"{settings.group}-dead-letters"
        self._letters = settings.output_topic("dead-letters")
        self._notes = sent_topic(settings)
        self._note_partitions = topics[self._notes]
        self._producer: Any = None
        self._batch: list[Sending] = []
        self._bytes = 0
        self._offsets: dict[int, int] = {}
        self._held_up: set[int] = set()
        self._committed: dict[int, int] = {}

    async def open(self) -> None:
        """Connect. With transactions this ends what an earlier run has left open, and fences the run."""
        connection = self._settings.connection
        self._producer = AIOKafkaProducer(
            **connection.options(),
            client_id="footfall-dead-letters",
            transactional_id=self._group if self.transactions else None,
            acks="all",
            linger_ms=5,
            # A run that is killed holds up the readers of the input for so long.
            transaction_timeout_ms=20_000,
            max_batch_size=512 * 1024,
            max_request_size=_MAX_REQUEST_BYTES,
        )
        await self._producer.start()

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, sending: Sending) -> None:
        """Add one to the batch, and send the batch where it is full. Raises AdminError."""
        self._batch.append(sending)
        self._bytes += len(sending.original.value or b"")
        self.passed(sending.read_from, sending.offset, settled=True)
        if len(self._batch) >= BATCH_RECORDS or self._bytes >= BATCH_BYTES:
            await self.flush()

    def passed(self, partition: int, offset: int, *, settled: bool) -> None:
        """A dead letter was read. The group's offset goes up to the first that is not `settled`."""
        if not settled:
            self._held_up.add(partition)
        if partition not in self._held_up:
            self._offsets[partition] = offset + 1

    async def flush(self) -> None:
        """Send what there is. Raises AdminError."""
        offsets = {
            TopicPartition(self._letters, number): offset
            for number, offset in self._offsets.items()
            if self._committed.get(number) != offset
        }
        if not self._batch and not offsets:
            return
        try:
            if self.transactions:
                async with self._producer.transaction():
                    await self._send_batch()
                    if offsets:
                        await self._producer.send_offsets_to_transaction(offsets, self._group)
            else:
                await self._send_batch()
                if offsets:
                    await self._reader.commit(offsets)
        except ProducerFenced as error:
            raise AdminError(
                "another `footfall dead-letters replay` of this group has begun", "let that one finish"
            ) from error
        self._committed |= self._offsets
        self._batch.clear()
        self._bytes = 0

    async def _send_batch(self) -> None:
        producer = self._producer
        sent = []
        for one in self._batch:
            headers = [(ORIGIN_HEADER, one.origin.encode())]
            sent.append(
                await producer.send(
                    one.to.topic,
                    one.original.value,
                    one.original.key,
                    partition=one.to.partition,
                    headers=headers,
                )
            )
        results = await asyncio.gather(*sent, return_exceptions=True)
        for one, result in zip(self._batch, results, strict=True):
            if isinstance(result, MessageSizeTooLargeError):
                raise AdminError(
                    f"{one.to.topic} does not take {one.origin}: {len(one.original.value or b''):,} bytes",
                    f"raise max.message.bytes of {one.to.topic}, or leave it out with --reason",
                ) from result
            if isinstance(result, BaseException):
                raise result
        # Notes only behind what was sent: without transactions, one that is missing is sent again.
        notes = [
            await producer.send(
                self._notes,
                msgspec.json.encode({"to": f"{one.to.topic}/{one.to.partition}"}),
                one.mark,
                partition=one.read_from % self._note_partitions,
            )
            for one in self._batch
        ]
        await asyncio.gather(*notes)
