"""Closes and midnights that the watermark has made due: done at once, or put off and worked off in slices."""

from __future__ import annotations

from collections.abc import Collection

from stream.core.calendar import Calendar
from stream.core.clock import Timers
from stream.core.persons import Persons
from stream.core.profile import NEVER

MOST_DUE = 500
"""Closes and midnights in one call of a worker's partition: a few milliseconds, however many are due."""

_CHUNK = 64
_FOREVER = 2**63


class Due:
    """Time passing for the persons of a partition.

    With `most`, one call does about so many closes and midnights; the rest is put off. Persons don't depend
    on each other, so it is enough that whoever is touched is brought up to the watermark first (`catch_up`):
    each person's outputs are those of doing all at once, in the same order. `behind` says whether anything
    is put off. For whoever is `held` nothing is done, and nothing remembered.
    """

    def __init__(self, persons: Persons, timers: Timers, calendar: Calendar, most: int | None) -> None:
        self.behind = False
        self.held: Collection[str] = ()
        self._persons = persons
        self._timers = timers
        self._calendar = calendar
        self._most = most
        self._watermark = 0
        self._at_hand = timers, timers.closes, timers.deadlines, persons.hot.get, persons, persons.cutter.gap
        self.begin()

    def begin(self) -> None:
        """A call begins: it may do `most` again."""
        self._left = _FOREVER if self._most is None else self._most

    def put_off(self, watermark: int) -> None:
        """Leave all that is due to later calls."""
        self._watermark = watermark
        self.behind = True

    def fire(self, watermark: int) -> bool:
        """Do what is due, in time order, or some of it; True while more is left."""
        self._watermark = watermark
        timers, closes, deadlines, find, persons, gap = self._at_hand
        midnight = timers.midnight
        if watermark >= midnight:
            return self._fire_all(watermark) if self._most is None else self._fire_some(watermark)
        left = self._left
        while closes or timers.fill(watermark):  # one or two are due, usually
            first, name = closes[-1]
            if first >= watermark or left <= 0:
                break
            closes.pop()
            known = deadlines.pop(name, None)
            if known != first:  # an earlier one has taken its place
                if known is not None:
                    deadlines[name] = known
                continue
            left -= 1
            p = find(name)
            if p is not None and (visits := p.open):
                over = visits[0].last + gap
                if over >= watermark:
                    timers.close_at(over, name)
                elif name not in self.held:
                    persons.close(name, p, watermark)
            elif name not in self.held:
                persons.close_due(name, watermark)
        else:
            first = timers.beyond()
        self._left = left
        timers.next = first if first < midnight else midnight - 1
        self.behind = behind = first < watermark
        return behind

    def _fire_some(self, watermark: int) -> bool:
        self.behind = True
        while self._left > 0:
            most = min(self._left, _CHUNK)
            names = self._timers.take(watermark, most)
            for name in names:
                self._left -= 1 + self.catch_up(name)
            if len(names) < most:
                self.behind = False
                break
        return self.behind

    def _fire_all(self, watermark: int) -> bool:
        timers, persons = self._timers, self._persons
        while True:
            while (name := timers.next_close(watermark)) is not None:
                if name not in self.held:
                    persons.close_due(name, watermark)
            midnight = timers.next_midnight(watermark)
            if midnight is None:
                return False
            instant, day, due = midnight
            for person in due:
                if person not in self.held:
                    persons.at_midnight(person, instant, day)

    def catch_up(self, name: str) -> int:
        """Bring one person up to the watermark, in time order, midnights first on a tie; how much it took.

        `name` is a person, or any other name that a timer was set for.
        """
        if name in self.held:
            return 0
        persons, watermark = self._persons, self._watermark
        done = 0
        while (p := persons.profiles.get(name)) is not None:
            midnight, day = _FOREVER, NEVER
            if p.due != NEVER:
                midnight, day = self._calendar.midnight(p.due)
            if p.open and p.open[0].last + persons.cutter.gap < min(watermark, midnight):
                persons.close_due(name, watermark)
            elif midnight <= watermark:
                persons.at_midnight(name, midnight, day)
            else:
                break
            done += 1
        persons.close_due(name, watermark)  # nothing but the next timer, or that of an erased person
        return done

    def catch_up_aliases(self, person: str) -> None:
        """Bring the anonymous ids up to the watermark that lead to a user."""
        p = self._persons.profiles.get(person)
        for alias in list(p.aliases) if p is not None else ():
            self.catch_up(alias)
