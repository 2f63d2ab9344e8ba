"""The next event, in order, of somebody known, with nothing due before it (SPEC 2 to 5).

It is what `Persons.apply` does, without what an event out of order needs; and for the usual first event of a
visit and the usual key event without what those cannot do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.activity import Activity, Named
from stream.core.calendar import Segment
from stream.core.engagement.cells import Cell as WindowCell
from stream.core.engagement.days import NO_CHANNEL
from stream.core.engagement.figures import Cell as DayCell
from stream.core.engagement.windows import Windows
from stream.core.profile import CHURNED, Profile, Recent, Visit

if TYPE_CHECKING:
    from stream.core.persons import Persons


class Following:
    """Of the ids among `persons`. Events that leave the loop's own short path come in here."""

    def __init__(self, persons: Persons, *, activity: Activity, windows: Windows) -> None:
        self._persons = persons
        self._cutter, self._diary, self._lifecycle = persons.cutter, persons.diary, persons.lifecycle
        self._changed, self._key_events = persons.changed, persons.key_events
        self._marks = activity.vocabulary.marks
        self._windows = windows

    def go_on(
        self,
        person: str,
        p: Profile,
        event: Recent,
        today: Segment,
        named: Named,
        cell: WindowCell,
        day_cell: DayCell | None,
    ) -> None:
        """The next event, in order, of a known person with nothing due up to `today`.

        It counts in `cell`, and for the day in `day_cell`, where its channel has one already.
        """
        t = event[0]
        visit = p.open[-1] if p.open else None
        begins = visit is None or t - visit.last > self._cutter.gap or t - visit.start > self._cutter.longest
        if day_cell is not None:
            if visit is None or begins:
                if named.quiet and not self._cutter.specials:
                    self._begin(person, p, event, today, named, cell, day_cell)
                    return
            elif self._occurs(person, p, visit, event, today, cell, day_cell):
                return
        before = p.last_day
        on = self._diary.arrived(person, p, event, named, today.reached)
        p.last, p.last_day = t, today.day
        engaged = not begins and visit is not None and bool(visit.hits)
        self._diary.append(p, event, named, today, on)
        self._persons.note(p, event)
        if p.open[-1] is not visit:
            engaged = False
            self._persons.open_visits += 1
            self._persons.await_close(person, p)
        if (
            bool(p.open[-1].hits) != engaged
            or (engaged and self._lifecycle.counted)
            or p.state >= CHURNED
            or today.day < before  # where a clock went back over midnight
        ):
            self._persons.evaluate(person, p, t, today.reached, event[1])
        else:
            self._changed[person] = None

    def _begin(
        self,
        person: str,
        p: Profile,
        event: Recent,
        today: Segment,
        named: Named,
        cell: WindowCell,
        day_cell: DayCell,
    ) -> None:
        """An event begins a visit, and is no key event: `go_on` without what it then cannot do."""
        t, before = event[0], p.last_day
        _, _, day, reached = today
        visit = self._cutter.begin(p, event, day, named)
        self._diary.begins(person, p, visit, named, reached, day_cell)
        p.last, p.last_day = t, day
        cell.visits += 1
        self._persons.open_visits += 1
        self._persons.await_close(person, p)
        if p.state >= CHURNED or day < before:
            self._persons.evaluate(person, p, t, reached, event[1])
        else:
            self._changed[person] = None

    def _occurs(
        self,
        person: str,
        p: Profile,
        visit: Visit,
        event: Recent,
        today: Segment,
        cell: WindowCell,
        day_cell: DayCell,
    ) -> bool:
        """Whether the event is a key event and nothing else, of a visit that began today in its channel.

        Then it is entered: `go_on` without what it then cannot do.
        """
        t, message_id, number, entry, amounts, _ = event
        midnight, _, day, reached = today
        mark = self._marks[number]
        keys, entered, seen = mark.hits, visit.entry, p.seen
        channel = None if entry is None else entry[3]
        if (
            not keys
            or mark.voids
            or mark.page
            or amounts is not None
            or visit.voided
            or visit.pending
            or visit.start < midnight
            or seen is None
            or not seen.on
            or (on := seen.on[-1]).day != reached
            or channel != (None if entered is None else entered[3])
            or (channel or NO_CHANNEL) not in on.channels
        ):
            return False
        hits, counts = visit.hits, self._key_events
        if visit.pages > 1 and on.hits > 0 and on.tried:
            on.hits += len(keys)
        else:
            self._diary.occurs(visit, on, reached, day_cell, len(keys))
        day_cell.ms += t - visit.last
        p.recent.append(event)
        visit.events += 1
        occurred = hits.get(day)
        if occurred is None:
            hits[day] = dict.fromkeys(keys, 1)
        for key in keys:
            if occurred is not None:
                occurred[key] = occurred.get(key, 0) + 1
            counts[key] = counts.get(key, 0) + 1
        self._windows.occur(cell, p, keys, p.last)
        p.last = visit.last = t
        if occurred is None:
            visit.was_engaged = True
        if occurred is None or self._lifecycle.counted or p.state >= CHURNED:
            self._persons.evaluate(person, p, t, reached, message_id)
        else:
            self._changed[person] = None
        return True
