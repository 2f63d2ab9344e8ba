"""The merger, as the engine runs it: one for the whole product, fed by the one partition of the partials."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

from stream.agents.exposed import Exposed
from stream.agents.partitions import Partitions
from stream.agents.published import LatestWindows, Published
from stream.core.engagement.merger import Merger
from stream.core.partitioner import partition_for
from stream.engine.state import Change, LocalStore, Output, PartitionState, Record
from stream.metrics import Metrics
from stream.settings import Settings

MOST_KEYS = 20_000
"""Of the outputs, whose partitions are remembered."""

# What states never see of a store lies between these.
_OWN, _OWN_END, _END = b"\xf9", b"\xfa", b"\xff" * 64


class MergerState:
    """What the partials of all partitions come to: a PartitionState.

    Outputs go to the partition of their key, of so many `partitions` that the outputs' topics have.
    """

    def __init__(
        self, merger: Merger, metrics: Metrics, store: LocalStore | None, *, partitions: int
    ) -> None:
        self.merger = merger
        self._store = store
        # Of the keys that come again with every window: series.
        self._home = lru_cache(maxsize=MOST_KEYS)(partial(partition_for, partitions=partitions))
        self._outputs: list[Output] = []
        self._metrics = metrics
        self._published = Published(metrics)

    def process(self, parts: Sequence[Record]) -> None:
        """Merge parts. Raises ValueError for a newer version's."""
        self.merger.process([part.value for part in parts if part.value is not None])
        self._metrics.parts.inc(len(parts))

    @property
    def latest(self) -> LatestWindows:
        """The latest windows as published; empty after a restart, until the next."""
        return self._published.latest

    def work(self) -> bool:
        return self.merger.work()

    def provisional(self, now_ms: int) -> bool:
        """Publish what is known of open windows, if that is due; True where something is to be written."""
        self.merger.provisional(now_ms)
        self._collect()
        return bool(self._outputs)

    def _collect(self) -> None:
        for topic, key, value in self.merger.take_outputs():
            assert key is not None
            assert value is not None
            self._published.saw(topic, value)
            self._outputs.append((topic, key, value, self._home(key)))

    def take_outputs(self) -> Sequence[Output]:
        self._collect()
        outputs, self._outputs = self._outputs, []
        return outputs

    def take_changes(self) -> Sequence[Change]:
        return self.merger.take_changes()

    def take_local(self) -> Sequence[Change]:
        return ()

    def written(self) -> None:
        pass

    def value(self, key: bytes) -> bytes | None:
        return self.merger.value(key)

    def keys(self) -> Iterator[bytes]:
        return self.merger.keys()

    def restore(self, key: bytes, value: bytes | None) -> None:
        if self._store is None:
            self.merger.restore(key, value)

    def restored(self) -> None:
        store = self._store
        if store is not None:
            for start, end in ((b"", _OWN), (_OWN_END, _END)):
                for key in store.keys(start, end):
                    self.merger.restore(key, store.get(key))
        self.merger.restored()


class Merging(Partitions):
    """The merger's partition. `sources` are the partitions that send parts, and those of the outputs."""

    def __init__(self, settings: Settings, metrics: Metrics, *, sources: int) -> None:
        super().__init__(settings, 1, metrics)
        self._sources = sources
        self._exposed = Exposed(metrics, most_series=settings.metrics.series)

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        merger = Merger(self.settings.definition, sources=self._sources)
        return MergerState(merger, self.metrics, store, partitions=self._sources)

    def measure(self) -> None:
        metrics = self.metrics
        self._exposed.clear()
        for number, state in self.states.items():
            if number not in self.engine.partitions:
                continue
            merger: Merger = state.merger
            ahead = self.engine.ahead(number)
            if ahead is not None:
                metrics.parts_lag.labels(str(number)).set(ahead.records)
            if merger.closed_ms is not None:
                metrics.engagement_age.labels(str(number)).set(time.time() - merger.closed_ms / 1000)
            self._exposed.windows(state.latest)
            known = {incident.incident_id: incident for incident in merger.open_incidents()}
            self._exposed.incidents(list((state.latest.foretold | known).values()))
            if merger.last_daily is not None:
                self._exposed.daily(merger.last_daily)
