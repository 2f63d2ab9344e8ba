"""The worker: one process that works off its share of the input topic until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable

from stream import access
from stream.agents.flow import OUTPUTS, build
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
from stream.engine.errors import EngineError
from stream.engine.preflight import Broker, look
from stream.engine.run import run
from stream.metrics import Metrics
from stream.settings import Settings
from stream.web.server import serve

log = logging.getLogger(__name__)


def main(settings: Settings) -> int:
    """Run a worker in this process until SIGTERM or SIGINT, and return its exit code.

    0: everything is committed. 1: it has failed, and has logged why; then leave by `os._exit`, since
    without a broker Faust's and aiokafka's tasks and threads may never end.
    """
    runner = asyncio.Runner()
    try:
        runner.run(work(settings))
    except EngineError as error:
        log.critical("%s", error, extra=error.place)
        return 1
    except Exception as error:
        log.critical("Unexpected: %r", error, exc_info=error)
        return 1
    runner.close()
    return 0


async def work(settings: Settings, *, on_ready: Callable[[str], None] = lambda _: None) -> None:
    """The same within an event loop.

    `on_ready` is called once the first partitions are restored, with the address of the metrics' server.
    """
    _tune_garbage_collection()
    broker = await _look(settings)
    metrics = Metrics()
    app = build(
        settings,
        partitions=broker.partitions[settings.input.topic],
        rekeyed=None if settings.input.keyed else broker.partitions[rekeyed_topic(settings)],
        capabilities=broker.capabilities,
        metrics=metrics,
    )
    async with serve(settings, app, metrics) as address:
        log.info(
            "Reading %s from %s, %s; metrics on %s/metrics",
            settings.input.topic,
            settings.broker,
            app.engines[0].config.guarantee.replace("_", " "),
            address,
        )

        def ready() -> None:
            log.info("Ready: %d partitions", len(app.engines[0].partitions))
            on_ready(address)

        await run(app, on_ready=ready)
    log.info("Stopped, with everything committed")


async def _look(settings: Settings) -> Broker:
    """Raises EngineError where the topics are not what a worker needs."""
    source, changelog = settings.input.topic, changelog_topic(settings, PROFILES)
    outputs = [settings.output_topic(name) for name in OUTPUTS]
    single = [partials_topic(settings), control_topic(settings)]
    single += [changelog_topic(settings, table) for table in (ENGAGEMENT, CONTROL)]
    ours = [changelog, clocks_topic(settings), *single]
    pairs = [(changelog, source)]
    if not settings.input.keyed:
        routers, rekeyed = changelog_topic(settings, ROUTERS), rekeyed_topic(settings)
        ours += [rekeyed, routers]
        pairs = [(routers, source), (changelog, rekeyed)]
    wanted = [source, *ours, *outputs]
    await access.require(settings, access.Names(source, tuple(outputs), tuple(ours)))
    broker = await look(settings.connection, transactional_id=f"{settings.group}-probe", topics=wanted)
    missing = [topic for topic in wanted if topic not in broker.partitions]
    if missing:
        names = ", ".join(missing)
        raise EngineError(f"{settings.broker} has no topic {names}: run `footfall topics create` first")
    for log_of, read in pairs:
        if broker.partitions[log_of] != broker.partitions[read]:
            raise EngineError(
                f"{log_of} has {broker.partitions[log_of]} partitions, but {read} has "
                f"{broker.partitions[read]}: each partition's state is in the changelog's partition of the "
                f"same number. If {read} was given more partitions, begin anew with `footfall reset`, "
                "which asks first, or with another `group`"
            )
    for topic in single:
        if broker.partitions[topic] != 1:
            raise EngineError(
                f"{topic} has {broker.partitions[topic]} partitions, and must have one: there is one merger. "
                "Begin anew with `footfall reset`, which asks first, or with another `group`"
            )
    return broker


def _tune_garbage_collection() -> None:
    """Young objects are many and short-lived, and profiles many and long-lived: both cost by default."""
    gc.freeze()
    # Collections of the middle generation are the pauses, while persons are decoded by the hundred thousand
    # (bench/midnight.py): so let them be small and frequent.
    gc.set_threshold(20_000, 5, 1_000)
