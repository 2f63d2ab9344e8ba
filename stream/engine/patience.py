"""Says what a worker waits for when that takes long: a worker that only hangs tells nobody why."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

TELL_EVERY_S = 30.0

Result = TypeVar("Result")

log = logging.getLogger(__name__)


async def telling(awaited: Awaitable[Result], what: str, every_s: float = TELL_EVERY_S) -> Result:
    """Await it, and log a warning each `every_s` seconds that it is waited for."""
    task = asyncio.ensure_future(awaited)
    waited_s = 0.0
    try:
        while not (await asyncio.wait({task}, timeout=every_s))[0]:
            waited_s += every_s
            log.warning("Waiting for %.0f s now, %s", waited_s, what)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    return task.result()
