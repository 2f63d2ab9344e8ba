"""The two flows of a stream that is not keyed by person, as the engine runs them: routers, and persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.agents.activity import Foretold, InputState, Report
from stream.agents.dead_letters import DeadLetterGuard
from stream.agents.latency import Latency, of_an_envelope
from stream.core.partition import Partition
from stream.core.rekeyed import RekeyedPartition
from stream.core.router import Router
from stream.engine.columns import columns
from stream.engine.state import Change, LocalStore, Output, Record
from stream.metrics import Metrics

_PROGRESS_KEY = b"\xff"
_IDS_END = b"\xf5"


class RouterState(InputState[Router]):
    """One partition of the input, whose records are judged and sent on: a PartitionState."""

    def __init__(
        self, router: Router, guard: DeadLetterGuard, metrics: Metrics, store: LocalStore | None
    ) -> None:
        super().__init__(router, guard, metrics)
        self._store = store

    def work(self) -> bool:
        return False

    def take_local(self) -> Sequence[Change]:
        return ()

    def written(self) -> None:
        pass

    def restore(self, key: bytes, value: bytes | None) -> None:
        if self._store is None:
            self.partition.restore(key, value)

    def restored(self) -> None:
        store = self._store
        if store is not None:
            for key in [*store.keys(b"", _IDS_END), _PROGRESS_KEY]:
                self.partition.restore(key, store.get(key))
        super().restored()


class RekeyedState:
    """One partition of the internal topic: a PartitionState."""

    def __init__(self, rekeyed: RekeyedPartition, metrics: Metrics) -> None:
        self.rekeyed = rekeyed
        self._report = Report(metrics)
        self._foretold = Foretold()
        self._latency = Latency(metrics)

    @property
    def partition(self) -> Partition:
        return self.rekeyed.partition

    def process(self, records: Sequence[Record]) -> None:
        """Work off envelopes."""
        applied = self.partition.counts.applied
        found = columns(records)
        self.rekeyed.process([value or b"" for value in found.values], found.offsets)
        self._latency.processed(self.partition.counts.applied - applied, lambda: of_an_envelope(records))
        self._report.send(self.partition.counts)

    def work(self) -> bool:
        more = self.partition.work()
        self._report.send(self.partition.counts)
        return more

    def provisional(self, now_ms: int) -> bool:
        """Send what is known of open windows, if that is due; True where something is to be written."""
        return self._foretold.send(self.partition, now_ms)

    def take_outputs(self) -> Sequence[Output]:
        self._latency.taken()
        return [*self._foretold.take(), *self.rekeyed.take_outputs()]

    def take_changes(self) -> Sequence[Change]:
        return self.rekeyed.take_changes()

    def take_local(self) -> Sequence[Change]:
        return self.partition.take_local()

    def written(self) -> None:
        self.partition.written()
        self._latency.committed()

    def value(self, key: bytes) -> bytes | None:
        return self.partition.value(key)

    def keys(self) -> Iterator[bytes]:
        return self.partition.keys()

    def restore(self, key: bytes, value: bytes | None) -> None:
        self.rekeyed.restore(key, value)

    def restored(self) -> None:
        self.rekeyed.restored()
