"""Broker, topics, worker and shop, started in order, shown, and taken down in order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import click
import msgspec

from stream.broker import start_broker
from stream.cli.demo.configuration import configure
from stream.cli.demo.shop import keep_open
from stream.cli.demo.story import Story
from stream.cli.demo.told import Record
from stream.core.records import Daily, Incident, Transition, Visit
from stream.settings import Settings

_DECODE: dict[str, Callable[[bytes], Record]] = {
    "transitions": msgspec.json.Decoder(Transition).decode,
    "incidents": msgspec.json.Decoder(Incident).decode,
    "daily": msgspec.json.Decoder(Daily).decode,
    "visits": msgspec.json.Decoder(Visit).decode,
}


class Stage:
    """`ready` is called with the address of the worker's pages and the configuration file once it runs,
    `record` with each record that it publishes to `outputs`."""

    def __init__(
        self,
        story: Story,
        *,
        outputs: Sequence[str],
        ready: Callable[[str, Path], None],
        record: Callable[[Record], None],
    ) -> None:
        self._story = story
        self._outputs = outputs
        self._ready = ready
        self._record = record
        self._signals: list[signal.Signals] = []

    async def run(self, folder: Path, port: int) -> signal.Signals:
        """Until a signal, which is returned, or until one part fails, by its error.

        Raises BrokerError, EngineError, WriteError, ReadError.
        """
        stop = asyncio.Event()
        self._listen(stop)
        # Loaded only now, so that `--help` answers at once.
        from stream.admin import connect, create
        from stream.worker import work

        async with start_broker(kind="tansu", progress=click.echo) as broker:
            config, settings = configure(folder, broker=broker.address, port=port)
            async with connect(settings.connection) as admin:
                await create(admin, settings)

            def ready(address: str) -> None:
                # The worker has listened while it started. It is to end after the shop, so it hears from us.
                self._listen(stop)
                self._ready(address, config)

            arguments = self._story.simulate(broker=broker.address, topic=settings.input.topic, config=config)
            worker = asyncio.create_task(work(settings, on_ready=ready))
            shop = asyncio.create_task(keep_open(arguments, folder / "shop.log"))
            shown = asyncio.create_task(self._show(settings))
            stopped = asyncio.create_task(stop.wait())
            parts = (stopped, shop, shown, worker)
            try:
                done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in parts:
                    task.cancel()
                    await asyncio.wait({task})
        # A worker that was told before it was ready has ended by itself.
        return self._signals[0] if self._signals else signal.SIGINT

    def _listen(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._told, number, stop)

    def _told(self, number: signal.Signals, stop: asyncio.Event) -> None:
        self._signals.append(number)
        stop.set()

    async def _show(self, settings: Settings) -> None:
        from stream.tail import tail

        async with aclosing(tail(settings, self._outputs, from_beginning=True)) as published:
            async for name, value in published:
                self._record(_DECODE[name](value))


def now_ms() -> int:
    return int(time.time() * 1000)
