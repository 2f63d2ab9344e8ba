"""The worker's HTTP server, from before it joins its group until it has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from stream.engine.app import EngineApp
from stream.engine.errors import EngineError
from stream.metrics import CONTENT_TYPE, Metrics
from stream.settings import Settings


@asynccontextmanager
async def serve(settings: Settings, app: EngineApp, metrics: Metrics) -> AsyncIterator[str]:
    """Serve `/metrics` and `/livez` meanwhile, and yield the address. Raises EngineError if it is taken."""

    async def show_metrics(request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def show_life(request: web.Request) -> web.Response:
        failure = app.failure
        if failure is None:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"{failure}\n")

    pages = web.Application()
    pages.add_routes([web.get("/metrics", show_metrics), web.get("/livez", show_life)])
    runner = web.AppRunner(pages, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.web.host, settings.web.port)
        try:
            await site.start()
        except OSError as error:
            raise EngineError(
                f"{settings.web.host}:{settings.web.port} can't be listened on ({error.strerror}): does "
                "another worker run here? web.port or --web-port picks another, 0 a free one"
            ) from error
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
