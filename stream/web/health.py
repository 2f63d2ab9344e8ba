"""`/livez`, `/readyz` and `/version`: whether the worker runs, whether it is of use yet, and what it is."""

from __future__ import annotations

import time
from collections.abc import Iterator

from aiohttp import web

from stream import __version__
from stream.engine.app import EngineApp
from stream.engine.engine import Engine
from stream.metrics import CONTENT_TYPE, Metrics
from stream.settings import Settings
from stream.web.answers import Version, reply


class HealthPages:
    """The routes. Texts, for people and probes; `/version` is JSON."""

    def __init__(self, settings: Settings, app: EngineApp, metrics: Metrics) -> None:
        self._settings = settings
        self._app = app
        self._metrics = metrics
        measure = metrics.before_render

        def measure_ready() -> None:
            measure()
            metrics.ready.set(not self.reasons())

        metrics.before_render = measure_ready

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/livez", self._live),
            web.get("/readyz", self._ready),
            web.get("/metrics", self._show_metrics),
            web.get("/version", self._version),
        ]

    async def _live(self, request: web.Request) -> web.Response:
        failure = self._app.failure
        if failure is None:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"{failure}\n")

    async def _ready(self, request: web.Request) -> web.Response:
        reasons = self.reasons()
        if not reasons:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="".join(f"{reason}\n" for reason in reasons))

    async def _show_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _version(self, request: web.Request) -> web.Response:
        definition = self._settings.definition
        guarantee = self._app.engines[0].config.guarantee
        return reply(
            Version(
                version=__version__,
                definition=definition.hash(),
                engagement_definition=definition.engagement_hash(),
                guarantee=guarantee,
                timezone=definition.timezone,
            )
        )

    def reasons(self) -> list[str]:
        """Why it is not ready, partition by partition; nothing where it is."""
        app = self._app
        if app.failure is not None:
            return [f"it has failed: {app.failure}"]
        if app.should_stop:
            return ["it is being stopped"]
        restoring = [reason for engine in app.engines for reason in _restoring(engine)]
        if restoring:
            return restoring
        if not app.joined:
            return ["it is joining its group"]
        if app.rebalancing:
            return ["partitions are changing hands"]
        within_s = self._settings.web.ready_within_ms / 1000
        return [reason for engine in app.engines for reason in _behind(engine, within_s)]


def _restoring(engine: Engine) -> Iterator[str]:
    for number, left in sorted(engine.restoring.items()):
        yield f"{engine.config.topic}/{number}: {left:,} records left to restore"


def _behind(engine: Engine, within_s: float) -> Iterator[str]:
    for number, owned in sorted(engine.partitions.items()):
        where = f"{engine.config.topic}/{number}"
        ahead = engine.ahead(number)
        if not owned.active:
            yield f"{where}: it is held back"
        elif ahead is None:
            yield f"{where}: nothing has been read yet"
        elif (silent_s := time.time() - ahead.as_of_ms / 1000) > within_s:
            yield f"{where}: the broker has not answered for {silent_s:,.0f} s"
        elif (waits_ms := engine.waits_ms(number, int(time.time() * 1000))) is None:
            yield f"{where}: how far behind it is is not known yet"
        elif waits_ms / 1000 > within_s:
            yield f"{where}: {waits_ms / 1000:,.0f} s behind, {ahead.records:,} records"
