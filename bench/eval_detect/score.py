"""Incident records against what was planted: found, how soon, once, and for the right cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from bench.eval_detect.plants import DAY_MS, MINUTE_MS, Kind, Plant
from stream.core.engagement.rows import TOTAL
from stream.core.records import Incident
from stream.core.times import parse_ms

AFTERMATH_MS = 90 * MINUTE_MS
"""An incident that opens so long after a plant's end still is of its making."""
SOON_WINDOWS = 3
SOON_DAYS = 10
WEEK_MS = 7 * DAY_MS


class Found(Struct):
    """What became of one plant. Windows or days are counted from its first one, None: not found.

    `first` is the series that the attribution ranks first in the record that opened the incident.
    """

    kind: Kind
    cause: str | None
    start: int
    amount: float
    delay: int | None
    incidents: int
    series: str | None
    first: str | None

    @property
    def is_soon(self) -> bool:
        return self.delay is not None and self.delay <= (
            SOON_DAYS if self.kind == "decline" else SOON_WINDOWS
        )

    @property
    def is_explained(self) -> bool:
        """The cause ranks first; where everything moves alike, the incident is of the total."""
        return self.series == TOTAL if self.cause is None else self.first == self.cause


class Scored(Struct):
    """Of one run: what became of the plants, and the incidents that nothing had been planted for."""

    seed: int
    weeks: float
    found: list[Found]
    unplanted: list[str]


def score(
    seed: int,
    plants: Sequence[Plant],
    amounts: Sequence[float],
    records: Iterable[Incident],
    *,
    step_ms: int,
    watched_ms: int,
) -> Scored:
    """`watched_ms` is how long series could alert: without the warm-up."""
    opened = [record for record in records if record.status == "opened"]
    of_plant: list[list[Incident]] = [[] for _ in plants]
    unplanted: list[str] = []
    for record in opened:
        at = _plant_of(plants, record)
        if at is None:
            unplanted.append(f"{record.incident_id} {record.measure} {record.direction}: {record.sentence}")
        else:
            of_plant[at].append(record)
    found = [
        _found(plant, amount, incidents, step_ms)
        for plant, amount, incidents in zip(plants, amounts, of_plant, strict=True)
    ]
    return Scored(seed, watched_ms / WEEK_MS, found, unplanted)


def _plant_of(plants: Sequence[Plant], record: Incident) -> int | None:
    """The plant that an incident is of: the last to begin, where two are at work."""
    began = parse_ms(record.since)
    for index in reversed(range(len(plants))):
        plant = plants[index]
        if (plant.kind == "decline") == (record.period == "day"):
            after = 0 if plant.kind == "decline" else AFTERMATH_MS
            if plant.start <= _opened_ms(record) and began < plant.end + after:
                return index
    return None


def _opened_ms(record: Incident) -> int:
    """When the last window, or day, began that opened it."""
    return parse_ms(record.at) - 1


def _found(plant: Plant, amount: float, incidents: Sequence[Incident], step_ms: int) -> Found:
    delay, series, first = None, None, None
    if incidents:
        earliest = min(incidents, key=_opened_ms)
        length = DAY_MS if plant.kind == "decline" else step_ms
        delay = (_opened_ms(earliest) - plant.start) // length + 1
        series = earliest.series
        first = earliest.causes[0].series if earliest.causes else None
    return Found(plant.kind, plant.cause, plant.start, amount, delay, len(incidents), series, first)
