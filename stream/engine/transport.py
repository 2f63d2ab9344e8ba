"""A Faust transport that hands over whole fetched batches: Faust's cost is per message, so pay it per batch.

Written against faust-streaming 0.15.3. Each override says what it replaces and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

import faust
from aiokafka.errors import ConsumerStoppedError, IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream.engine.client import TopicPartition
from stream.engine.columns import Columns
from stream.engine.errors import EngineError
from stream.engine.fetching import WAIT_MS, fetched
from stream.engine.state import Ahead, Record

if TYPE_CHECKING:
    from stream.engine.app import EngineApp

REBALANCE_POLL_S = 0.01


class BatchMessage(ConsumerMessage):
    """One partition's fetched records as one Faust message: `value` has them, `offset` is the first's.

    `follows` is the offset after the batch before, where nothing was thrown away in between: then a
    difference to `offset` is a gap in the log. None: not known.
    """

    follows: int | None = None

    @property
    def records(self) -> Sequence[Record]:
        records: Sequence[Record] = self.value  # type: ignore[assignment]
        return records


class BatchSchema(faust.Schema[Any, Any]):
    """Passes the records of a batch through as they are: decoding them is the agent's."""

    def compile(
        self,
        app: Any,
        *,
        on_key_decode_error: Callable[..., Awaitable[None]] | None = None,
        on_value_decode_error: Callable[..., Awaitable[None]] | None = None,
        default_propagate: bool = False,
    ) -> Callable[..., Awaitable[faust.Event]]:
        async def decode(message: Any, *, propagate: bool = False) -> faust.Event:
            return faust.Event(app, None, message.value, {}, message)

        return decode


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        # Faust reads uncommitted unless it runs its own transactions, which we do not use: without
        # this, events of aborted transactions would be counted.
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        # Faust has fetches wait 1.5 s for data, and other questions to that broker wait behind them.
        consumer._fetch_max_wait_ms = WAIT_MS
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        self._watch_coordination()

    def _watch_coordination(self) -> None:
        """End the worker where aiokafka gives up its membership of the group, or waits for somebody to act.

        aiokafka (0.14) tells an error that it can't go on from to whoever fetches by its `getmany`, and takes
        no more part in the group until then. Faust fetches past that, and nobody does during a rebalance: the
        worker would keep still for ever. The same where the task that coordinates has died.
        """
        coordinator = self._ensure_consumer()._coordinator
        push = coordinator._push_error_to_user

        def give_up_and_push(error: Exception) -> Awaitable[Any]:
            self._give_up(error)
            waiting: Awaitable[Any] = push(error)
            return waiting

        def ended(coordination: asyncio.Task[None]) -> None:
            error = None if coordination.cancelled() else coordination.exception()
            if error is not None:
                self._give_up(error)

        coordinator._push_error_to_user = give_up_and_push
        coordinator._coordination_task.add_done_callback(ended)

    def _give_up(self, error: BaseException) -> None:
        app = cast("EngineApp", self.app)
        explained = EngineError(
            f"this worker can no longer take part in group {app.conf.id}: {error or repr(error)}. Start it "
            "again: what it has not committed is read again"
        )
        explained.__cause__ = error
        self.parent_loop.call_soon_threadsafe(app.fail, explained)

    async def on_thread_stop(self) -> None:
        # aiokafka (0.14) has a static member never leave its group: after SIGTERM, too, nobody would
        # get its partitions until its session is over. Kafka takes the leave of one by its member id.
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109
        max_records: int | None = None,
    ) -> Any:
        """Replaces Faust's, which takes the records one by one."""
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            return await fetched(
                fetcher,
                active_partitions,
                timeout_s=timeout or 0.0,
                most=max_records or consumer._max_poll_records,
            )

    async def hold(self, partitions: set[TP]) -> None:
        await self.call_thread(self._hold, partitions)

    async def _hold(self, partitions: set[TP]) -> None:
        self._ensure_consumer().pause(*(TopicPartition(*tp) for tp in partitions))


class BatchConsumer(driver.Consumer):
    """Yields one BatchMessage for each partition's share of a fetch of the input topic."""

    app: EngineApp
    _thread: _ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._delivered: dict[TP, int] = {}

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def join_again(self) -> None:
        """Have the group rebalanced. To be called in the consumer's thread."""
        self._thread._ensure_consumer()._coordinator.request_rejoin()

    async def hold(self, partitions: set[TP]) -> None:
        """A rebalance: of the assigned partitions, do not fetch these.

        (Faust's own pause fetches records, and leaves them lying.)
        """
        self._delivered.clear()
        await self._thread.hold(partitions)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109
        """Replaces Faust's, which yields a message for each record."""
        records, active = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            # As in Faust: what was just fetched is thrown away, so it has to be fetched again.
            self._delivered.clear()
            # Another rebalance has begun, and taken partitions away: the next assignment seeks anew.
            with suppress(IllegalStateError):
                await self.perform_seek()
            return
        generation = self.app.consumer_generation_id
        for partition, batch in records.items():
            tp = TP(partition.topic, partition.partition)
            if not self.flow_active or generation != self.app.consumer_generation_id:
                self._delivered.clear()
                return
            if active is not None and tp not in active:
                self._delivered.pop(tp, None)
                continue
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            # Faust drops what is not past the last offset it has seen. Order and repeats are the
            # engine's to judge, which knows up to where its state has applied the input.
            self._read_offset[tp] = None
            message = self._to_batch(tp, batch, generation)
            message.follows = self._delivered.get(tp)
            self._delivered[tp] = batch.offsets[-1] + 1
            yield tp, message

    def ahead(self, tp: TP, next_offset: int) -> Ahead | None:
        """What `Input.ahead` asks. The last offsets of a log may hold no records, but be fetched over."""
        consumer = self._thread._ensure_consumer()
        subscription = consumer._subscription.subscription
        assignment = subscription.assignment if subscription else None
        state = assignment.state_value(TopicPartition(*tp)) if assignment else None
        if state is None or state.highwater is None or state.timestamp is None:
            return None
        # Not past open transactions. (-1 or None: the broker does not say.)
        end = state.lso if state.lso is not None and state.lso >= 0 else state.highwater
        fetched = state._position is not None and state._position >= end
        if fetched and self._delivered.get(tp, next_offset) <= next_offset:
            return Ahead(0, state.timestamp)
        return Ahead(max(1, end - next_offset), state.timestamp)

    def _to_batch(self, tp: TP, batch: Columns, generation: int) -> BatchMessage:
        return BatchMessage(
            tp.topic,
            tp.partition,
            batch.offsets[0],
            batch.timestamps[0] / 1000.0,
            0,
            None,
            None,
            batch,  # type: ignore[arg-type]
            None,
            0,
            0,
            tp,
            generation_id=generation,
        )

    async def _wait_next_records(
        self,
        timeout: float,  # noqa: ASYNC109
    ) -> tuple[Mapping[TP, Any] | None, set[TP] | None]:
        """Replaces Faust's, which sleeps 1 s while nothing is assigned, and loses batches in a race.

        The end of a rebalance clears all queues (`flow_control.resume()`): a batch that was fetched
        just before would vanish. So nothing is fetched until the rebalance is over.
        """
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]
        active = self._get_active_partitions()
        if self.app.rebalancing or not active:
            await asyncio.sleep(REBALANCE_POLL_S)
            return None, active
        return await self._getmany(active_partitions=active, timeout=timeout), active

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's watchdog takes partitions that are quiet, or not tracked by acks, for stuck ones."""


class BatchTransport(driver.Transport):
    """aiokafka, in batches."""

    Consumer: ClassVar[Any] = BatchConsumer
