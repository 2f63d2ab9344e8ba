"""The two flows of a stream that is not keyed by person, as the engine runs them: routers, and persons."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from stream.agents.activity import Report
from stream.agents.dead_letters import PIECE, DeadLetterGuard
from stream.core.partition import Partition
from stream.core.rekeyed import RekeyedPartition
from stream.core.router import Router
from stream.engine.state import Change, LocalStore, Output, Record
from stream.metrics import Metrics

_PROGRESS_KEY = b"\xff"
_IDS_END = b"\xf5"


class RouterState:
    """One partition of the input: a PartitionState.

    `newest_arrived_ms` and `read_at_ms` are those of ActivityState: the idle rule asks here.
    """

    def __init__(
        self, router: Router, guard: DeadLetterGuard, metrics: Metrics, store: LocalStore | None
    ) -> None:
        self.partition = router
        self.newest_arrived_ms: int | None = None
        self.read_at_ms: int | None = None
        self._guard = guard
        self._store = store
        self._report = Report(metrics)

    def process(self, records: Sequence[Record]) -> None:
        """Judge records and send them on, in pieces for the dead-letter guard. Raises TooManyDeadLetters."""
        router = self.partition
        for start in range(0, len(records), PIECE):
            piece = records[start : start + PIECE]
            dead_before, newest_before = router.counts.dead.total(), router.newest
            router.process(
                [record.value for record in piece],
                keys=[record.key for record in piece],
                offsets=[record.offset for record in piece],
                arrived_ms=[record.timestamp for record in piece],
            )
            if router.newest != newest_before:
                self.newest_arrived_ms = piece[-1].timestamp
            self._guard.saw(len(piece), router.counts.dead.total() - dead_before, router.counts.dead)
        self.read_at_ms = _now_ms()
        self._report.send(router.counts)

    def advance(self, watermark_ms: int) -> None:
        """Move the watermark without a record (the idle rule)."""
        self.partition.advance(watermark_ms)

    def work(self) -> bool:
        return False

    def take_outputs(self) -> Sequence[Output]:
        return self.partition.take_outputs()

    def take_changes(self) -> Sequence[Change]:
        return self.partition.take_changes()

    def take_local(self) -> Sequence[Change]:
        return ()

    def written(self) -> None:
        pass

    def value(self, key: bytes) -> bytes | None:
        return self.partition.value(key)

    def keys(self) -> Iterator[bytes]:
        return self.partition.keys()

    def restore(self, key: bytes, value: bytes | None) -> None:
        if self._store is None:
            self.partition.restore(key, value)

    def restored(self) -> None:
        store = self._store
        if store is not None:
            for key in [*store.keys(b"", _IDS_END), _PROGRESS_KEY]:
                self.partition.restore(key, store.get(key))
        if self.partition.newest is not None:
            # As in ActivityState: it was before now.
            self.newest_arrived_ms = _now_ms()


class RekeyedState:
    """One partition of the internal topic: a PartitionState."""

    def __init__(self, rekeyed: RekeyedPartition, metrics: Metrics) -> None:
        self.rekeyed = rekeyed
        self._report = Report(metrics)

    @property
    def partition(self) -> Partition:
        return self.rekeyed.partition

    def process(self, records: Sequence[Record]) -> None:
        """Work off envelopes."""
        values = [record.value or b"" for record in records]
        self.rekeyed.process(values, [record.offset for record in records])
        self._report.send(self.partition.counts)

    def work(self) -> bool:
        more = self.partition.work()
        self._report.send(self.partition.counts)
        return more

    def take_outputs(self) -> Sequence[Output]:
        return self.rekeyed.take_outputs()

    def take_changes(self) -> Sequence[Change]:
        return self.rekeyed.take_changes()

    def take_local(self) -> Sequence[Change]:
        return self.partition.take_local()

    def written(self) -> None:
        self.partition.written()

    def value(self, key: bytes) -> bytes | None:
        return self.partition.value(key)

    def keys(self) -> Iterator[bytes]:
        return self.partition.keys()

    def restore(self, key: bytes, value: bytes | None) -> None:
        self.rekeyed.restore(key, value)

    def restored(self) -> None:
        self.rekeyed.restored()


def _now_ms() -> int:
    return int(time.time() * 1000)
