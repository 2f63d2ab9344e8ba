"""What befalls visits as such: fewer of them, or nothing in them after the first page."""

from __future__ import annotations

from typing import Protocol

from stream.simulate.ledger import Ledger
from stream.simulate.plants import BadChannel, Decline
from stream.simulate.schedule import DAY_MS
from stream.simulate.scribe import Record
from stream.simulate.streams import random_stream
from stream.simulate.visit import Visit

_VIEWS = (b'{"type":"page"', b'{"type":"screen"')


class Mishap(Protocol):
    """Decides what a visit leaves behind, by a random stream of its own for each visit.

    The person goes on as if nothing had happened, so that all other visits stay as they are.
    """

    def left(self, visit: Visit, records: list[Record]) -> list[Record]:
        """Those of the visit's `records` that happen all the same; the others are in the ledger."""
        ...


class Thinning:
    """A decline: visits are left out, more of them each day."""

    def __init__(self, plant: Decline, ledger: Ledger, *, seed: int) -> None:
        self._plant = plant
        self._ledger = ledger
        self._seed = seed
        self._name = plant.text

    def left(self, visit: Visit, records: list[Record]) -> list[Record]:
        plant = self._plant
        if visit.start_ms < plant.start_ms or plant.channel not in (None, visit.channel):
            return records
        days = (min(visit.start_ms, plant.end_ms) - plant.start_ms) / DAY_MS
        stays = float((1.0 - plant.rate) ** days)
        rng = random_stream(self._seed, f"{self._name}/{visit.person.name}/{visit.name}")
        if rng.random() < stays:
            return records
        self._ledger.lose(records)
        return []


class Bouncing:
    """A channel gone bad: its visits end after the first page."""

    def __init__(self, plant: BadChannel, ledger: Ledger, *, seed: int) -> None:
        self._plant = plant
        self._ledger = ledger
        self._seed = seed
        self._name = plant.text

    def left(self, visit: Visit, records: list[Record]) -> list[Record]:
        plant = self._plant
        if visit.channel != plant.channel or not plant.start_ms <= visit.start_ms < plant.end_ms:
            return records
        if plant.share < 1.0:
            rng = random_stream(self._seed, f"{self._name}/{visit.person.name}/{visit.name}")
            if rng.random() >= plant.share:
                return records
        views = (number for number, record in enumerate(records) if (record[2] or b"").startswith(_VIEWS))
        end = next(views, len(records)) + 1
        self._ledger.lose(records[end:])
        return records[:end]
