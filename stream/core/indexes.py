"""Who is due on which day and who has a visit open, kept in the local store instead of in memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from stream.core.calendar import Calendar
from stream.core.clock import Timers
from stream.core.profile import NEVER

DUE_PREFIX = b"\xfd"  # then the day, then the person
OPEN_PREFIX = b"\xfc"  # then the changelog key: a person, or one erased who still waits

_DAY_ZERO = 2**31  # so that days before 1970 sort, too


class _Keys(Protocol):
    """The part of a ColdStore that an index reads."""

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]: ...


class DueIndex:
    """Persons by the day on which something may change for them. Entries may be out of date, never missing.

    What is not in the store yet is found in memory. Changes for the store go to `local`.
    """

    def __init__(self, store: _Keys, local: dict[bytes, bytes | None]) -> None:
        self._store = store
        self._local = local
        self._unwritten: dict[int, dict[bytes, None]] = {}
        self._in_flight: dict[int, dict[bytes, None]] = {}
        self._cursor = DUE_PREFIX  # what the store has before it has been taken

    def add(self, day: int, person: bytes) -> None:
        """Look at the person on `day`."""
        self.put(day, person)
        self._unwritten.setdefault(day, {})[person] = None

    def put(self, day: int, person: bytes) -> None:
        """The same, for the store alone."""
        self._local[_due_key(day) + person] = b""

    def take(self, day: int, most: int) -> list[str]:
        """Up to `most` persons of the day; fewer only where there are no more of that day."""
        taken: list[bytes] = []
        for unwritten in (self._unwritten, self._in_flight):
            persons = unwritten.get(day, {})
            while persons and len(taken) < most:
                taken.append(persons.popitem()[0])
            if not persons:
                unwritten.pop(day, None)
        if len(taken) < most:
            start, end = max(self._cursor, _due_key(day)), _due_key(day + 1)
            found = list(islice(self._store.keys(start, end), most - len(taken))) if start < end else []
            taken += [key[5:] for key in found]
            if len(taken) < most:
                self._cursor = max(self._cursor, end)
            else:
                self._cursor = found[-1] + b"\0"
        prefix = _due_key(day)
        for person in taken:
            self._local[prefix + person] = None
        return [person.decode() for person in taken]

    def days(self) -> Iterator[int]:
        """The days that have entries in the store, found by seeking."""
        start = DUE_PREFIX
        while (key := next(self._store.keys(start, b"\xfe"), None)) is not None:
            day = int.from_bytes(key[1:5], "big") - _DAY_ZERO
            yield day
            start = _due_key(day + 1)

    def taken(self) -> None:
        """What was added is on its way to the store."""
        for day, persons in self._unwritten.items():
            self._in_flight.setdefault(day, {}).update(persons)
        self._unwritten = {}

    def written(self) -> None:
        """What was taken is in the store."""
        for day in self._in_flight:
            self._cursor = min(self._cursor, _due_key(day))
        self._in_flight = {}


class OpenIndex:
    """The changelog keys of persons with an open visit, and of the erased who still wait for repeats."""

    def __init__(self, store: _Keys, local: dict[bytes, bytes | None]) -> None:
        self._store = store
        self._local = local
        self._open: set[bytes] | None = None

    @property
    def keys(self) -> set[bytes]:
        """All of them; read from the store once."""
        if self._open is None:
            self._open = {key[1:] for key in self._store.keys(OPEN_PREFIX, DUE_PREFIX)}
        return self._open

    def note(self, key: bytes, is_open: bool) -> None:
        """Whether something of this key waits to be closed."""
        keys = self.keys
        if is_open:
            if key not in keys:
                keys.add(key)
                self._local[OPEN_PREFIX + key] = b""
        elif key in keys:
            keys.remove(key)
            self._local[OPEN_PREFIX + key] = None


class StoredTimers(Timers):
    """Timers whose day checks are in the store; in memory are the days, and the closes of open visits."""

    def __init__(self, calendar: Calendar, due: DueIndex) -> None:
        super().__init__(calendar)
        self._due = due
        self._known: set[int] = set()
        for day in due.days():
            self._know(day)

    def check_on(self, day: int, person: str) -> None:
        if day != NEVER:
            self._due.add(day, person.encode())
            self._know(day)

    def _know(self, day: int) -> None:
        if day not in self._known:
            self._known.add(day)
            heapq.heappush(self._days, day)
            if day < self._day:
                self._set_midnight()

    def _take_checks(self, most: int) -> list[str]:
        persons = self._due.take(self._days[0], most)
        if len(persons) < most:
            self._known.remove(heapq.heappop(self._days))
            self._set_midnight()
        return persons


def _due_key(day: int) -> bytes:
    return DUE_PREFIX + (day + _DAY_ZERO).to_bytes(4, "big")
