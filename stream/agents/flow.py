"""The flow: which topics each agent works off, the tables that keep what it knows, and where it goes."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import Any

from stream import __version__
from stream.agents.clocks import Clocks
from stream.agents.feedback import Feedback
from stream.agents.idle import IdleRule
from stream.agents.merging import Merging
from stream.agents.partitions import Partitions, Persons, Rekeyed, Routers
from stream.agents.topics import (
    CONTROL,
    ENGAGEMENT,
    PROFILES,
    ROUTERS,
    changelog_topic,
    clocks_topic,
    control_topic,
    partials_topic,
    rekeyed_topic,
)
from stream.core.engagement.partials import PARTIALS
from stream.core.router import REKEYED
from stream.engine.app import EngineApp, add_engine, create_app, input_topic, state_table
from stream.engine.client import Capabilities, Guarantee
from stream.engine.engine import Engine, EngineConfig
from stream.engine.errors import EngineError
from stream.metrics import Metrics
from stream.settings import Settings

OF_PERSONS = ("visits", "transitions", "late", "dead-letters")
OF_THE_PRODUCT = ("engagement", "incidents", "daily")
OUTPUTS = (*OF_PERSONS, *OF_THE_PRODUCT)

FREEZE_EVERY_S = 300.0
# What is known of open windows is sent and published every 10 s; so often it is seen whether that is due.
PROVISIONAL_TICK_S = 1.0


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
    """The Faust app of a worker, ready to run. Its first engine reads the input.

    `partitions` is the number of them that the input topic has; `rekeyed` that of the internal topic,
    where the input is not keyed by person.
    """
    flow = _Flow(settings, capabilities)
    source = settings.input.topic
    outputs = {name: settings.output_topic(name) for name in OF_PERSONS} | {
        PARTIALS: partials_topic(settings)
    }
    read_by: Partitions
    persons: Persons
    if rekeyed is None:
        read_by = persons = Persons(settings, partitions, metrics)
        flow.add("activity", persons, source, PROFILES, outputs, key=settings.input.key)
    else:
        outputs[REKEYED] = rekeyed_topic(settings)
        read_by = routers = Routers(settings, partitions, metrics, homes=rekeyed)
        persons = Rekeyed(settings, rekeyed, metrics, routers=routers)
        flow.add("routers", routers, source, ROUTERS, outputs, keyed=False)
        flow.add("activity", persons, outputs[REKEYED], PROFILES, outputs, keyed=False)
    merging = Merging(settings, metrics, sources=persons.count)
    published = {name: settings.output_topic(name) for name in OF_THE_PRODUCT}
    flow.add("engagement", merging, outputs[PARTIALS], ENGAGEMENT, published, key="partition", keyed=False)
    feedback = Feedback(settings, 1, metrics)
    to_merger = {PARTIALS: outputs[PARTIALS]}
    flow.add("control", feedback, control_topic(settings), CONTROL, to_merger, key="incident", keyed=False)
    flow.app.on_stopped = persons.on_stopped
    _declare_idle_rule(flow.app, read_by)
    _declare_timers(flow.app, persons, merging)
    metrics.expect_key_events(entry.name for entry in settings.definition.key_events)
    metrics.worker.info(
        {
            "version": __version__,
            "definition": settings.definition.hash(),
            "engagement_definition": settings.definition.engagement_hash(),
            "guarantee": flow.guarantee,
        }
    )

    def measure() -> None:
        # All wait for each other.
        left = sum(records for engine in flow.app.engines for records in engine.restoring.values())
        metrics.restoring.set(left)
        persons.measure()
        merging.measure()

    metrics.before_render = measure
    return flow.app


class _Flow:
    """The app, and what its engines have in common."""

    def __init__(self, settings: Settings, capabilities: Capabilities) -> None:
        self.guarantee = guarantee_of(settings, capabilities)
        self.app = create_app(
            settings.group,
            settings.connection,
            capabilities,
            data_dir=settings.data_dir,
            store=settings.store,
            standby=settings.standby,
        )
        self._settings = settings
        self._capabilities = capabilities

    def add(
        self,
        agent: str,
        partitions: Partitions,
        topic: str,
        table: str,
        outputs: Mapping[str, str],
        *,
        key: str | None = None,
        keyed: bool = True,
    ) -> None:
        """One more agent, which works off `topic`, with its engine and its table."""
        settings = self._settings
        config = EngineConfig(
            connection=settings.connection,
            group=settings.group,
            topic=topic,
            changelog=changelog_topic(settings, table),
            outputs=outputs,
            commit_interval_s=settings.commit_interval_ms / 1000,
            guarantee=self.guarantee,
            capabilities=self._capabilities,
            partitions=partitions.count,
            key=key or "person",
            keyed=keyed,
        )
        engine = partitions.engine = add_engine(self.app, config, partitions.new_state, partitions)
        state_table(self.app, engine, table, partitions=partitions.count)
        _declare_agent(self.app, engine, agent)


def _declare_agent(app: EngineApp, engine: Engine, name: str) -> None:
    @app.agent(input_topic(app, engine), name=name)
    async def work_off(batches: Any) -> None:
        async for event in batches.events():
            batch = event.message
            await engine.process(batch.partition, batch.records, follows=batch.follows)


def _declare_idle_rule(app: EngineApp, read_by: Partitions) -> None:
    settings = read_by.settings
    idle = IdleRule(read_by.engine, read_by.states, settings)
    idle_tick_s = min(5.0, max(0.1, settings.idle_after_ms / 5_000))
    clocks = Clocks(settings.connection, clocks_topic(settings), read_by.count)

    @app.timer(idle_tick_s)  # type: ignore[untyped-decorator]
    async def advance_idle_partitions() -> None:
        try:
            now_ms = _now_ms()
            own = idle.clocks(now_ms)
            idle.apply(own, await clocks.exchange(own, now_ms) if own else {}, now_ms)
        except Exception as error:
            read_by.engine.fail(error)

    @app.on_before_shutdown.connect
    async def let_go_of_the_board(*args: Any, **kwargs: Any) -> None:
        await clocks.close()


def _declare_timers(app: EngineApp, persons: Persons, merging: Merging) -> None:
    @app.timer(PROVISIONAL_TICK_S)  # type: ignore[untyped-decorator]
    async def send_provisional() -> None:
        for partitions in (persons, merging):
            try:
                partitions.send_provisional(_now_ms())
            except Exception as error:
                partitions.engine.fail(error)

    @app.timer(FREEZE_EVERY_S)  # type: ignore[untyped-decorator]
    async def freeze_profiles() -> None:
        # A full collection with a million open visits takes a second, and finds nothing: profiles
        # are no cycles. What lives is moved out of the collector's sight.
        gc.collect(1)
        gc.freeze()


def _now_ms() -> int:
    return int(time.time() * 1000)
