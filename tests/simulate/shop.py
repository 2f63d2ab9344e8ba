"""Simulated records for the tests, and what a test reads in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from stream.core.events import NAMES, read, received_ms
from stream.simulate.delivery import Delivery, Faults
from stream.simulate.population import Population
from stream.simulate.product import Product
from stream.simulate.scribe import Record

START_MS = 1_767_225_600_000  # 2026-01-01
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Seen(NamedTuple):
    """An event as Footfall's own reader sees it, and its whole JSON."""

    time_ms: int
    received_ms: int | None
    person: str
    name: str
    whole: dict[str, Any]


def simulated(product: Product, *, days: float, seed: int = 1, faults: Faults | None = None) -> list[Record]:
    """The records of `days` from START_MS on, in the order of their delivery."""
    slices = Population(product, seed=seed, start_ms=START_MS).slices(START_MS + int(days * DAY_MS))
    if faults is not None:
        slices = Delivery(faults, seed=seed, to_topic=False).deliver(slices)
    return [record for _, records in slices for record in records]


def seen(records: Iterable[Record]) -> list[Seen]:
    """The records decoded; raises `Invalid` for a dead letter."""
    events = []
    for _, _, value in records:
        assert value is not None
        wire, time_ms, person = read(value)
        name = wire.event or NAMES[wire.type or ""]
        events.append(Seen(time_ms, received_ms(wire), person, name, orjson.loads(value)))
    return events
