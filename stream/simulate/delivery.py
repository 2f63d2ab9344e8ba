"""The way from the product to Footfall: what it delays, repeats and spoils."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random

from msgspec import Struct

from stream.core.definition import HOUR, SECOND, Definition
from stream.core.times import format_ms
from stream.simulate.scribe import Record
from stream.simulate.spoiled import Spoiler
from stream.simulate.streams import random_stream

LATENESS_MS = Definition().allowed_lateness_ms
Held = tuple[int, int, Record]
_RECEIVED = b'"receivedAt":"'


class Faults(Struct, frozen=True, kw_only=True):
    """Shares, 0 to 1. `late` and `disorder` are of the events, `duplicates` and `bad` of all records.

    late: delivered after newer events by more than the allowed lateness. disorder: by less.
    duplicates: delivered again within the lateness. bad: records besides the events that are none.
    """

    late: float = 0.0
    disorder: float = 0.0
    duplicates: float = 0.0
    bad: float = 0.0

    @property
    def extra(self) -> tuple[float, float]:
        """Duplicates and bad records for each event, which give the shares of all records."""
        events = 1.0 - self.duplicates - self.bad
        return self.duplicates / events, self.bad / events


class Delivery:
    """Delivers slices of records in time order, with the faults asked for.

    Each fault draws from a stream of its own for each slice, so that one more fault changes no other.
    Raises ValueError where the shares leave no room for sound events.
    """

    def __init__(self, faults: Faults, *, seed: int, to_topic: bool) -> None:
        if faults.late + faults.disorder > 1.0:
            raise ValueError("late and disorder together must be at most 1")
        if faults.duplicates + faults.bad >= 1.0:
            raise ValueError("duplicates and bad together must be below 1, or no event is left")
        self._faults = faults
        self._seed = seed
        self._spoiler = Spoiler(to_topic=to_topic)
        # Out of order: delivered before the first event that would make them late.
        self._held: list[Held] = []
        # Late: delivered after the first event that made them so.
        self._overdue: list[Held] = []
        self._order = count()

    def deliver(self, slices: Iterable[tuple[int, list[Record]]]) -> Iterator[tuple[int, list[Record]]]:
        """The same slices as they arrive; what is still under way at the end comes last."""
        if self._faults == Faults():
            yield from slices
            return
        until_ms = 0
        for until_ms, records in slices:
            yield until_ms, self._pass_on(until_ms, records)
        yield until_ms, [record for _, _, record in sorted(self._held + self._overdue)]

    def _pass_on(self, until_ms: int, records: list[Record]) -> list[Record]:
        faults = self._faults
        delays, repeats, spoils = (
            random_stream(self._seed, f"delivery/{fault}/{until_ms}")
            for fault in ("delay", "repeat", "spoil")
        )
        often, spoilt = faults.extra
        arriving: list[Record] = []
        for record in records:
            t_ms = record[0]
            _release(self._held, t_ms, arriving)
            fate, part = delays.random(), delays.random()
            delay_ms, waiting = 0, self._held
            if fate < faults.late:
                delay_ms, waiting = int(LATENESS_MS * 1.5 + 3 * HOUR * part**3), self._overdue
            elif fate < faults.late + faults.disorder:
                delay_ms = int(SECOND + (0.8 * LATENESS_MS - SECOND) * part**2)
            if delay_ms:
                record = _received(record, t_ms + delay_ms)
                self._hold(waiting, t_ms + delay_ms, record)
            else:
                arriving.append(record)
                _release(self._overdue, t_ms, arriving)
            for _ in range(_times(often, repeats)):
                again_ms = int(0.15 * LATENESS_MS * repeats.random())
                self._hold(waiting, t_ms + delay_ms + again_ms, record)
            arriving += [self._spoiler.spoil(record, spoils) for _ in range(_times(spoilt, spoils))]
        _release(self._held, until_ms, arriving)
        return arriving

    def _hold(self, waiting: list[Held], until_ms: int, record: Record) -> None:
        heappush(waiting, (until_ms, next(self._order), record))


def _release(waiting: list[Held], t_ms: int, arriving: list[Record]) -> None:
    while waiting and waiting[0][0] <= t_ms:
        arriving.append(heappop(waiting)[2])


def _times(mean: float, rng: Random) -> int:
    """0 or more, `mean` on average, with as little spread as can be."""
    return int(mean + rng.random())


def _received(record: Record, t_ms: int) -> Record:
    time_ms, key, value = record
    assert value is not None
    start = value.index(_RECEIVED) + len(_RECEIVED)
    text = format_ms(t_ms).encode()
    return time_ms, key, value[:start] + text + value[start + len(text) :]
