"""Simulated records for the tests, and what a test reads in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from stream.core.events import NAMES, read, received_ms
from stream.simulate.asked import read as read_plant
from stream.simulate.delivery import Delivery, Faults
from stream.simulate.placing import place
from stream.simulate.population import Population
from stream.simulate.product import Product
from stream.simulate.scribe import Record
from stream.simulate.simulation import Simulation
from stream.simulate.truth import Truth

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


def planted(
    product: Product, *plants: str, days: int, seed: int = 1, faults: Faults | None = None
) -> tuple[list[Record], Truth]:
    """The same with plants, as `--plant` takes them, and the truth about them."""
    end_ms = START_MS + days * DAY_MS
    simulation = Simulation(
        product,
        seed=seed,
        start_ms=START_MS,
        end_ms=end_ms,
        plants=place([read_plant(text) for text in plants], seed=seed, start_ms=START_MS, end_ms=end_ms),
        faults=faults,
    )
    records = [record for _, slice_ in simulation.slices() for record in slice_]
    return records, simulation.truth()


def seen(records: Iterable[Record]) -> list[Seen]:
    """The records decoded; raises `Invalid` for a dead letter."""
    events = []
    for _, _, value in records:
        assert value is not None
        wire, time_ms, person = read(value)
        name = wire.event or NAMES[wire.type or ""]
        events.append(Seen(time_ms, received_ms(wire), person, name, orjson.loads(value)))
    return events
