"""What a day was, counted anew from the whole log for every figure: slow, and independent of how it is done.

Persons' states come from the transitions that were published, all else from the oracle's persons. What a
visit was at midnight is what the oracle makes of a log that ends there.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from stream.core.definition import Definition
from tests.reference import LogRecord
from tests.reference.days import EPOCH, days_of
from tests.reference.person import Life, Published
from tests.reference.records import Event
from tests.reference.replay import _Partition, _read_all

BASE = ("new", "active", "silent")


@dataclass(frozen=True)
class Seen:
    """An applied event: of which day, and of which life of which person."""

    person: str
    day: int
    life: int
    visitor: bool
    channel: str
    page: bool
    tries: bool


class Visit(NamedTuple):
    """A visit as far as it counts for a day."""

    start: int
    ms: int
    pages: int
    bounce: bool
    channel: str


class Recorder(_Partition):
    """The oracle, with a note of each event that is applied to somebody."""

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition, 0, 1, Published())
        self.seen: list[Seen] = []
        self.lives: dict[int, tuple[Life, int]] = {}
        self._noted: set[tuple[str, tuple[int, str]]] = set()
        self._names = {entry.name for entry in definition.key_events}

    def _apply(self, event: Event, identity: str) -> None:
        self._catch_up(identity, event.time)  # whom a midnight has forgotten since is not of the event's life
        deletion, person = self._erased.get(event.person), self.people.get(identity)
        falls = deletion is not None and event.place <= deletion.place
        falls = falls or (person is not None and person.erased(event))
        deletes = event.name in self._definition.deletion_events
        before = None if person is None or (deletes and person.life.state == "deleted") else person.life
        super()._apply(event, identity)
        if falls or (identity, event.place) in self._noted:
            return
        self._noted.add((identity, event.place))
        after = self.people[identity].life if identity in self.people else None
        unknown = before is None or (after is not before and not deletes)  # or forgotten since
        life = after if unknown and not deletes else before
        number = self._life(life) if life is not None else -1 - len(self.seen)
        if deletes and after is not None and after.open:
            self.lives[id(after)] = after, number  # it goes on with events that were counted before
        self.seen.append(
            Seen(
                person=identity,
                day=day_number(self._days.reached(event.time)),
                life=number,
                visitor=identity.startswith("anonymous:"),
                channel=_channel(event),
                page=event.is_page,
                tries=event.name in self._names,
            )
        )

    def transitions(self) -> list[dict[str, Any]]:
        """What was published of all persons."""
        return self._published.transitions

    def visits(self) -> list[Visit]:
        """Those published, and those open."""
        found = [
            Visit(
                start=_ms(each["start"]),
                ms=_ms(each["end"]) - _ms(each["start"]),
                pages=each["pages"],
                bounce=each["bounce"],
                channel=each["entry"]["channel"] or "(none)",
            )
            for each in self._published.visits
        ]
        for person in self.people.values():
            for visit in person.open_visits():
                ms, channel = visit.end - visit.start, _channel(visit.events[0])
                found.append(Visit(visit.start, ms, visit.pages, visit.bounce, channel))
        return found

    def _life(self, life: Life) -> int:
        return self.lives.setdefault(id(life), (life, len(self.lives)))[1]


def _channel(event: Event) -> str:
    context = event.body.get("context")
    channel = context.get("channel") if isinstance(context, dict) else None
    return channel if isinstance(channel, str) and channel else "(none)"


def _ms(text: str) -> int:
    return (dt.datetime.fromisoformat(text) - EPOCH) // dt.timedelta(milliseconds=1)


def day_number(date: dt.date) -> int:
    return (date - EPOCH.date()).days


class Counted:
    """What a log comes to, day by day, asked for one figure after the other. Days are since 1970."""

    def __init__(self, definition: Definition, log: Sequence[LogRecord], until_ms: int) -> None:
        self._definition = definition
        self._calendar = days_of(definition.timezone)
        recorder = Recorder(definition)
        events = [event for event in _read_all(definition, log) if isinstance(event, Event)]
        self.applied = [event for event in events if recorder.arrive(event) == "applied"]
        recorder.advance(until_ms)
        self._seen, self._transitions = recorder.seen, recorder.transitions()
        self._ends: dict[int, Recorder] = {}
        self.days = range(0)
        if self._seen:
            last = day_number(self._calendar.reached(until_ms))
            self.days = range(min(seen.day for seen in self._seen), last)

    def occurs(self, day: int) -> bool:
        """Whether the day is one of the calendar's."""
        return self._calendar.midnight(_date(day)) is not None

    def people(self, day: int, days: int, *, visitors: bool) -> int:
        """Distinct lives with an event in the last `days` days."""
        return len(
            {seen.life for seen in self._seen if seen.visitor == visitors and 0 <= day - seen.day < days}
        )

    def pageviews(self, day: int) -> Counter[str]:
        """By channel."""
        return Counter(seen.channel for seen in self._seen if seen.day == day and seen.page)

    def people_by_channel(self, day: int) -> Counter[str]:
        """Distinct lives."""
        return Counter(channel for channel, _ in {(s.channel, s.life) for s in self._seen if s.day == day})

    def visits(self, day: int) -> list[Visit]:
        """Visits begun on the day, as they stood at its end."""
        return [
            visit for visit in self._end_of(day).visits() if self._calendar.reached(visit.start) == _date(day)
        ]

    def states(self, day: int) -> dict[str, str]:
        """Registered persons' states at the end of the day."""
        found: dict[str, str] = {}
        for each in self._until(day):
            if each["kind"] == "lifecycle":
                found[each["person"]] = each["to"]
        return {person: state for person, state in found.items() if state != "deleted"}

    def tiers(self, day: int) -> Counter[str]:
        """Registered persons by tier at the end of the day."""
        found: dict[str, str] = {}
        for each in self._until(day):
            if each["kind"] == "tier":
                found[each["person"]] = each["to"]
            elif each["from"] in (None, "prospect", "deleted"):
                found[each["person"]] = "none"
        return Counter(found[person] for person in self.states(day))

    def reasons(self, day: int, days: int = 1) -> Counter[str]:
        """Lifecycle transitions of the last `days` days; `deleted` only from active."""
        return Counter(
            each["reason"]
            for each in self._transitions
            if each["kind"] == "lifecycle"
            and 0 <= day - self._day_of(each) < days
            and (each["reason"] != "deleted" or each["from"] == "active")
        )

    def retained(self, day: int) -> int:
        """Active at both midnights, and not deleted in between."""
        deleted = {
            each["person"]
            for each in self._transitions
            if each["to"] == "deleted" and self._day_of(each) == day
        }
        both = _active(self.states(day - 1)) & _active(self.states(day))
        return len(both - deleted)

    def back(self, day: int) -> int:
        """Of those who are new, active or silent at the end of the day, those with an event in 30 days."""
        seen = [each for each in self._seen if each.day <= day]
        life = {each.person: each.life for each in seen}  # the last
        recent = {each.life for each in seen if day - each.day < 30}
        return sum(state in BASE and life[person] in recent for person, state in self.states(day).items())

    def prospects(self, day: int) -> int:
        """Known, and not registered, at the end of the day."""
        return sum(person.life.state == "prospect" for person in self._end_of(day).people.values())

    def pseudo(self, day: int) -> int:
        """Lives with passive bounces alone, or with key events of which none counts."""
        end, found = self._end_of(day), set()
        tried = {seen.life for seen in end.seen if seen.day == day and seen.tries}
        for person in end.people.values():
            visits = person.life.closed + person.open_visits()
            begun = [each for each in visits if self._calendar.reached(each.start) == _date(day)]
            hits = [
                name
                for visit in visits
                for name, time in visit.occurrences
                if self._calendar.reached(time) == _date(day)
            ]
            life = end.lives[id(person.life)][1]
            if begun and all(visit.passive and visit.bounce for visit in begun):
                found.add(life)
            if life in tried and not hits:
                found.add(life)
        return len(found)

    def _end_of(self, day: int) -> Recorder:
        """The oracle after a log that ends with the day."""
        if day not in self._ends:
            recorder = self._ends[day] = Recorder(self._definition)
            end = min(
                midnight
                for later in (1, 2)
                if (midnight := self._calendar.midnight(_date(day + later))) is not None
            )
            for event in self.applied:
                if event.time < end:
                    recorder.arrive(event)
            recorder.advance(end - 1)
        return self._ends[day]

    def _until(self, day: int) -> list[dict[str, Any]]:
        return [each for each in self._transitions if self._day_of(each) <= day]

    def _day_of(self, transition: dict[str, Any]) -> int:
        return day_number(self._calendar.reached(_ms(transition["at"])))


def _active(states: dict[str, str]) -> set[str]:
    return {person for person, state in states.items() if state == "active"}


def _date(day: int) -> dt.date:
    return EPOCH.date() + dt.timedelta(days=day)
