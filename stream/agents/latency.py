"""How long it takes from an event's own time, and from its arrival, until what it changed is committed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from stream.core import envelopes
from stream.core.events import Invalid, read
from stream.engine.state import Record
from stream.metrics import Metrics


class Sample(NamedTuple):
    """One record's times, in ms since 1970, and for how many applied events it stands."""

    time_ms: int
    arrived_ms: int
    events: int


class Latency:
    """Of one partition: one sample for all that was processed in one go, observed when that is durable.

    A sample is of an event that was applied, or at least not late: where a slice has none at hand, its events
    are added to those of the next. So the histograms count every applied event, once.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._owed = 0
        self._processed: list[Sample] = []
        self._written: list[Sample] = []

    def processed(self, applied: int, sampled: tuple[int, int] | None) -> None:
        """So many events were applied; `sampled` are the time and the arrival of one of them."""
        self._owed += applied
        if self._owed and sampled is not None:
            self._processed.append(Sample(*sampled, self._owed))
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


def sample(records: Sequence[Record], watermark_ms: int | None) -> tuple[int, int] | None:
    """Time and arrival of an event of the input, from the middle where possible.

    None where those looked at are no events, or late by the watermark from before they were processed.
    """
    for record in _candidates(records):
        try:
            _, time_ms, _ = read(record.value)
        except Invalid:
            continue
        if watermark_ms is None or time_ms >= watermark_ms:
            return time_ms, record.timestamp
    return None


def sample_envelope(records: Sequence[Record]) -> tuple[int, int] | None:
    """The same of the internal topic; the arrival is that in the input."""
    for record in _candidates(records):
        envelope = envelopes.decoded(record.value or b"")
        if isinstance(envelope, envelopes.Event) and envelope.arrived is not None:
            return envelope.t, envelope.arrived
    return None


def _candidates(records: Sequence[Record]) -> Sequence[Record]:
    return records[len(records) // 2], records[-1], records[0]
