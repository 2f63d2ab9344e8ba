"""Makes one partition's changes, outputs and input offset durable: in one transaction, or in a safe order."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from stream.engine.client import TRANSACTION_TIMEOUT_S, ProducerFenced, TopicPartition, batch_producer
from stream.engine.connection import Connection
from stream.engine.errors import CheckpointError
from stream.engine.state import Change, Output

# By then Kafka has long ended the transaction.
GIVEN_UP_AFTER_S = 2.0 * TRANSACTION_TIMEOUT_S

POSITION_HEADER = "position"
"""Header of a checkpoint's last changelog record: the next input offset, in decimal."""


class Snapshot(Struct, frozen=True):
    """What a checkpoint writes: all of it is encoded, so the state may go on changing meanwhile.

    `local` goes to the local store only, together with `changes`. `layout` is the changelog's first
    record, where that has none yet.
    """

    outputs: Sequence[Output]
    changes: Sequence[Change]
    next_offset: int
    local: Sequence[Change] = ()
    layout: Change | None = None


class Destination(Struct, frozen=True):
    """Where the checkpoints of one input partition go. `outputs` maps an output's name to its topic."""

    topic: str
    partition: int
    group: str
    changelog: str
    outputs: Mapping[str, str]


class CheckpointWriter(Protocol):
    """Writes the checkpoints of one input partition, one at a time."""

    async def open(self) -> None:
        """Connect. With transactions this fences the partition's earlier owner and ends its transaction."""

    async def write(self, snapshot: Snapshot) -> int | None:
        """Return once the snapshot is durable. Any exception means that it may not be.

        Returns the changelog's next offset, or None where nothing was written there, or it is not known.
        """

    async def close(self) -> None:
        """Disconnect; a transaction still open is aborted."""


class TransactionalWriter:
    """Exactly once: changelog, outputs and input offset become visible together or not at all."""

    def __init__(self, connection: Connection, to: Destination) -> None:
        self._to = to
        transactional_id = f"{to.group}-{to.topic}-{to.partition}"
        self._producer = batch_producer(connection, transactional_id=transactional_id)
        self._in_transaction = False

    async def open(self) -> None:
        await self._producer.start()

    async def write(self, snapshot: Snapshot) -> int | None:
        began_at = time.monotonic()
        try:
            return await _in_time(self._write(snapshot))
        except ProducerFenced as error:
            # Kafka answers the same in both cases.
            if time.monotonic() - began_at >= TRANSACTION_TIMEOUT_S:
                raise CheckpointError(
                    f"Kafka has ended the transaction after {TRANSACTION_TIMEOUT_S} s: the broker, or the "
                    "line to it, is too slow; or this worker was paused, and another has taken the partition "
                    "over. What was not committed is read again"
                ) from error
            raise CheckpointError(
                "another worker has taken the partition over, while this one did not answer for longer "
                "than its session lasts (or a checkpoint took over a minute: is this machine, or the "
                "broker, overloaded?); what it had not committed is the other's now"
            ) from error

    async def _write(self, snapshot: Snapshot) -> int | None:
        to, producer = self._to, self._producer
        await producer.begin_transaction()
        self._in_transaction = True
        changes = await _send_changes(producer, to, snapshot)
        sent = changes + await _send_outputs(producer, to, snapshot)
        offsets = {TopicPartition(to.topic, to.partition): snapshot.next_offset}
        await producer.send_offsets_to_transaction(offsets, to.group)
        # A batch that failed for good does not fail the commit (aiokafka 0.14): offsets would be
        # committed without their records.
        await _delivered(sent)
        await producer.commit_transaction()
        self._in_transaction = False
        return _end(changes)

    async def close(self) -> None:
        if self._in_transaction:
            # Else readers of the outputs wait for the transaction to time out.
            await _quietly(self._producer.abort_transaction())
        await _quietly(self._producer.stop())


CommitOffset = Callable[[int], Awaitable[bool]]
"""Commits the next input offset as a member of the group; False if the broker refused."""


class SequentialWriter:
    """At least once: outputs, then changelog, then the offset, each awaited.

    A crash in between repeats outputs, under the same ids.
    """

    def __init__(self, connection: Connection, to: Destination, commit: CommitOffset) -> None:
        self._to = to
        self._commit = commit
        self._producer = batch_producer(connection)

    async def open(self) -> None:
        await self._producer.start()

    async def write(self, snapshot: Snapshot) -> int | None:
        return await _in_time(self._write(snapshot))

    async def _write(self, snapshot: Snapshot) -> int | None:
        await _delivered(await _send_outputs(self._producer, self._to, snapshot))
        changes = await _send_changes(self._producer, self._to, snapshot)
        await _delivered(changes)
        if not await self._commit(snapshot.next_offset):
            raise CheckpointError(
                f"the broker refused offset {snapshot.next_offset} of "
                f"{self._to.topic}/{self._to.partition}: the partition belongs to another worker now"
            )
        return _end(changes)

    async def close(self) -> None:
        await _quietly(self._producer.stop())


