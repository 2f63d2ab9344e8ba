"""The flow: the input topic, the agent that works it off, the table that keeps persons, the output topics."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Any, cast

from stream import __version__
from stream.agents.activity import ActivityState
from stream.agents.clocks import Clocks
from stream.agents.dead_letters import DeadLetterGuard
from stream.agents.idle import IdleRule
from stream.agents.rekey import RekeyedState, RouterState
from stream.core.due import MOST_DUE
from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from stream.core.rekeyed import RekeyedPartition
from stream.core.router import REKEYED, Router
from stream.engine.app import EngineApp, add_engine, create_app, input_topic, state_table
from stream.engine.client import Capabilities, Guarantee
from stream.engine.engine import Engine, EngineConfig
from stream.engine.errors import EngineError
from stream.engine.state import LocalStore, PartitionState
from stream.metrics import Metrics
from stream.settings import Settings

OUTPUTS = ("visits", "transitions", "late", "dead-letters")
TABLE = "profiles"
ROUTERS = "routers"

FREEZE_EVERY_S = 300.0


def changelog_topic(settings: Settings) -> str:
    """The compacted topic from which profiles are restored: what Faust names it for the table."""
    return f"{settings.group}-{TABLE}-changelog"


def rekeyed_topic(settings: Settings) -> str:
    """The internal topic of a stream that is not keyed by person."""
    return f"{settings.group}-{REKEYED}"


def routers_changelog_topic(settings: Settings) -> str:
    """The compacted topic from which the routers of such a stream are restored."""
    return f"{settings.group}-{ROUTERS}-changelog"


def clocks_topic(settings: Settings) -> str:
    """The compacted topic by which workers tell each other of their partitions' time."""
    return f"{settings.group}-clocks"


def guarantee_of(settings: Settings, capabilities: Capabilities) -> Guarantee:
    """The guarantee that holds on this broker. Raises EngineError where the one asked for can't."""
    if settings.guarantee == "auto":
        return "exactly_once" if capabilities.transactions else "at_least_once"
    if settings.guarantee == "exactly_once" and not capabilities.transactions:
        raise EngineError(
            f'guarantee = "exactly_once" needs a broker with transactions, and {settings.broker} has none: '
            'use Apache Kafka, or set guarantee to "at_least_once" or "auto"'
        )
    return settings.guarantee


def build(
    settings: Settings,
    *,
    partitions: int,
    rekeyed: int | None = None,
    capabilities: Capabilities,
    metrics: Metrics,
) -> EngineApp:
    """The Faust app of a worker, ready to run.

    `partitions` is the number of them that the input topic has; `rekeyed` that of the internal topic,
    where the input is not keyed by person.
    """
    guarantee = guarantee_of(settings, capabilities)
    app = create_app(
        settings.group,
        settings.connection,
        capabilities,
        data_dir=settings.data_dir,
        store=settings.store,
        standby=settings.standby,
    )

    def config(topic: str, table: str, outputs: dict[str, str], count: int, *, keyed: bool) -> EngineConfig:
        return EngineConfig(
            connection=settings.connection,
            group=settings.group,
            topic=topic,
            changelog=f"{settings.group}-{table}-changelog",
            outputs=outputs,
            commit_interval_s=settings.commit_interval_ms / 1000,
            guarantee=guarantee,
            capabilities=capabilities,
            partitions=count,
            key=(settings.input.key if keyed else None) or "person",
            keyed=keyed,
        )

    outputs = {name: settings.output_topic(name) for name in OUTPUTS}
    source = settings.input.topic
    flow = _Flow(settings, partitions, metrics)
    if rekeyed is None:
        read_by = flow
        flow.engine = add_engine(
            app, config(source, TABLE, outputs, partitions, keyed=True), flow.new_state, flow
        )
    else:
        read_by = _Routers(settings, partitions, metrics, homes=rekeyed)
        flow = _Rekeyed(settings, rekeyed, metrics, routers=read_by)
        outputs[REKEYED] = rekeyed_topic(settings)
        routing = config(source, ROUTERS, outputs, partitions, keyed=False)
        persons = config(outputs[REKEYED], TABLE, outputs, rekeyed, keyed=False)
        read_by.engine = add_engine(app, routing, read_by.new_state, read_by)
        flow.engine = add_engine(app, persons, flow.new_state, flow)
        state_table(app, read_by.engine, ROUTERS, partitions=partitions)
        _declare_agent(app, read_by.engine, "routers")
    app.on_stopped = flow.on_stopped
    state_table(app, flow.engine, TABLE, partitions=flow.partitions)
    _declare_agent(app, flow.engine, "activity")
    _declare_timers(app, read_by)
    metrics.worker.info(
        {"version": __version__, "definition": settings.definition.hash(), "guarantee": guarantee}
    )
    metrics.before_render = flow.measure
    return app


def _declare_agent(app: EngineApp, engine: Engine, name: str) -> None:
    @app.agent(input_topic(app, engine), name=name)
    async def work_off(batches: Any) -> None:
        async for event in batches.events():
            batch = event.message
            await engine.process(batch.partition, batch.records, follows=batch.follows)


