"""A service's place in an output: each record once, from where the service left off."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Generic, Literal, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from msgspec import Struct

from stream.client.outputs import Output, RecordError
from stream.client.repeats import Repeats
from stream.engine.diagnosis import why
from stream.engine.errors import SecurityError
from stream.settings import Settings
from stream.topic_reader import ReadError, open_reader

R = TypeVar("R", bound=Struct)
Beginning = Literal["earliest", "latest"]

LOOK_BACK = 10_000
"""Records of a partition among which a repeat is known: far more than a worker commits at once."""
COMMIT_EVERY_S = 1.0
FETCH_WITHIN_MS = 200
MOST_AT_ONCE = 500

log = logging.getLogger(__name__)


class SubscriptionError(Exception):
    """The output can't be followed; the message says why, and what would help."""


class Subscription(Generic[R], AsyncIterator[R]):
    """An async iterator over the records of one output, and an async context manager.

    A record counts as done when the next one is asked for, or at the end of `async with` without an
    exception; what is done is committed every second, and whenever nothing more is there. So a service
    that dies gets again what it had not done: make what it does bear that, or note what was done by the
    record's id. Several processes with one `group` share the partitions.

    Raises SubscriptionError where there is no broker, no such topic or no right to it, and RecordError for
    a record of a newer version. A broker that goes away later is waited for.
    """

    def __init__(self, output: Output[R], group: str, settings: Settings, begin: Beginning) -> None:
        if group == settings.group:
            raise SubscriptionError(
                f"group {group!r} is the workers' own: choose another name, one for each service"
            )
        self._output = output
        self._topic = settings.output_topic(output.name)
        self._group = group
        self._settings = settings
        self._begin = begin
        self._read = output.decoder()
        self._consumer: AIOKafkaConsumer | None = None
        self._fetched: deque[ConsumerRecord] = deque()
        self._repeats: dict[TopicPartition, Repeats] = {}
        self._given_before: dict[TopicPartition, int] = {}
        self._given: ConsumerRecord | None = None
        self._done: dict[TopicPartition, int] = {}
        self._committed_at = 0.0
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Subscription[R]:
        await self._start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        if kind is None:
            self._has_done()
        await self.close()

    def __aiter__(self) -> Subscription[R]:
        return self

    async def __anext__(self) -> R:
        self._has_done()
        await self._start()
        while not self._stopping.is_set():
            if not self._fetched:
                await self._commit()
                await self._fetch()
            elif time.monotonic() - self._committed_at > COMMIT_EVERY_S:
                await self._commit()
            while self._fetched:
                record = self._fetched.popleft()
                found = self._new(record)
                if found is not None:
                    self._given = record
                    return found
                self._note(record)
        await self.close()
        raise StopAsyncIteration

    def stop(self) -> None:
        """Have the iteration end, before its next record: for a signal handler."""
        self._stopping.set()

    async def close(self) -> None:
        """Commit what is done, and leave the group."""
        consumer = self._consumer
        if consumer is not None:
            await self._commit()
            self._consumer = None
            await consumer.stop()

    # -- records ------------------------------------------------------------------------------------

    def _new(self, record: ConsumerRecord) -> R | None:
        """The record, unless it was given before, or nobody asked for it."""
        if record.value is None:
            return None
        place = f"{record.topic}/{record.partition} at offset {record.offset}"
        try:
            found = self._read(record.value)
        except RecordError as error:
            raise RecordError(f"{place}: {error}") from error
        if self._output.wanted is not None and not self._output.wanted(found):
            return None
        partition = TopicPartition(record.topic, record.partition)
        is_new = self._repeats[partition].is_new(self._output.identity(found))
        return found if is_new and record.offset >= self._given_before[partition] else None

    def _has_done(self) -> None:
        if self._given is not None:
            self._note(self._given)
            self._given = None

    def _note(self, record: ConsumerRecord) -> None:
        partition = TopicPartition(record.topic, record.partition)
        if record.offset >= self._given_before.get(partition, 0):
            self._done[partition] = record.offset + 1

    # -- Kafka --------------------------------------------------------------------------------------

    async def _start(self) -> None:
        if self._consumer is not None:
            return
        connection = self._settings.connection
        try:
            async with open_reader(connection) as reader:
                await reader.partitions(self._topic)
            consumer = AIOKafkaConsumer(
                **connection.options(),
                group_id=self._group,
                client_id=f"footfall-client-{self._group}",
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset=self._begin,
                fetch_max_wait_ms=FETCH_WITHIN_MS,
            )
            consumer.subscribe([self._topic], listener=_Listener(self))
            await consumer.start()
        except ReadError as error:
            raise SubscriptionError(str(error)) from error
        except (KafkaError, SecurityError, OSError) as error:
            trouble = await why(connection)
            raise SubscriptionError(f"{self._topic} can't be followed: {trouble or error}") from error
        self._consumer = consumer
        self._committed_at = time.monotonic()

    async def _fetch(self) -> None:
        assert self._consumer is not None
        fetched = await self._consumer.getmany(timeout_ms=FETCH_WITHIN_MS, max_records=MOST_AT_ONCE)
        for partition, records in fetched.items():
            if partition in self._given_before or await self._begin_at(partition, records[0].offset):
                self._fetched.extend(records)

    async def _begin_at(self, partition: TopicPartition, offset: int) -> bool:
        """The first records of a partition have come; False where those before come first, to be known."""
        assert self._consumer is not None
        self._repeats[partition] = Repeats(LOOK_BACK)
        self._given_before[partition] = offset
        first = (await self._consumer.beginning_offsets([partition]))[partition]
        if first >= offset:
            return True
        try:
            self._consumer.seek(partition, max(first, offset - LOOK_BACK))
        except IllegalStateError:  # it has gone elsewhere meanwhile
            self._forget([partition])
        return False

    async def _commit(self) -> None:
        self._committed_at = time.monotonic()
        if self._consumer is None or not self._done:
            return
        done, self._done = self._done, {}
        try:
            await self._consumer.commit(done)
        except (CommitFailedError, IllegalStateError):
            log.info(
                "Partitions of %s went elsewhere; what was not committed is done there again", self._topic
            )
        except KafkaError as error:
            log.warning("%s can't be committed now, and is tried again: %r", self._topic, error)
            self._done = done | self._done

    async def _give_up(self, partitions: Iterable[TopicPartition]) -> None:
        """They go elsewhere: what is done of them is committed, what was only fetched is fetched there."""
        await self._commit()
        self._forget(partitions)

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        gone = set(partitions)
        kept = (one for one in self._fetched if TopicPartition(one.topic, one.partition) not in gone)
        self._fetched = deque(kept)
        for partition in gone:
            self._given_before.pop(partition, None)
            self._repeats.pop(partition, None)
            self._done.pop(partition, None)
        given = self._given
        if given is not None and TopicPartition(given.topic, given.partition) in gone:
            self._given = None


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, subscription: Subscription[R]) -> None:
        self._subscription = subscription

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._subscription._give_up(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """What comes first of each is seen when it has come."""
