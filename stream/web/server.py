"""The worker's HTTP server, from before it joins its group until it has ended."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from yarl import URL

from stream.engine.app import EngineApp
from stream.engine.errors import EngineError
from stream.metrics import Metrics
from stream.settings import Settings
from stream.web.erasing import ErasingPages
from stream.web.events import EventPages
from stream.web.feed import Feed
from stream.web.group import Group
from stream.web.guard import Guard
from stream.web.health import HealthPages
from stream.web.openapi import OpenApiPages
from stream.web.others import Others
from stream.web.pages import routes as live_page
from stream.web.people import PeoplePages
from stream.web.published import PublishedPages
from stream.web.states import StatesPages
from stream.web.transitions_of import TransitionsOf

# Whoever is still being answered then is cut off.
STOP_WITHIN_S = 2.0
# The longest id that may be asked for, quoted, with room to spare; aiohttp has 8 KB.
LONGEST_LINE = 32 * 1024
EVERYWHERE = ("0.0.0.0", "::")


@asynccontextmanager
async def serve(settings: Settings, app: EngineApp, metrics: Metrics) -> AsyncIterator[str]:
    """Serve the worker's pages meanwhile, and yield the address. Raises EngineError if it is taken.

    Tells the app where the other workers of the group find this one; so it must not have been started.
    """
    group = Group(settings, app)
    others, feed, transitions = Others(group), Feed(settings), TransitionsOf(settings)
    states = StatesPages(group, others)
    events = EventPages(feed, states, metrics)
    erasing = ErasingPages(settings, app)
    pages = web.Application(middlewares=[Guard(settings, metrics).watch])
    for part in (
        HealthPages(settings, app, metrics),
        states,
        PeoplePages(group, others, transitions),
        PublishedPages(feed),
        events,
        erasing,
        OpenApiPages(),
    ):
        pages.add_routes(part.routes())

    pages.add_routes(live_page())

    async def end_streams(_: web.Application) -> None:
        await events.close()

    pages.on_shutdown.append(end_streams)
    runner = web.AppRunner(pages, access_log=None, shutdown_timeout=STOP_WITHIN_S, max_line_size=LONGEST_LINE)
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
        group.address = settings.web.advertise or address_of(await _reachable(host), port)
        app.conf.canonical_url = URL(group.address)
        yield address_of(host, port)
    finally:
        await runner.cleanup()
        await feed.close()
        await transitions.close()
        await others.close()
        await erasing.close()


def address_of(host: str, port: int) -> str:
    """The address of a server there."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _reachable(host: str) -> str:
    """Where a server that listens on `host` is found: by the machine's name, if it listens everywhere."""
    if host not in EVERYWHERE:
        return host
    name = socket.gethostname()
    try:
        await asyncio.get_running_loop().getaddrinfo(name, None)
    except OSError:
        return "127.0.0.1"
    return name
