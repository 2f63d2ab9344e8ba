"""Runs the states of the input partitions that Faust assigns to this worker, with checkpoints of each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct

from stream.engine import recovery
from stream.engine.checkpoint import CheckpointWriter, Destination, SequentialWriter, TransactionalWriter
from stream.engine.client import Capabilities, Guarantee, KafkaError
from stream.engine.connection import Connection
from stream.engine.errors import EngineError, RecoveryError, place
from stream.engine.folders import StoreFolders
from stream.engine.garbage import spare
from stream.engine.layout import Layout, new_incarnation
from stream.engine.owned import OwnedPartition
from stream.engine.replica import Replica
from stream.engine.slices import SMALLEST, next_slice
from stream.engine.standby import Standbys
from stream.engine.state import ANSWERED_WITHIN_MS, Ahead, Observer, Record, StateFactory

# A checkpoint goes to the broker and back some five times, and each way takes the event loop some turns. It
# gets this share of the time besides: else, with long slices, a transaction takes as many as it has turns.
CHECKPOINTS_SHARE = 0.05
# A partition that has records waiting for longer than this is catching up. What comes of them is late anyway,
# so its checkpoints are further apart, by this share of the wait, up to so many seconds: who changes several
# times in between is encoded, sent and stored once.
BEHIND_MS = 10_000
SHARE_BEHIND = 0.2
MOST_BEHIND_S = 8.0
TICK_S = 0.05
SWEEP_EVERY_S = 3_600.0

log = logging.getLogger(__name__)


def interval_behind_s(waits_ms: int) -> float:
    """Seconds between checkpoints of a partition that has records waiting for so many ms."""
    return min(waits_ms / 1000 * SHARE_BEHIND, MOST_BEHIND_S)


class EngineConfig(Struct, frozen=True, kw_only=True):
    """What the engine runs on. `outputs` maps the names of a state's outputs to topics.

    `partitions` is the number of them that `topic` has. `key` says what its records are keyed by, and
    `keyed` whether by its producers: with another answer, a state can't be gone on with.
    """

    connection: Connection
    group: str
    topic: str
    changelog: str
    outputs: Mapping[str, str]
    commit_interval_s: float
    guarantee: Guarantee
    capabilities: Capabilities
    partitions: int
    key: str = "person"
    keyed: bool = True

    def layout(self) -> Layout:
        """What a changelog begins with that is begun now."""
        return Layout(new_incarnation(), self.topic, self.partitions, self.key, self.keyed)


class Input(Protocol):
    """The consumer of the input topic, as a member of the group."""

    async def seek(self, partition: int, offset: int) -> None:
        """Fetch on from `offset`."""

    async def commit(self, partition: int, offset: int) -> bool:
        """Commit the next offset to read; False if the broker refused."""

    def ahead(self, partition: int, next_offset: int) -> Ahead | None:
        """What there is from `next_offset` on, as of the last fetch; None before the first."""


class Engine:
    """Owns partitions between rebalances, feeds them batches, and has their checkpoints written.

    `failed` is set, and `failure` says why, once the worker has to end: from then on nothing is
    processed or written any more. `on_failure` is called with it once. `restoring` has the number of
    changelog records left to read, by partition, while there are any. Without `folders` there are no
    local stores.
    """

    def __init__(
        self,
        config: EngineConfig,
        source: Input,
        new_state: StateFactory,
        observer: Observer,
        folders: StoreFolders | None = None,
    ) -> None:
        self.config = config
        self.partitions: dict[int, OwnedPartition] = {}
        self.failure: Exception | None = None
        self.failed = asyncio.Event()
        self.on_failure: Callable[[Exception], None] = lambda _: None
        self._source = source
        self._new_state = new_state
        self._observer = observer
        self._folders = folders
        self._swept_at = time.monotonic()
        self._slice = SMALLEST
        self._none_before = 0.0  # monotonic: the next checkpoint of a partition that is catching up
        self.restoring: dict[int, int] = {}
        self.standbys = Standbys(
            partial(recovery.open_reader, config.connection, config.group),
            config.changelog,
            self._open_standbys,
            self._close,
            self.fail,
        )
        self._generation = -1
        self._ticker: asyncio.Task[None] | None = None

    async def process(self, number: int, records: Sequence[Record], *, follows: int | None = None) -> None:
        """Apply a fetched batch of input partition `number`; anything wrong ends the worker by `fail`.

        `follows` is the offset after the batch fetched before, if nothing was thrown away in between.
        """
        owned = self.partitions.get(number)
        if owned is None or not owned.active:
            return
        try:
            await self._process(owned, records, follows)
        except Exception as error:
            if not isinstance(error, EngineError):  # those say it themselves
                log.error(
                    "%s/%d: applying what came from offset %d on has failed",
                    owned.topic,
                    number,
                    owned.next_offset,
                    extra=place(owned.topic, number, owned.next_offset),
                )
            self.fail(error)

    async def _process(self, owned: OwnedPartition, records: Sequence[Record], follows: int | None) -> None:
        unseen = owned.unseen(records)
        if not unseen:
            return
        if owned.skipped(unseen[0].offset, follows):
            log.info(
                "%s/%d: fetched from offset %d, but %d is next; seeking back",
                owned.topic,
                owned.number,
                unseen[0].offset,
                owned.next_offset,
                extra=place(owned.topic, owned.number, owned.next_offset),
            )
            await self._source.seek(owned.number, owned.next_offset)
            return
        start = 0
        while start < len(unseen):
            piece = unseen[start : start + self._slice]
            start += len(piece)
            began_at = time.perf_counter()
            owned.process(piece)
            owned.next_arrived_ms = unseen[start].timestamp if start < len(unseen) else None
            spare(len(piece))
            took_s = time.perf_counter() - began_at
            self._observer.on_batch(owned.number, len(piece), took_s)
            self._slice = next_slice(len(piece), took_s)
            await self._let_checkpoints_go_on(took_s)
            if owned.uncommitted > owned.room:
                await owned.checkpoint_done()
            if not owned.active:
                return

    async def _let_checkpoints_go_on(self, busy_s: float) -> None:
        """After a slice that took so long: begin what is due, and let the event loop turn."""
        self._begin_due_checkpoints()
        until = time.perf_counter() + busy_s * CHECKPOINTS_SHARE
        # Twice: once for the sockets, once for the tasks that they wake.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        while time.perf_counter() < until and any(  # noqa: ASYNC110
            one.writing for one in self.partitions.values()
        ):
            await asyncio.sleep(0)

    def _begin_due_checkpoints(self) -> None:
        for number, owned in self.partitions.items():
            if owned.due(self.config.commit_interval_s) and not self._put_off(number, owned):
                owned.begin_checkpoint()

    def _put_off(self, number: int, owned: OwnedPartition) -> bool:
        """Whether a checkpoint that is due has time, since the partition is catching up.

        Such begin one after the other: a snapshot of all at once would keep the loop for long.
        """
        now = time.monotonic()
        if now < owned.put_off_until:
            return True
        waits_ms = self.waits_ms(number, int(time.time() * 1000)) or 0
        if waits_ms <= BEHIND_MS:
            return False
        interval_s = interval_behind_s(waits_ms)
        if now < self._none_before or not owned.due(interval_s):
            owned.put_off_until = now + TICK_S  # not asked again with each slice
            return True
        self._none_before = now + interval_s / len(self.partitions)
        return False

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(min(TICK_S, self.config.commit_interval_s))
            try:
                self._begin_due_checkpoints()
                await self._work()
                self._sweep()
            except Exception as error:
                self.fail(error)
                return

    async def _work(self) -> None:
        """Do what states have put off, in turn with the agent's slices of records."""
        while waiting := [
            owned for owned in self.partitions.values() if owned.has_work and owned.uncommitted <= owned.room
        ]:
            for owned in waiting:
                if owned.has_work:
                    began_at = time.perf_counter()
                    owned.work()
                    await self._let_checkpoints_go_on(time.perf_counter() - began_at)

    def _sweep(self) -> None:
        if self._folders is None or time.monotonic() - self._swept_at < SWEEP_EVERY_S:
            return
        self._swept_at = time.monotonic()
        for owned in self.partitions.values():
            if owned.replica is not None and not owned.behind:
                owned.replica.stamp()
        self._folders.sweep()

    def ahead(self, number: int) -> Ahead | None:
        """How much of the input partition is not applied yet; None while that is not known."""
        owned = self.partitions.get(number)
        if owned is None:
            return None
        ahead = self._source.ahead(number, owned.next_offset)
        if ahead is not None and not ahead.records:
            owned.read_to_end(ahead.as_of_ms)
        return ahead

    def waits_ms(self, number: int, now_ms: int) -> int | None:
        """For how long the oldest record of a partition that is not applied has been in Kafka.

        0 where there is none, None while that is not known; how it is estimated: `waiting_since_ms`. Where
        Kafka does not answer any more, there may be one: then it is the time since the last answer.
        """
        owned, ahead = self.partitions.get(number), self.ahead(number)
        if owned is None or ahead is None:
            return None
        if not ahead.records:
            silent_ms = now_ms - ahead.as_of_ms
            return silent_ms if silent_ms > ANSWERED_WITHIN_MS else 0
        since_ms = owned.waiting_since_ms
        return None if since_ms is None else max(0, now_ms - since_ms)

    async def assign(self, numbers: set[int], generation: int, standbys: Iterable[int] = ()) -> None:
        """Own exactly these partitions: drop those lost, restore those new, go on with those kept.

        Of `standbys`, keep copies: whoever owns them may be another worker.
        `generation` is the group's: where one was missed, another worker may have owned, and changed,
        what seems to have been kept. Raises RecoveryError; the worker ends then.
        """
        try:
            await self._assign(numbers, generation, standbys)
        except KafkaError as error:
            names = ", ".join(map(str, sorted(numbers)))
            raise RecoveryError(
                f"could not take over partitions {names} of {self.config.topic}: {error!r}"
            ) from error

    async def _assign(self, numbers: set[int], generation: int, standbys: Iterable[int]) -> None:
        kept = self.partitions.keys() & numbers if generation == self._generation + 1 else set()
        self._generation = generation
        await asyncio.gather(*(self._give_up(number) for number in {*self.partitions} - kept))
        copies = await self.standbys.take(numbers)
        opened = await self._open(sorted(numbers - kept), copies) if numbers - kept else {}
        self.partitions.update(opened)
        if self.failure is not None:
            return
        for owned in self.partitions.values():
            owned.active = True
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick(), name="checkpoint ticker")
        self._observer.on_assigned(sorted(self.partitions))
        self.standbys.follow(set(standbys) - numbers)

    async def _give_up(self, number: int) -> None:
        owned = self.partitions.pop(number)
        await owned.close()
        if owned.replica is not None:
            self._close(owned.replica)

    def _close(self, replica: Replica) -> None:
        if self._folders is not None and replica.store is not None:
            self._folders.close(replica.store)

    async def _open(self, numbers: Sequence[int], copies: Mapping[int, Replica]) -> dict[int, OwnedPartition]:
        writers = {number: self._writer(number) for number in numbers}
        replicas = dict(copies)
        read_before = {number: replica.records for number, replica in copies.items()}
        began_at = time.monotonic()
        try:
            # First of all: it fences the earlier owners, so that log and offsets come to rest.
            await asyncio.gather(*(writer.open() for writer in writers.values()))
            next_offsets = await self._recover(numbers, replicas)
        except BaseException:
            await asyncio.gather(*(writer.close() for writer in writers.values()))
            for replica in replicas.values():
                self._close(replica)
            raise
        finally:
            self.restoring.clear()
        opened = {}
        for number, replica in replicas.items():
            opened[number] = OwnedPartition(
                self.config.topic,
                number,
                replica.state,
                writers[number],
                next_offset=next_offsets[number],
                observer=self._observer,
                on_failure=self.fail,
                replica=replica,
            )
            read = replica.records - read_before.get(number, 0)
            self._observer.on_recovery(number, read, time.monotonic() - began_at)
        return opened

    async def _recover(self, numbers: Sequence[int], replicas: dict[int, Replica]) -> dict[int, int]:
        """Bring `replicas` up to date, those missing too, and return where their input goes on."""
        config = self.config
        layouts = await self._layouts(numbers)
        reader = await recovery.open_reader(config.connection, config.group)
        try:
            bounds = await recovery.bounds(reader, config.changelog, numbers, config.capabilities)
            for number in numbers:
                replicas[number] = self._trusted(
                    replicas.get(number) or self._new_replica(number), layouts[number], *bounds[number]
                )
            await recovery.read_to_end(reader, config.changelog, replicas, self.restoring)
            positions = await recovery.committed_positions(reader, config.topic, numbers, config.capabilities)
        finally:
            await reader.stop()
        next_offsets = {}
        for number, replica in replicas.items():
            replica.settle()
            replica.state.restored()
            next_offsets[number] = recovery.next_offset(
                config.topic, number, positions[number], replica.position
            )
        return next_offsets

    async def _open_standbys(self, numbers: Iterable[int]) -> dict[int, Replica]:
        config, numbers = self.config, sorted(numbers)
        if not numbers:  # all of them are followed already
            return {}
        layouts = await self._layouts(numbers)
        reader = await recovery.open_reader(config.connection, config.group)
        try:
            bounds = await recovery.bounds(reader, config.changelog, numbers, config.capabilities)
        finally:
            await reader.stop()
        return {
            number: self._trusted(self._new_replica(number), layouts[number], *bounds[number])
            for number in numbers
        }

    async def _layouts(self, numbers: Sequence[int]) -> dict[int, Layout | None]:
        config = self.config
        return await recovery.layouts_of(
            config.connection, config.group, config.changelog, numbers, config.layout()
        )

    def _trusted(self, replica: Replica, layout: Layout | None, beginning: int, end: int | None) -> Replica:
        """The replica, if it is of use; else an empty one."""
        why = replica.why_stale(layout, beginning, end)
        if why is not None:
            if self._folders is not None and replica.store is not None:
                self._folders.discard(replica.store, why)
            replica = self._new_replica(replica.number)
        replica.layout = layout
        return replica

    def _new_replica(self, number: int) -> Replica:
        config = self.config
        store = None if self._folders is None else self._folders.open(config.topic, number)
        return Replica(config.changelog, number, self._new_state(number, store), store, config.layout())

    def _writer(self, number: int) -> CheckpointWriter:
        config = self.config
        to = Destination(config.topic, number, config.group, config.changelog, config.outputs)
        if config.guarantee == "exactly_once":
            return TransactionalWriter(config.connection, to)
        return SequentialWriter(config.connection, to, partial(self._source.commit, number))

    async def release(self) -> None:
        """A rebalance begins: write everything, then hold still until `assign`."""
        await self._hold_and_flush()

    async def stop(self) -> None:
        """Write everything and let go. After a failure nothing is written."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        await self._hold_and_flush()
        await self.standbys.stop()
        await asyncio.gather(*(self._give_up(number) for number in list(self.partitions)))

    async def _hold_and_flush(self) -> None:
        # Held first: else the agent goes on with its batch while this waits for the broker.
        held = [owned for owned in self.partitions.values() if owned.active]
        for owned in held:
            owned.active = False
        if self.failure is None:
            # A checkpoint that fails has called `fail`; the others get to finish.
            await asyncio.gather(*(owned.flush() for owned in held), return_exceptions=True)

    def fail(self, error: Exception) -> None:
        """End the worker for this reason; only the first one counts."""
        for owned in self.partitions.values():
            owned.active = False
        if self.failure is None:
            self.failure = error
            self.failed.set()
            self.on_failure(error)
