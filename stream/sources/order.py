"""Brings an unsorted file into time order, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from stream.core.events import Invalid, read

RECORDS_PER_BATCH = 2_000


def sorted_by_time(batches: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
    """All records by the time of their events; records of one time keep their order.

    A record that is no event stays behind the one it followed. Holds everything in memory: about 100 bytes
    a record more than its own.
    """
    timed: list[tuple[int, bytes]] = []
    last = 0
    for batch in batches:
        for value in batch:
            with suppress(Invalid):
                _, last, _ = read(value)
            timed.append((last, value))
    timed.sort(key=_time)
    for start in range(0, len(timed), RECORDS_PER_BATCH):
        yield [value for _, value in timed[start : start + RECORDS_PER_BATCH]]


def _time(timed: tuple[int, bytes]) -> int:
    return timed[0]
