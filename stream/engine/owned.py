"""One input partition that this worker owns: its state, its position, and the checkpoint in flight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from stream.engine.checkpoint import CheckpointWriter, Snapshot
from stream.engine.errors import CheckpointError
from stream.engine.replica import Replica
from stream.engine.state import Observer, PartitionState, Record

# A slice of put-off work makes about as many outputs as this many records.
WORK_COUNTS = 500
# Writing a checkpoint should not take longer: a line that is slow gets smaller ones. Far more than a busy
# broker takes to answer, which does not depend on the size, and far less than a transaction may live.
AIM_S = 10.0
# Records that may pile up behind a checkpoint in flight: at first, at least, and at most.
FIRST_ROOM, LEAST_ROOM, MOST_ROOM = 10_000, 1_000, 100_000


class OwnedPartition:
    """State and position of `topic`/`number`, always in step: `next_offset` is the first one not applied.

    `active` is False while a rebalance is under way and for good once the partition is lost: then
    nothing may be processed or written. `on_failure` is called if a checkpoint can't be written.
    `room` is how many records may be `uncommitted` before the partition waits for its checkpoint: as many
    as the last ones' speed says can be written in AIM_S.
    `next_arrived_ms` is the Kafka time of the first record not applied, where that has been fetched.
    `put_off_until` is the monotonic time until which nobody need look whether a checkpoint is due.
    `replica` is told of what is committed; without one, nothing is kept but in Kafka.
    """

    def __init__(
        self,
        topic: str,
        number: int,
        state: PartitionState,
        writer: CheckpointWriter,
        *,
        next_offset: int,
        observer: Observer,
        on_failure: Callable[[Exception], None],
        replica: Replica | None = None,
    ) -> None:
        self.topic = topic
        self.number = number
        self.state = state
        self.next_offset = next_offset
        self.committed_offset = next_offset
        self.active = False
        self.next_arrived_ms: int | None = None
        self.uncommitted = 0
        self.room = FIRST_ROOM
        self.put_off_until = 0.0
        self.replica = replica
        self._writer = writer
        self._observer = observer
        self._on_failure = on_failure
        self._slow = False
        self._dirty_since: float | None = None
        self._written_since: float | None = None
        self._arrived_ms: int | None = None
        self._more = True
        self._began_at = time.monotonic()
        self._in_flight: asyncio.Task[None] | None = None
        self._sought = (-1, -1)

    def unseen(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records not applied yet: a seek to the committed offset brings some a second time."""
        if not records or records[0].offset >= self.next_offset:
            return records
        return [record for record in records if record.offset >= self.next_offset]

    def skipped(self, first_offset: int, follows: int | None) -> bool:
        """Whether records before `first_offset` have to be fetched first, by seeking to `next_offset`.

        Offsets may be missing for good (transaction markers, compaction, retention): a gap is taken as
        it is where the batch directly `follows` an offset up to which everything was seen, or where the
        gap is still there after seeking. Batches further on that were queued before the seek are
        skipped too, since they come again.
        """
        if first_offset <= self.next_offset or (follows is not None and follows <= self.next_offset):
            return False
        sought_from, gap_end = self._sought
        if sought_from != self.next_offset:
            self._sought = (self.next_offset, first_offset)
            return True
        return first_offset > gap_end

    def process(self, records: Sequence[Record]) -> None:
        """Apply records that `unseen` and `skipped` let through."""
        self.state.process(records)
        self.next_offset = records[-1].offset + 1
        self._arrived_ms = records[-1].timestamp
        self.uncommitted += len(records)
        self._changed()
        self._more = self.state.work()

    def touch(self) -> None:
        """The state has changed without a record (time went on): it has to be written."""
        self._changed()
        self._more = self.state.work()

    def _changed(self) -> None:
        if self._dirty_since is None:
            self._dirty_since = time.monotonic()

    def read_to_end(self, as_of_ms: int) -> None:
        """At this wall clock time there was nothing that was not applied: what comes arrives later."""
        self._arrived_ms = max(self._arrived_ms or 0, as_of_ms)

    @property
    def waiting_since_ms(self) -> int | None:
        """The Kafka time of the oldest record not applied, if there is one. None: not known.

        An estimate where that has not been fetched: it came after the last that was applied, and after the
        partition had last been read to its end, so this is the later of the two. (The record has waited for
        less, if Kafka's times are in order.)
        """
        return self._arrived_ms if self.next_arrived_ms is None else self.next_arrived_ms

    @property
    def has_work(self) -> bool:
        """Whether work that was put off may be left, and may be done now."""
        return self._more and self.active

    def work(self) -> None:
        """Do a slice of the work that was put off. Its outputs count as if records had come."""
        self._more = self.state.work()
        self.uncommitted += WORK_COUNTS
        self._changed()

    @property
    def writing(self) -> bool:
        """Whether a checkpoint is in flight."""
        return self._in_flight is not None

    @property
    def behind(self) -> bool:
        """Whether there is anything that is not durable yet."""
        return self.behind_since is not None

    @property
    def behind_since(self) -> float | None:
        """Since when, by the monotonic clock, the oldest change that is not durable has waited."""
        return self._written_since or self._dirty_since

    def due(self, interval_s: float) -> bool:
        """Whether a checkpoint should begin now."""
        return (
            self._dirty_since is not None
            and self.active
            and self._in_flight is None
            and (time.monotonic() - self._began_at >= interval_s or self._full)
        )

    @property
    def _full(self) -> bool:
        # The interval is kept unless what it brings can't be written in AIM_S, or held in memory.
        return self.uncommitted >= (self.room if self._slow else MOST_ROOM)

    def begin_checkpoint(self) -> asyncio.Task[None]:
        """Take the snapshot at once, and write it in a task while the partition goes on."""
        assert self._in_flight is None, "one checkpoint in flight per partition"
        state = self.state
        layout = self.replica.layout_due() if self.replica is not None else None
        snapshot = Snapshot(
            state.take_outputs(), state.take_changes(), self.next_offset, state.take_local(), layout
        )
        records, self.uncommitted = self.uncommitted, 0
        self._written_since, self._dirty_since = self._dirty_since or time.monotonic(), None
        self._began_at = time.monotonic()
        task = asyncio.create_task(
            self._write(snapshot, records), name=f"checkpoint {self.topic}/{self.number}"
        )
        # Whoever awaits the task gets its exception; without this, nobody doing so is logged as a defect.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._in_flight = task
        return task

    async def _write(self, snapshot: Snapshot, records: int) -> None:
        began_at = time.monotonic()
        try:
            changelog_end = await self._commit(snapshot)
            if self.replica is not None:
                await self.replica.committed(snapshot, changelog_end)
        except Exception as error:
            self._on_failure(error)
            raise
        finally:
            self._in_flight = None
            self._written_since = None
        self.state.written()
        self.committed_offset = snapshot.next_offset
        seconds = time.monotonic() - began_at
        self._make_room(records, seconds)
        self._observer.on_checkpoint(self.number, seconds)

    def _make_room(self, records: int, seconds: float) -> None:
        self._slow = seconds > AIM_S
        if not self._slow:
            self.room = min(MOST_ROOM, 2 * self.room)
        elif records:
            self.room = max(LEAST_ROOM, min(self.room, int(records * AIM_S / seconds)))

    async def _commit(self, snapshot: Snapshot) -> int | None:
        try:
            return await self._writer.write(snapshot)
        except Exception as error:
            raise CheckpointError(
                f"checkpoint of {self.topic}/{self.number} at offset {snapshot.next_offset} failed: "
                f"{error or repr(error)}"
            ).at(self.topic, self.number, snapshot.next_offset) from error

    async def checkpoint_done(self) -> None:
        """Wait for the checkpoint in flight, if any. Raises CheckpointError if it fails."""
        if self._in_flight is not None:
            await asyncio.shield(self._in_flight)

    async def flush(self) -> None:
        """Make everything applied so far durable. Raises CheckpointError."""
        await self.checkpoint_done()
        if self._dirty_since is not None:
            await asyncio.shield(self.begin_checkpoint())

    async def close(self) -> None:
        """Give the partition up. What was not flushed is lost here, and its next owner computes it again."""
        self.active = False
        if self._in_flight is not None:
            self._in_flight.cancel()
            await asyncio.wait([self._in_flight])
        await self._writer.close()
