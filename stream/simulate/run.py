"""Takes records from the product to a writer at the pace asked for, until they end or somebody says stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from stream.simulate.pace import Pace
from stream.simulate.scribe import Record

_LONGEST_WAIT_S = 0.5

Report = Callable[[int, int], None]
"""Called now and then with the records written and the event time (ms) reached."""


class WriteError(Exception):
    """The records cannot be written; the message says where, why and what to do."""


class Writer(Protocol):
    """Where the records go. All three may raise WriteError or OSError.

    `flush` sends on what a reader would otherwise wait for; `close` leaves everything written whole.
    """

    async def write(self, records: Sequence[Record]) -> None: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...


async def run(
    slices: Iterable[tuple[int, list[Record]]],
    writer: Writer,
    pace: Pace,
    *,
    stop: asyncio.Event,
    limit: int | None,
    report: Report,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Writes the slices in order, at most `limit` records; gives how many it wrote.

    Ends early, between two writes, once `stop` is set. Does not close the writer.
    """
    written = 0
    for until_ms, records in slices:
        if limit is not None:
            records = records[: limit - written]
        start = 0
        await asyncio.sleep(0)  # lets a signal in, however few records there are
        while start < len(records) and not stop.is_set():
            count = pace.allowed(records, start, clock())
            if count:
                await writer.write(records[start : start + count])
                start += count
                written += count
                await asyncio.sleep(0)
            else:
                await writer.flush()
                await _wait(stop, pace.wait_s(records, start, clock()))
            reached_ms = until_ms if start == len(records) else records[start][0]
            report(written, reached_ms)
        if stop.is_set() or written == limit:
            break
    return written


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), min(seconds, _LONGEST_WAIT_S))