async def _send_changes(producer: Any, to: Destination, snapshot: Snapshot) -> list[Sent]:
    all_changes = snapshot.changes if snapshot.layout is None else [snapshot.layout, *snapshot.changes]
    if not all_changes:
        return []
    *changes, (last_key, last_value) = all_changes
    batches = _Batches(producer)
    batches.add_all(changes)
    position = [(POSITION_HEADER, str(snapshot.next_offset).encode())]
    batches.add(last_key, last_value, position)
    return await batches.send(to.changelog, to.partition)


async def _send_outputs(producer: Any, to: Destination, snapshot: Snapshot) -> list[Sent]:
    by_place: dict[tuple[str, int | None], list[tuple[bytes | None, bytes | None]]] = defaultdict(list)
    for output in snapshot.outputs:
        place = (output[0], output[3] if len(output) == 4 else None)
        by_place[place].append((output[1], output[2]))
    sent: list[Sent] = []
    for (name, partition), records in by_place.items():
        topic = to.outputs[name]
        count = len(await producer.partitions_for(topic))
        if partition is None:
            # The input's partition number keeps a key in one partition, and in order; where the output
            # has as many partitions as the input, it is also where Kafka's own partitioner looks for it.
            partition = to.partition % count
        elif partition >= count:
            raise CheckpointError(
                f"{topic} has {count} partitions, but a record is for partition {partition}: was it made "
                "with another number of partitions?"
            )
        batches = _Batches(producer)
        batches.add_all(records)
        sent += await batches.send(topic, partition)
    return sent


class Sent(Struct, frozen=True):
    """A batch of `records` on its way: the future resolves when the broker has it."""

    topic: str
    partition: int
    size: int
    records: int
    future: asyncio.Future[Any]


_NO_HEADERS: list[tuple[str, bytes]] = []


class _Batches:
    """Records for one partition, packed into batches: several times cheaper than a `send()` for each."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._full: list[Any] = []
        self._batch = producer.create_batch()
        # Kafka's timestamp is the wall clock: records stamped with old event times would roll
        # segments and fall to retention at once. aiokafka's batches take milliseconds.
        self._now_ms = int(time.time() * 1000)

    def add(self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> None:
        if self._batch.append(timestamp=self._now_ms, key=key, value=value, headers=headers) is None:
            self._begin_another()
            self._batch.append(timestamp=self._now_ms, key=key, value=value, headers=headers)

    def add_all(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Without headers. Past aiokafka's (0.14) `append`, which takes as long as what it calls."""
        now_ms, none = self._now_ms, _NO_HEADERS
        append, count = self._batch._builder.append, self._batch.record_count()
        for key, value in records:
            if append(count, now_ms, key, value, none) is None:
                self._batch._relative_offset = count
                self._begin_another()
                append, count = self._batch._builder.append, 0
                append(count, now_ms, key, value, none)
            count += 1
        self._batch._relative_offset = count

    def _begin_another(self) -> None:
        self._full.append(self._batch)
        self._batch = self._producer.create_batch()

    async def send(self, topic: str, partition: int) -> list[Sent]:
        sent = []
        for batch in [*self._full, self._batch]:
            batch.close()
            size, records = batch.size(), batch.record_count()
            future = await self._producer.send_batch(batch, topic, partition=partition)
            # When something else fails first, nobody awaits it: that is no defect to be logged.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            sent.append(Sent(topic, partition, size, records, future))
        return sent


async def _in_time(writing: Awaitable[int | None]) -> int | None:
    """Its result; raises CheckpointError where there is none in `GIVEN_UP_AFTER_S`."""
    try:
        async with asyncio.timeout(GIVEN_UP_AFTER_S):
            return await writing
    except TimeoutError as error:
        raise CheckpointError(
            f"Kafka has not taken it in {GIVEN_UP_AFTER_S:.0f} s, and has ended any transaction: "
            "is the broker up, and can this machine reach it? What was not committed is read again"
        ) from error


def _end(changes: Sequence[Sent]) -> int | None:
    """The offset after delivered changes; None where the broker did not say it (a repeated request)."""
    if not changes:
        return None
    first: int = changes[-1].future.result().offset
    return first + changes[-1].records if first >= 0 else None


async def _delivered(sent: Sequence[Sent]) -> None:
    """Wait for all batches. Raises CheckpointError naming the first that the broker did not take."""
    results = await asyncio.gather(*(batch.future for batch in sent), return_exceptions=True)
    for batch, result in zip(sent, results, strict=True):
        if isinstance(result, ProducerFenced):
            raise result
        if isinstance(result, BaseException):
            raise CheckpointError(
                f"{batch.topic}/{batch.partition} did not take a batch of {batch.size} bytes: {result!r}"
            ) from result


async def _quietly(closing: Awaitable[Any], limit_s: float = 5.0) -> None:
    """Await a clean-up whose failure changes nothing: the broker times out what it does not end."""
    try:
        await asyncio.wait_for(closing, limit_s)
    except Exception:
        return
