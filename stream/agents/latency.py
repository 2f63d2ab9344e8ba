"""How long it takes from an event's own time, and from its arrival, until what it changed is committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from stream.core.envelopes import Answer, Envelope, Event, Joining, decoded
from stream.core.events import Invalid, read
from stream.engine.state import Record
from stream.metrics import Metrics

MOST_TRIED = 50
"""Records of a slice that are looked at for a sample."""


class Sample(NamedTuple):
    """One record's times, in ms since 1970, and for how many applied events it stands."""

    time_ms: int
    arrived_ms: int
    events: int


class Latency:
    """Of one partition: one sample for all that was processed in one go, observed when that is durable.

    Where a slice has none at hand, its events are added to those of the next.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._owed = 0
        self._processed: list[Sample] = []
        self._written: list[Sample] = []

    def processed(self, applied: int, find: Callable[[], tuple[int, int] | None]) -> None:
        """So many events were applied; `find` gives the time and the arrival of one of them."""
        self._owed += applied
        found = find() if applied else None
        if found is not None:
            self._processed.append(Sample(*found, self._owed))
            self._owed = 0

    def taken(self) -> None:
        """What was processed is on its way to be committed."""
        self._written, self._processed = self._processed, []

    def committed(self) -> None:
        """What was taken last is durable."""
        now_ms = time.time() * 1000
        for sample in self._written:
            # A clock that is ahead of ours would make it negative.
            self._metrics.event_latency.observe_many(max(0.0, now_ms - sample.time_ms) / 1000, sample.events)
            arrived_s = max(0.0, now_ms - sample.arrived_ms) / 1000
            self._metrics.arrival_latency.observe_many(arrived_s, sample.events)
        self._written = []


def of_an_event(records: Sequence[Record], watermark_ms: int | None) -> tuple[int, int] | None:
    """Time and arrival of an event among records of the input, if possible of the one in the middle.

    None where those looked at are no events, or late by the watermark from before they were processed.
    """
    for record in _from_the_middle(records):
        try:
            _, time_ms, _ = read(record.value)
        except Invalid:
            continue
        if watermark_ms is None or time_ms >= watermark_ms:
            return time_ms, record.timestamp
    return None


def of_an_envelope(records: Sequence[Record]) -> tuple[int, int] | None:
    """The same among records of the internal topic; the arrival is that in the input."""
    for record in _from_the_middle(records):
        envelope: Envelope | None = decoded(record.value or b"")
        if isinstance(envelope, Answer):
            envelope = envelope.joining
        if isinstance(envelope, Event | Joining) and envelope.arrived is not None:
            return envelope.t, envelope.arrived
    return None


def _from_the_middle(records: Sequence[Record]) -> Iterator[Record]:
    middle = len(records) // 2
    return islice(chain(records[middle:], reversed(records[:middle])), MOST_TRIED)
