"""The first event of somebody of whom nothing is known, entered in one go (SPEC 5).

It is what `Persons.apply` does, without all that cannot be: nobody else is like this person yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.activity import Named
from stream.core.calendar import Calendar, Segment
from stream.core.clock import Timers
from stream.core.definition import Definition
from stream.core.engagement.cells import Cell as WindowCell
from stream.core.engagement.figures import Cell as DayCell
from stream.core.lifecycle import Change
from stream.core.profile import NEW, SILENT, Profile, Recent, Visit
from stream.core.publishing import Publisher
from stream.core.registration import Registrar

if TYPE_CHECKING:
    from stream.core.persons import Persons


class Newcomers:
    """Of the ids among `persons`. Events come in here that are no key events, and count in `cell` already.

    `day_cell` is that of the day and the event's channel.
    """

    def __init__(
        self,
        persons: Persons,
        definition: Definition,
        *,
        calendar: Calendar,
        timers: Timers,
        publisher: Publisher,
    ) -> None:
        self.registration = Registrar(definition, calendar).registration
        self._persons = persons
        self._cutter, self._diary, self._lifecycle = persons.cutter, persons.diary, persons.lifecycle
        self._prospect_days = definition.prospect_days
        self._timers = timers
        self._publisher = publisher

    def prospect(
        self,
        person: str,
        p: Profile,
        event: Recent,
        today: Segment,
        named: Named,
        cell: WindowCell,
        day_cell: DayCell,
    ) -> None:
        """The first event of an anonymous id."""
        visit = self._begin(person, p, event, today, named, cell)
        self._diary.enters(p, visit, today.reached, day_cell, None)
        p.due = today.day + self._prospect_days
        self._timers.check_on(p.due, person)

    def user(
        self,
        person: str,
        p: Profile,
        event: Recent,
        today: Segment,
        named: Named,
        cell: WindowCell,
        day_cell: DayCell,
        value: bytes,
    ) -> None:
        """The first event of a user id: it registers."""
        t, day, counts = event[0], today.reached, self._persons.transitions
        visit = self._begin(person, p, event, today, named, cell)
        change = self.registers(p, value, event, today.day, day, "deleted" if p.reborn else None)
        name = change[0], change[3]
        counts[name] = counts.get(name, 0) + 1
        self._diary.enters(p, visit, day, day_cell, change)
        self._publisher.transitions(person, (change,), k=p.k, at=t, cause=event[1], tier=0, engaged_visits=0)
        if self._lifecycle.stays_new(p, day):
            self._timers.check_on(p.due, person)
        else:
            self._persons.evaluate(person, p, t, day, event[1])

    def registers(
        self, p: Profile, value: bytes, event: Recent, on: int, day: int, before: str | None
    ) -> Change:
        """An event of the local date `on` registers, evaluated on `day`."""
        p.registered, p.imported = self.registration(value, on, reborn=p.reborn)
        p.registration = event[:2]
        if p.imported:
            return self._lifecycle.enter(p, day, SILENT, "imported", before)
        return self._lifecycle.enter(p, day, NEW, "registered", before)

    def _begin(
        self, person: str, p: Profile, event: Recent, today: Segment, named: Named, cell: WindowCell
    ) -> Visit:
        persons, t = self._persons, event[0]
        p.last, p.last_day = t, today.day
        cell.visits += 1
        persons.open_visits += 1
        persons.changed[person] = None
        self._timers.close_after(t + self._cutter.gap, person)
        return self._cutter.begin(p, event, today.day, named)
