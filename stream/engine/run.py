"""Runs an app in this process until a signal, or until it fails, and takes it down either way."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Any, Protocol

from stream.engine.app import EngineApp
from stream.engine.errors import EngineError

# A broker that has gone away must not keep a worker from ending; what was not committed is read again.
STOP_WITHIN_S = 20.0
# Nor from it: once all is committed and given up, all that is left is to tell the group.
LEAVE_WITHIN_S = 5.0
# After a failure nothing is written any more, and whoever starts the worker again waits for its end.
FAILED_STOP_WITHIN_S = 3.0

log = logging.getLogger(__name__)


async def run(app: EngineApp, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run `app` until SIGTERM or SIGINT, then return with everything committed.

    `on_ready` is called once partitions are assigned and restored for the first time. Raises what
    made the app fail: EngineError with an explanation, or whatever it was.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    starting = asyncio.create_task(app.start(), name="app start")
    endings = {asyncio.create_task(_until(event)) for event in (stopping, app.failed, app._crashed)}
    try:
        done, _ = await asyncio.wait({starting, *endings}, return_when=asyncio.FIRST_COMPLETED)
        if starting in done:
            starting.result()
            on_ready()
            await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for ending in endings:
            ending.cancel()
        await _stop(app, starting)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    failure = app.failure or app.crash_reason
    if failure is not None:
        raise failure


def _has_committed(app: EngineApp) -> bool:
    """Whether all that was applied is committed, and all partitions are given up."""
    return app.should_stop and not any(engine.partitions for engine in app.engines)


class _Event(Protocol):
    async def wait(self) -> Any: ...


async def _until(event: _Event) -> None:
    await event.wait()


async def _stop(app: EngineApp, starting: asyncio.Task[None]) -> None:
    stopping = asyncio.create_task(app.stop(), name="app stop")
    failing = asyncio.create_task(app.failed.wait())
    loop = asyncio.get_running_loop()
    until = loop.time() + STOP_WITHIN_S
    while not (stopping.done() or failing.done()) and (left_s := until - loop.time()) > 0:
        await asyncio.wait({stopping, failing}, timeout=min(left_s, 0.2), return_when=asyncio.FIRST_COMPLETED)
        if left_s > LEAVE_WITHIN_S and _has_committed(app):
            until = loop.time() + LEAVE_WITHIN_S
    if app.failure is not None:
        await asyncio.wait({stopping}, timeout=FAILED_STOP_WITHIN_S)
    elif not stopping.done() and _has_committed(app):
        # aiokafka may wait for ever where the broker ends the connection while the group is being left.
        log.warning("Everything is committed, but the broker did not hear that this worker leaves its group")
    elif not stopping.done():
        app.fail(
            EngineError(
                f"the worker could not commit and stop within {STOP_WITHIN_S:.0f} s: does the broker answer? "
                "What it has not committed is read again"
            )
        )
    failing.cancel()
    starting.cancel()
    stopping.cancel()
    await asyncio.wait([starting, stopping], timeout=1.0)
    if stopping.done() and not stopping.cancelled() and app.failure is None:
        stopping.result()
