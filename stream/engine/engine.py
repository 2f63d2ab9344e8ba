"""Runs the states of the input partitions that Faust assigns to this worker, with checkpoints of each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct

from stream.engine.checkpoint import CheckpointWriter, Destination, SequentialWriter, TransactionalWriter
from stream.engine.client import Capabilities, Guarantee, KafkaError
from stream.engine.connection import Connection
from stream.engine.errors import RecoveryError
from stream.engine.owned import OwnedPartition
from stream.engine.recovery import recover
from stream.engine.state import Ahead, Observer, Record, StateFactory

# Between slices of a batch the event loop goes on with checkpoints: 500 records take some milliseconds.
SLICE = 500
# A partition waits for its checkpoint in flight once this many records have piled up behind it.
MAX_UNCOMMITTED = 100_000
TICK_S = 0.05

log = logging.getLogger(__name__)


class EngineConfig(Struct, frozen=True, kw_only=True):
    """What the engine runs on. `outputs` maps the names of a state's outputs to topics."""

    connection: Connection
    group: str
    topic: str
    changelog: str
    outputs: Mapping[str, str]
    commit_interval_s: float
    guarantee: Guarantee
    capabilities: Capabilities


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
    processed or written any more. `on_failure` is called with it once.
    """

    def __init__(
        self, config: EngineConfig, source: Input, new_state: StateFactory, observer: Observer
    ) -> None:
        self.config = config
        self.partitions: dict[int, OwnedPartition] = {}
        self.failure: Exception | None = None
        self.failed = asyncio.Event()
        self.on_failure: Callable[[Exception], None] = lambda _: None
        self._source = source
        self._new_state = new_state
        self._observer = observer
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
            )
            await self._source.seek(owned.number, owned.next_offset)
            return
        for start in range(0, len(unseen), SLICE):
            piece = unseen[start : start + SLICE]
            began_at = time.perf_counter()
            owned.process(piece)
            self._observer.on_batch(owned.number, len(piece), time.perf_counter() - began_at)
            self._begin_due_checkpoints()
            # Twice: once for the sockets, once for the tasks that they wake.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if owned.uncommitted > MAX_UNCOMMITTED:
                await owned.checkpoint_done()
            if not owned.active:
                return

    def _begin_due_checkpoints(self) -> None:
        for owned in self.partitions.values():
            if owned.due(self.config.commit_interval_s):
                owned.begin_checkpoint()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(min(TICK_S, self.config.commit_interval_s))
            try:
                self._begin_due_checkpoints()
                await self._work()
            except Exception as error:
                self.fail(error)
                return

    async def _work(self) -> None:
        """Do what states have put off, in turn with the agent's slices of records."""
        while waiting := [
            owned
            for owned in self.partitions.values()
            if owned.has_work and owned.uncommitted <= MAX_UNCOMMITTED
        ]:
            for owned in waiting:
                if owned.has_work:
                    owned.work()
                    self._begin_due_checkpoints()
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)

    def ahead(self, number: int) -> Ahead | None:
        """How much of the input partition is not applied yet; None while that is not known."""
        owned = self.partitions.get(number)
        return None if owned is None else self._source.ahead(number, owned.next_offset)

    async def assign(self, numbers: set[int], generation: int) -> None:
        """Own exactly these partitions: drop those lost, restore those new, go on with those kept.

        `generation` is the group's: where one was missed, another worker may have owned, and changed,
        what seems to have been kept. Raises RecoveryError; the worker ends then.
        """
        try:
            await self._assign(numbers, generation)
        except KafkaError as error:
            names = ", ".join(map(str, sorted(numbers)))
            raise RecoveryError(
                f"could not take over partitions {names} of {self.config.topic}: {error!r}"
            ) from error

    async def _assign(self, numbers: set[int], generation: int) -> None:
        kept = self.partitions.keys() & numbers if generation == self._generation + 1 else set()
        self._generation = generation
        await asyncio.gather(*(self.partitions.pop(number).close() for number in {*self.partitions} - kept))
        opened = await self._open(sorted(numbers - kept)) if numbers - kept else {}
        self.partitions.update(opened)
        if self.failure is not None:
            return
        for owned in self.partitions.values():
            owned.active = True
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick(), name="checkpoint ticker")
        self._observer.on_assigned(sorted(self.partitions))

    async def _open(self, numbers: Sequence[int]) -> dict[int, OwnedPartition]:
        config = self.config
        writers = {number: self._writer(number) for number in numbers}
        states = {number: self._new_state(number, None) for number in numbers}
        try:
            # First of all: it fences the earlier owners, so that log and offsets come to rest.
            await asyncio.gather(*(writer.open() for writer in writers.values()))
            recovered = await recover(
                config.connection,
                config.group,
                topic=config.topic,
                changelog=config.changelog,
                states=states,
                capabilities=config.capabilities,
            )
        except BaseException:
            await asyncio.gather(*(writer.close() for writer in writers.values()))
            raise
        opened = {}
        for number, found in recovered.items():
            opened[number] = OwnedPartition(
                config.topic,
                number,
                states[number],
                writers[number],
                next_offset=found.next_offset,
                observer=self._observer,
                on_failure=self.fail,
            )
            self._observer.on_recovery(number, found.records, found.seconds)
        return opened

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
        await asyncio.gather(*(owned.close() for owned in self.partitions.values()))
        self.partitions.clear()

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
