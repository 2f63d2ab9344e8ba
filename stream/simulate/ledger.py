"""Counts what a plant changed, series by series: the events of its time, with it and without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from stream.core.definition import DAY, MINUTE, SHOP
from stream.simulate.plants import Decline, Plant
from stream.simulate.scribe import Record

WINDOW_MS = MINUTE
WEIGHTS: Mapping[str, float] = {entry.name: entry.weight for entry in SHOP}
TOTAL = "total"
KEY = "key:"

_TRACK = b'{"type":"track","event":"'
_CHANNEL = b'"channel":"'
_CAMPAIGN = b'"campaign":{"name":"'
_NONE = "(none)"
_WEIGHTS = {name.encode(): weight for name, weight in WEIGHTS.items()}


class Figures(Struct):
    """Sums of one series over windows: volume, distinct people and engaged people, promoted volume."""

    volume: float = 0.0
    people: int = 0
    engaged: int = 0
    promoted: float = 0.0


class Facts(NamedTuple):
    """What an event is counted by. `weight` is 0 for what is no key event."""

    series: tuple[str, ...]
    weight: float
    campaign: str


class Tally:
    """Figures by series, from records in any order; `fold` a window once nothing more comes for it."""

    def __init__(self) -> None:
        self.figures: dict[str, Figures] = defaultdict(Figures)
        self._people: dict[int, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))
        self._engaged: dict[int, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))

    def add(self, record: Record, facts: Facts, *, promoted: bool) -> None:
        """Count one event."""
        weight = facts.weight
        if promoted:
            for series in facts.series:
                self.figures[series].promoted += weight
            return
        window, key = record[0] // WINDOW_MS, record[1]
        people = self._people[window]
        for series in facts.series:
            people[series].add(key)
        if weight:
            engaged = self._engaged[window]
            for series in facts.series:
                self.figures[series].volume += weight
                engaged[series].add(key)

    def fold(self, until_ms: int) -> None:
        """Forget who was there in windows that end by `until_ms`, and keep how many."""
        for window in [window for window in self._people if (window + 1) * WINDOW_MS <= until_ms]:
            for series, keys in self._people.pop(window).items():
                self.figures[series].people += len(keys)
            for series, keys in self._engaged.pop(window, {}).items():
                self.figures[series].engaged += len(keys)


class Ledger:
    """What one plant did to the stream in its time; of a decline, on its last day.

    `promotions` are the campaigns whose events Footfall is told to leave out. `windows` is the number of
    windows that the figures are sums over, up to what has passed so far.
    """

    def __init__(self, plant: Plant, *, promotions: Iterable[str] = ()) -> None:
        self._start_ms = (
            max(plant.start_ms, plant.end_ms - DAY) if isinstance(plant, Decline) else plant.start_ms
        )
        self._end_ms = plant.end_ms
        self._promotions = frozenset(promotions)
        self._crowd: set[bytes] = set()
        self._reached_ms = self._start_ms
        self.with_plant = Tally()
        self.without = Tally()

    @property
    def windows(self) -> float:
        return (min(self._reached_ms, self._end_ms) - self._start_ms) / WINDOW_MS

    def welcome(self, *keys: bytes) -> None:
        """Records with these keys are of people who would not be there without the plant."""
        self._crowd.update(keys)

    def lose(self, records: Iterable[Record]) -> None:
        """These would have passed without the plant."""
        for record in records:
            if self._start_ms <= record[0] < self._end_ms:
                facts = facts_of(record)
                self.without.add(record, facts, promoted=facts.campaign in self._promotions)

    def saw(self, until_ms: int, records: Iterable[Record]) -> None:
        """These have passed, the next slice up to `until_ms`."""
        if until_ms <= self._start_ms or self._reached_ms >= self._end_ms:
            return
        for record in records:
            if self._start_ms <= record[0] < self._end_ms:
                facts = facts_of(record)
                promoted = facts.campaign in self._promotions
                self.with_plant.add(record, facts, promoted=promoted)
                if record[1] not in self._crowd:
                    self.without.add(record, facts, promoted=promoted)
        self._reached_ms = until_ms
        for tally in (self.with_plant, self.without):
            tally.fold(self._end_ms + WINDOW_MS if until_ms >= self._end_ms else until_ms)


def facts_of(record: Record) -> Facts:
    """The series that an event is in, named as Footfall names them, and its weight."""
    value = record[2]
    assert value is not None
    channel, campaign = _text(value, _CHANNEL), _text(value, _CAMPAIGN)
    series = (TOTAL, f"channel:{channel}", f"campaign:{campaign}")
    weight = 0.0
    if value.startswith(_TRACK):
        name = value[len(_TRACK) : value.index(b'"', len(_TRACK))]
        weight = _WEIGHTS.get(name, 0.0)
        if weight:
            series = (*series, KEY + name.decode())  # type: ignore[assignment]
    return Facts(series, weight, campaign)


def _text(value: bytes, mark: bytes) -> str:
    start = value.find(mark)
    if start < 0:
        return _NONE
    start += len(mark)
    return value[start : value.index(b'"', start)].decode()