def _declare_timers(app: EngineApp, flow: _Flow) -> None:
    idle = IdleRule(flow.engine, flow.states, flow.settings)
    idle_tick_s = min(5.0, max(0.1, flow.settings.idle_after_ms / 5_000))
    clocks = Clocks(flow.settings.connection, clocks_topic(flow.settings), flow.partitions)

    @app.timer(idle_tick_s)  # type: ignore[untyped-decorator]
    async def advance_idle_partitions() -> None:
        try:
            now_ms = int(time.time() * 1000)
            own = idle.clocks(now_ms)
            idle.apply(own, await clocks.exchange(own, now_ms) if own else {}, now_ms)
        except Exception as error:
            flow.engine.fail(error)

    @app.on_before_shutdown.connect
    async def let_go_of_the_board(*args: Any, **kwargs: Any) -> None:
        await clocks.close()

    @app.timer(FREEZE_EVERY_S)  # type: ignore[untyped-decorator]
    async def freeze_profiles() -> None:
        # A full collection with a million open visits takes a second, and finds nothing: profiles
        # are no cycles. What lives is moved out of the collector's sight.
        gc.collect(1)
        gc.freeze()


class _Flow:
    """Makes the states of the partitions that come, and is the engine's Observer.

    `states` has those of the partitions owned. Set `engine` before it runs.
    """

    engine: Engine

    def __init__(self, settings: Settings, partitions: int, metrics: Metrics) -> None:
        self.settings = settings
        self.states: dict[int, Any] = {}
        self.partitions = partitions
        self._metrics = metrics

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        settings = self.settings
        partitions = self.partitions
        partition = Partition(
            settings.definition,
            topic=settings.input.topic,
            number=number,
            owns=lambda person: partition_for(person.encode(), partitions) == number,
            store=store,
            most_due=MOST_DUE,
        )
        guard = DeadLetterGuard(settings.input.topic, number, settings.dead_letters.max_ratio)
        return ActivityState(partition, guard, self._metrics)

    def on_batch(self, partition: int, records: int, seconds: float) -> None:
        self._metrics.batch_records.observe(records)
        self._metrics.batch_seconds.observe(seconds)

    def on_checkpoint(self, partition: int, seconds: float) -> None:
        self._metrics.checkpoint_seconds.observe(seconds)

    def on_recovery(self, partition: int, records: int, seconds: float) -> None:
        self._metrics.recovery_records.inc(records)
        self._metrics.recovery_seconds.observe(seconds)

    def on_assigned(self, partitions: Sequence[int]) -> None:
        self._metrics.rebalances.inc()
        self.states.clear()
        for number in partitions:
            state = self.states[number] = cast(Any, self.engine.partitions[number].state)
            state.partition.hot_limit = max(1, self.settings.store_hot // len(partitions))
        gc.freeze()

    def on_stopped(self, seconds: float) -> None:
        """The app calls it when processing goes on after a rebalance."""
        self._metrics.rebalance_seconds.observe(seconds)
        self._metrics.stopped_seconds.inc(seconds)

    def measure(self) -> None:
        """Set the gauges that hold for owned partitions."""
        engine, metrics = self.engine, self._metrics
        for gauge in metrics.by_partition():
            gauge.clear()
        metrics.partitions.set(len(engine.partitions))
        metrics.standby_partitions.set(len(engine.standbys.replicas))
        metrics.standby_behind.set(sum(engine.standbys.behind.values()))
        metrics.restoring.set(sum(engine.restoring.values()))
        now_s, now_monotonic_s = time.time(), time.monotonic()
        for number, owned in engine.partitions.items():
            label = str(number)
            state = self.states[number]
            metrics.persons.labels(label).set(len(state.partition))
            ahead = engine.ahead(number)
            if ahead is not None:
                metrics.lag.labels(label).set(ahead.records)
            watermark = state.partition.watermark
            if watermark is not None:
                metrics.watermark_age.labels(label).set(now_s - watermark / 1000)
            age = now_monotonic_s - owned.committed_at if owned.behind else 0.0
            metrics.checkpoint_age.labels(label).set(age)


class _Routers(_Flow):
    """The same for an input that is not keyed by person. `homes` are the internal topic's partitions."""

    def __init__(self, settings: Settings, partitions: int, metrics: Metrics, *, homes: int) -> None:
        super().__init__(settings, partitions, metrics)
        self._homes = homes

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        settings = self.settings
        router = Router(
            settings.definition, topic=settings.input.topic, number=number, partitions=self._homes
        )
        guard = DeadLetterGuard(settings.input.topic, number, settings.dead_letters.max_ratio)
        return RouterState(router, guard, self._metrics, store)

    def on_batch(self, partition: int, records: int, seconds: float) -> None:
        """Batches are counted where they reach the persons."""

    def on_checkpoint(self, partition: int, seconds: float) -> None:
        """So are checkpoints."""

    def on_assigned(self, partitions: Sequence[int]) -> None:
        self.states.clear()
        for number in partitions:
            self.states[number] = cast(Any, self.engine.partitions[number].state)


class _Rekeyed(_Flow):
    """The same for the partitions of the internal topic."""

    def __init__(self, settings: Settings, partitions: int, metrics: Metrics, *, routers: _Routers) -> None:
        super().__init__(settings, partitions, metrics)
        self._routers = routers

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        settings = self.settings
        partition = Partition(
            settings.definition, topic=rekeyed_topic(settings), number=number, store=store, most_due=MOST_DUE
        )
        rekeyed = RekeyedPartition(
            settings.definition,
            number=number,
            partitions=self.partitions,
            routers=self._routers.partitions,
            partition=partition,
            store=store,
        )
        return RekeyedState(rekeyed, self._metrics)

    def measure(self) -> None:
        super().measure()
        metrics, routing = self._metrics, self._routers.engine
        metrics.lag.clear()
        for number in routing.partitions:
            ahead = routing.ahead(number)
            if ahead is not None:
                metrics.lag.labels(str(number)).set(ahead.records)
        for number in self.engine.partitions:
            label = str(number)
            ahead = self.engine.ahead(number)
            if ahead is not None:
                metrics.rekeyed_lag.labels(label).set(ahead.records)
            metrics.waiting.labels(label).set(self.states[number].rekeyed.waiting)
