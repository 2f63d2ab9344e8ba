"""The partitions of an engine: makes their states as they come, and tells the metrics of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Any, cast

from stream.agents.activity import ActivityState
from stream.agents.dead_letters import DeadLetterGuard
from stream.agents.people import show
from stream.agents.rekey import RekeyedState, RouterState
from stream.agents.topics import rekeyed_topic
from stream.core.due import MOST_DUE
from stream.core.movable import MovablePartition
from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from stream.core.rekeyed import RekeyedPartition
from stream.core.router import Router
from stream.engine.engine import Engine
from stream.engine.state import LocalStore, PartitionState
from stream.metrics import Metrics
from stream.settings import Settings


class Partitions:
    """Makes the states of the partitions that come, and is the engine's Observer.

    `states` has those of the partitions owned, `count` says how many there are. Set `engine` before it runs.
    """

    engine: Engine

    def __init__(self, settings: Settings, count: int, metrics: Metrics) -> None:
        self.settings = settings
        self.count = count
        self.metrics = metrics
        self.states: dict[int, Any] = {}

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        """The engine's StateFactory."""
        raise NotImplementedError

    def on_batch(self, partition: int, records: int, seconds: float) -> None:
        """Batches are counted where they reach the persons."""

    def on_checkpoint(self, partition: int, seconds: float) -> None:
        """So are checkpoints."""

    def on_recovery(self, partition: int, records: int, seconds: float) -> None:
        self.metrics.recovery_records.inc(records)
        self.metrics.recovery_seconds.observe(seconds)

    def on_assigned(self, partitions: Sequence[int]) -> None:
        self.states.clear()
        for number in partitions:
            self.states[number] = cast(Any, self.engine.partitions[number].state)

    def measure(self) -> None:
        """Set the gauges that hold for owned partitions."""

    def send_provisional(self, now_ms: int) -> None:
        """Have what is known of open windows written with the next checkpoints, where that is due."""
        for number, owned in self.engine.partitions.items():
            # Between two ticks a rebalance may have begun.
            if owned.active and self.states[number].provisional(now_ms):
                owned.touch()


class Persons(Partitions):
    """The same for those that hold persons."""

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        settings = self.settings
        partitions = self.count
        partition = Partition(
            settings.definition,
            topic=settings.input.topic,
            number=number,
            owns=lambda person: partition_for(person.encode(), partitions) == number,
            store=store,
            most_due=MOST_DUE,
        )
        guard = DeadLetterGuard(settings.input.topic, number, settings.dead_letters.max_ratio)
        return ActivityState(partition, guard, self.metrics)

    def on_batch(self, partition: int, records: int, seconds: float) -> None:
        self.metrics.batch_records.observe(records)
        self.metrics.batch_seconds.observe(seconds)

    def on_checkpoint(self, partition: int, seconds: float) -> None:
        self.metrics.checkpoint_seconds.observe(seconds)

    def on_assigned(self, partitions: Sequence[int]) -> None:
        super().on_assigned(partitions)
        self.metrics.rebalances.inc()
        for state in self.states.values():
            state.partition.hot_limit = max(1, self.settings.store_hot // len(partitions))
        gc.freeze()

    def on_stopped(self, seconds: float) -> None:
        """The app calls it when processing goes on after a rebalance."""
        self.metrics.rebalance_seconds.observe(seconds)
        self.metrics.stopped_seconds.inc(seconds)

    def measure(self) -> None:
        """Set the gauges that hold for owned partitions."""
        engine, metrics = self.engine, self.metrics
        for gauge in metrics.by_partition():
            gauge.clear()
        metrics.standby_partitions.set(len(engine.standbys.replicas))
        metrics.standby_behind.set(sum(engine.standbys.behind.values()))
        now_s, now_monotonic_s = time.time(), time.monotonic()
        for number, owned in engine.partitions.items():
            label = str(number)
            state = self.states.get(number)
            if state is None:  # the worker has failed while it took partitions over
                continue
            metrics.profiles.labels(label).set(len(state.partition))
            show(metrics, label, state.partition.population())
            if owned.replica is not None and owned.replica.store is not None:
                metrics.store_bytes.labels(label).set(owned.replica.store.size())
            watermark = state.partition.watermark
            if watermark is not None:
                metrics.watermark_age.labels(label).set(now_s - watermark / 1000)
            since_s = owned.behind_since
            metrics.checkpoint_age.labels(label).set(0 if since_s is None else now_monotonic_s - since_s)
        self._measure_lag()

    @property
    def reading(self) -> Engine:
        """The engine that reads the input."""
        return self.engine

    def _measure_lag(self) -> None:
        metrics, reading, now_ms = self.metrics, self.reading, int(time.time() * 1000)
        metrics.partitions.set(len(reading.partitions))
        for number in reading.partitions:
            ahead, waits_ms = reading.ahead(number), reading.waits_ms(number, now_ms)
            if ahead is not None:
                metrics.lag.labels(str(number)).set(ahead.records)
            if waits_ms is not None:
                metrics.lag_seconds.labels(str(number)).set(waits_ms / 1000)


class Routers(Partitions):
    """The same for an input that is not keyed by person. `homes` are the internal topic's partitions."""

    def __init__(self, settings: Settings, count: int, metrics: Metrics, *, homes: int) -> None:
        super().__init__(settings, count, metrics)
        self._homes = homes

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        settings = self.settings
        router = Router(
            settings.definition, topic=settings.input.topic, number=number, partitions=self._homes
        )
        guard = DeadLetterGuard(settings.input.topic, number, settings.dead_letters.max_ratio)
        return RouterState(router, guard, self.metrics, store)


class Rekeyed(Persons):
    """The same for the partitions of the internal topic."""

    def __init__(self, settings: Settings, count: int, metrics: Metrics, *, routers: Routers) -> None:
        super().__init__(settings, count, metrics)
        self._routers = routers

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        settings = self.settings
        partition = MovablePartition(
            settings.definition, topic=rekeyed_topic(settings), number=number, store=store, most_due=MOST_DUE
        )
        rekeyed = RekeyedPartition(
            settings.definition,
            number=number,
            partitions=self.count,
            routers=self._routers.count,
            partition=partition,
            store=store,
        )
        return RekeyedState(rekeyed, self.metrics)

    @property
    def reading(self) -> Engine:
        return self._routers.engine

    def measure(self) -> None:
        super().measure()
        metrics = self.metrics
        for number in self.engine.partitions:
            label = str(number)
            ahead = self.engine.ahead(number)
            if ahead is not None:
                metrics.rekeyed_lag.labels(label).set(ahead.records)
            metrics.waiting.labels(label).set(self.states[number].rekeyed.waiting)
