"""One input partition of the flow `activity`: the core's Partition, as the engine runs it, and measured."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from stream.agents.dead_letters import PIECE, DeadLetterGuard
from stream.agents.latency import Latency, of_an_event
from stream.core.engagement.merger import PROVISIONAL_EVERY_MS
from stream.core.engagement.partials import PARTIALS
from stream.core.partition import Counts, Partition
from stream.engine.columns import Columns, columns
from stream.engine.state import Change, Output, Record
from stream.metrics import Metrics


class Judge(Protocol):
    """What of the core judges the records of an input partition: a Partition, or a Router."""

    @property
    def counts(self) -> Counts: ...
    @property
    def newest(self) -> int | None: ...
    def process(
        self,
        values: Sequence[bytes | None],
        *,
        keys: Sequence[bytes | None] | None,
        offsets: Sequence[int],
        arrived_ms: Sequence[int] | None,
    ) -> None: ...
    def advance(self, watermark_ms: int) -> None: ...
    def take_outputs(self) -> Sequence[Output]: ...
    def take_changes(self) -> Sequence[Change]: ...
    def value(self, key: bytes) -> bytes | None: ...
    def keys(self) -> Iterator[bytes]: ...


J = TypeVar("J", bound=Judge)


class InputState(Generic[J]):
    """One partition of the input: what the dead-letter guard and the idle rule need, and the metrics.

    `newest_arrived_ms` is the Kafka time of the newest event, None before the first; `read_at_ms` is
    the wall clock when the last record was processed.
    """

    def __init__(self, partition: J, guard: DeadLetterGuard, metrics: Metrics) -> None:
        self.partition = partition
        self.newest_arrived_ms: int | None = None
        self.read_at_ms: int | None = None
        # What the partition counts as it goes: `partition.counts` adds up the rest each time.
        self._counts = partition.counts
        self._guard = guard
        self._report = Report(metrics)

    def process(self, records: Sequence[Record]) -> None:
        """Apply records, in pieces that the dead-letter guard judges. Raises TooManyDeadLetters."""
        found = columns(records)
        for start in range(0, len(found), PIECE):
            self._process(found[start : start + PIECE])
        self.read_at_ms = _now_ms()
        self._report.send(self.partition.counts)

    def _process(self, records: Columns) -> None:
        partition = self.partition
        dead = self._counts.dead
        dead_before = dead.total()
        newest_before = partition.newest
        partition.process(
            records.values, keys=records.keys, offsets=records.offsets, arrived_ms=records.timestamps
        )
        if partition.newest != newest_before:
            self.newest_arrived_ms = records.timestamps[-1]
        self._guard.saw(len(records), dead.total() - dead_before, dead)

    def advance(self, watermark_ms: int) -> None:
        """Move the watermark without a record (the idle rule)."""
        self.partition.advance(watermark_ms)
        self._report.send(self.partition.counts)

    def take_outputs(self) -> Sequence[Output]:
        return self.partition.take_outputs()

    def take_changes(self) -> Sequence[Change]:
        return self.partition.take_changes()

    def value(self, key: bytes) -> bytes | None:
        return self.partition.value(key)

    def keys(self) -> Iterator[bytes]:
        return self.partition.keys()

    def restored(self) -> None:
        if self.partition.newest is not None:
            # When it arrived is not kept. It was before now, which is what the idle rule needs: an
            # event no older than `live_within` now was not older when it came.
            self.newest_arrived_ms = _now_ms()


class Foretold:
    """What a partition knows of open windows, sent from time to time, where it is something new."""

    def __init__(self) -> None:
        self._sent_at_ms = 0
        self._sent: list[bytes] = []
        self._outputs: list[Output] = []

    def send(self, partition: Partition, now_ms: int) -> bool:
        """Take the parts of open windows, if that is due; True where something is to be written."""
        if now_ms - self._sent_at_ms >= PROVISIONAL_EVERY_MS:
            self._sent_at_ms = now_ms
            parts = partition.provisional_parts()
            if parts != self._sent:
                self._sent = parts
                self._outputs += [(PARTIALS, None, part) for part in parts]
        return bool(self._outputs)

    def take(self) -> list[Output]:
        """The outputs since the last call."""
        outputs, self._outputs = self._outputs, []
        return outputs


class ActivityState(InputState[Partition]):
    """Persons and visits of one input partition: a PartitionState."""

    def __init__(self, partition: Partition, guard: DeadLetterGuard, metrics: Metrics) -> None:
        super().__init__(partition, guard, metrics)
        self._foretold = Foretold()
        self._latency = Latency(metrics)

    def process(self, records: Sequence[Record]) -> None:
        """Apply records, in pieces that the dead-letter guard judges. Raises TooManyDeadLetters."""
        counts = self._counts
        applied, watermark = counts.applied, self.partition.watermark
        super().process(records)
        self._latency.processed(counts.applied - applied, lambda: of_an_event(records, watermark))

    def provisional(self, now_ms: int) -> bool:
        """Send what is known of open windows, if that is due; True where something is to be written."""
        return self._foretold.send(self.partition, now_ms)

    def take_outputs(self) -> Sequence[Output]:
        self._latency.taken()
        # Before what is final: of a window that has closed since, that is the last word.
        return [*self._foretold.take(), *super().take_outputs()]

    def work(self) -> bool:
        """Do some of what was put off; True while more is left."""
        more = self.partition.work()
        self._report.send(self.partition.counts)
        return more

    def take_local(self) -> Sequence[Change]:
        return self.partition.take_local()

    def written(self) -> None:
        self.partition.written()
        self._latency.committed()

    def restore(self, key: bytes, value: bytes | None) -> None:
        self.partition.restore(key, value)

    def restored(self) -> None:
        self.partition.restored()
        super().restored()


class Report:
    """Sends a partition's counters to the metrics: what has come since the last time."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._sent = Counts()

    def send(self, counts: Counts) -> None:
        metrics, sent = self._metrics, self._sent
        for destination in ("applied", "late", "duplicate", "ignored"):
            more = getattr(counts, destination) - getattr(sent, destination)
            if more:
                metrics.events.labels(destination).inc(more)
                setattr(sent, destination, getattr(counts, destination))
        for result in ("joined", "unjoined"):
            more = getattr(counts, result) - getattr(sent, result)
            if more:
                metrics.joins.labels(result).inc(more)
                setattr(sent, result, getattr(counts, result))
        if counts.late_for_window != sent.late_for_window:
            metrics.late_for_window.inc(counts.late_for_window - sent.late_for_window)
            sent.late_for_window = counts.late_for_window
        if counts.visits != sent.visits:
            metrics.visits.inc(counts.visits - sent.visits)
            sent.visits = counts.visits
        if counts.dead != sent.dead:
            for reason, more in (counts.dead - sent.dead).items():
                metrics.events.labels("dead_letter").inc(more)
                metrics.dead_letters.labels(reason).inc(more)
            sent.dead = counts.dead.copy()
        if counts.key_events != sent.key_events:
            for name, more in (counts.key_events - sent.key_events).items():
                metrics.key_events.labels(name).inc(more)
            sent.key_events = counts.key_events
        if counts.transitions != sent.transitions:
            for (kind, reason), more in (counts.transitions - sent.transitions).items():
                metrics.transitions.labels(kind, reason).inc(more)
            sent.transitions = counts.transitions.copy()


def _now_ms() -> int:
    return int(time.time() * 1000)
