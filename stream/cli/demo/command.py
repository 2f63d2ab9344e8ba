"""`footfall demo`: a broker, a simulated product and the worker in one process tree, until Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from stream.broker import BrokerError, start_broker
from stream.cli.record_lines import RecordLines
from stream.engine.connection import Connection
from stream.settings import Settings, Web
from stream.simulate.delivery import Delivery, Faults
from stream.simulate.population import Population
from stream.simulate.product import Product
from stream.simulate.run import WriteError, run
from stream.simulate.scribe import Record

PARTITIONS = 4
DAY_MS = 86_400_000
AT_ONCE = 500
# A little of what a real stream has: repeats, events out of order, some too late, some that are none.
FAULTS = Faults(late=0.001, disorder=0.05, duplicates=0.01, bad=0.001)


@click.command("demo")
@click.option("--users", type=click.IntRange(1), default=400, show_default=True, help="Of the product.")
@click.option("--days", type=click.IntRange(1), default=365, show_default=True, help="Of history, up to now.")
@click.option(
    "--seconds-per-day",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="How fast the history passes.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the simulated product.")
@click.option("--web-port", type=click.IntRange(0, 65_535), default=Web().port, show_default=True)
def command(users: int, days: int, seconds_per_day: float, seed: int, web_port: int) -> None:
    """See it work: who becomes active, falls silent, comes back, in a simulated shop.

    Starts an embedded broker, the shop's events and a worker, and shows the transitions as the worker
    publishes them. Ctrl-C ends it all, and leaves nothing behind.
    """
    logging.basicConfig(level=logging.ERROR)
    shop = Shop(users=users, days=days, seconds_per_day=seconds_per_day, seed=seed)
    folder = tempfile.TemporaryDirectory(prefix="footfall-demo-")
    # Loaded only now, so that `footfall demo --help` answers at once.
    from stream.engine.errors import EngineError

    runner = asyncio.Runner()
    try:
        runner.run(show(shop, Path(folder.name), web_port))
    except (BrokerError, EngineError, WriteError) as error:
        click.echo(f"Error: {error}", err=True)
        folder.cleanup()
        # The tasks of a worker that failed may never end (see stream.worker.main).
        os._exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        folder.cleanup()
    runner.close()


class Shop:
    """The simulated product: `days` of history pass at a compressed speed, then the present as it comes.

    Is the pace at which its records leave, too (`stream.simulate.pace.Pace`).
    """

    def __init__(self, *, users: int, days: int, seconds_per_day: float, seed: int) -> None:
        self._users = users
        self._seed = seed
        self._start_ms = int(time.time() * 1000) - days * DAY_MS
        self._ms_per_s = DAY_MS / seconds_per_day
        self._began_s: float | None = None

    async def open(self, connection: Connection, topic: str, stop: asyncio.Event) -> None:
        """Write events to the topic until `stop`. Raises WriteError."""
        from stream.simulate.topic import TopicWriter

        population = Population(Product(users=self._users), seed=self._seed, start_ms=self._start_ms)
        slices = Delivery(FAULTS, seed=self._seed, to_topic=True).deliver(population.slices(None))
        writer = TopicWriter(connection, topic)
        await writer.start()
        try:
            await run(slices, writer, self, stop=stop, limit=None, report=lambda *_: None)
        finally:
            await writer.close()

    def allowed(self, records: Sequence[Record], start: int, now_s: float) -> int:
        reached_ms = self._reached_ms(now_s)
        end = start
        while end < min(len(records), start + AT_ONCE) and records[end][0] <= reached_ms:
            end += 1
        return end - start

    def wait_s(self, records: Sequence[Record], start: int, now_s: float) -> float:
        return max(0.01, (records[start][0] - self._reached_ms(now_s)) / self._ms_per_s)

    def _reached_ms(self, now_s: float) -> float:
        if self._began_s is None:
            self._began_s = now_s
        return min(self._start_ms + (now_s - self._began_s) * self._ms_per_s, time.time() * 1000)


async def show(shop: Shop, folder: Path, web_port: int) -> None:
    """Run everything until a signal, or until one part fails, and take it down in order."""
    from stream.admin import connect, create
    from stream.worker import work

    click.echo("Starting an embedded broker, a simulated shop, and a worker …")
    async with start_broker(kind="tansu", progress=click.echo) as broker:
        settings = settings_for(broker.address, folder, web_port)
        async with connect(settings.connection) as admin:
            await create(admin, settings)
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        worker = asyncio.create_task(work(settings, on_ready=ready.set_result))
        opened = asyncio.create_task(_open_when(ready, shop, settings, stop))
        shown = asyncio.create_task(_show_what_happens(settings))
        try:
            # The worker listens to Ctrl-C and SIGTERM, and ends with everything committed.
            done, _ = await asyncio.wait({worker, opened, shown}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            stop.set()
            shown.cancel()
            ready.cancel()
            worker.cancel()
            await asyncio.wait({worker, opened, shown})
    click.echo("\nStopped; nothing is left behind.")


def settings_for(address: str, folder: Path, web_port: int) -> Settings:
    """The defaults, for the demo's broker; and windows of an hour, as a day passes in seconds."""
    defaults = Settings()
    engagement = msgspec.structs.replace(defaults.definition.engagement, window_ms=DAY_MS // 24)
    return msgspec.structs.replace(
        defaults,
        broker=address,
        store="memory",
        data_dir=folder,
        definition=msgspec.structs.replace(
            defaults.definition, ignore_events=("Email *",), engagement=engagement
        ),
        topics=msgspec.structs.replace(defaults.topics, partitions=PARTITIONS),
        web=msgspec.structs.replace(defaults.web, port=web_port),
    )


async def _open_when(ready: asyncio.Future[str], shop: Shop, settings: Settings, stop: asyncio.Event) -> None:
    click.echo(f"Metrics on {await ready}/metrics. Ctrl-C ends it all.\n")
    await shop.open(settings.connection, settings.input.topic, stop)


async def _show_what_happens(settings: Settings) -> None:
    from stream.tail import tail

    lines = RecordLines(ZoneInfo(settings.definition.timezone))
    async with aclosing(tail(settings, ["transitions", "incidents"], from_beginning=True)) as published:
        async for name, value in published:
            click.echo(lines.line(name, value))
