"""The daily report, naively: each day is counted anew from all events, visits and transitions (SPEC 6)."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from stream.core.definition import Definition
from tests.reference.days import days_of
from tests.reference.records import Event, look_up
from tests.reference.visits import build

BASE = ("new", "active", "silent")
SOURCES = ("activated", "reactivated", "resurrected")


class Seen(NamedTuple):
    """One applied event of a person, as who they were then; `life` tells apart the lives of one id."""

    person: str
    life: int
    event: Event


class Made(NamedTuple):
    """A visit that has been, closed or not or dropped, and the how manieth of the person it is."""

    person: str
    life: int
    nth: int
    events: Sequence[Event]


def reports(
    definition: Definition,
    seen: Sequence[Seen],
    visits: Sequence[Made],
    transitions: Sequence[dict[str, Any]],
    end: int,
) -> list[dict[str, Any]]:
    """One report for each day from the first event's on whose last moment is before `end` (in ms).

    Without prospects, phase, goals and a cap on channels; persons who were never joined to another. Where a
    clock goes back over midnight, the new day has begun.
    """
    days = days_of(definition.timezone)
    if not seen:
        return []
    log = _Log(definition, seen, visits, transitions)
    day, found = min(days.reached(each.event.time) for each in seen), []
    while (midnight := _midnight_after(day, definition)) <= end:
        found.append(log.report(day))
        day = days.reached(midnight)
    return found


def _midnight_after(day: dt.date, definition: Definition) -> int:
    days = days_of(definition.timezone)
    following = day + dt.timedelta(days=1)
    while (midnight := days.midnight(following)) is None:
        following += dt.timedelta(days=1)
    return midnight


class _Log:
    def __init__(
        self,
        definition: Definition,
        seen: Sequence[Seen],
        visits: Sequence[Made],
        transitions: Sequence[dict[str, Any]],
    ) -> None:
        self._definition = definition
        self._days = days_of(definition.timezone)
        self._visits = visits
        self._names = {entry.name for entry in definition.key_events}
        self._on: dict[dt.date, list[Seen]] = defaultdict(list)
        for each in seen:
            self._on[self._days.reached(each.event.time)].append(each)
        self._transitions: dict[dt.date, list[dict[str, Any]]] = defaultdict(list)
        for transition in transitions:
            at = dt.datetime.fromisoformat(transition["at"])
            ms = round((at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(milliseconds=1))
            self._transitions[self._days.reached(ms)].append(transition)

    def report(self, day: dt.date) -> dict[str, Any]:
        states, tiers = self._population(day)
        before, _ = self._population(day - dt.timedelta(days=1))
        today = [each for each in self._transitions[day] if each["kind"] == "lifecycle"]
        base = {person for person, state in states.items() if state in BASE}
        month = self._range(day, 30)
        reasons = Counter(each["reason"] for each in today)
        monthly = Counter(
            each["reason"]
            for date in month
            for each in self._transitions[date]
            if each["kind"] == "lifecycle"
        )
        with_event = {each.person for date in month for each in self._on[date]}
        active = {person for person, state in states.items() if state == "active"}
        active_before = {person for person, state in before.items() if state == "active"}
        gone = sum(each["reason"] == "deleted" and each["from"] == "active" for each in today)
        return {
            "day": day.isoformat(),
            "traffic": self._traffic(day, None),
            "channels": {channel: self._traffic(day, channel) for channel in self._channels(day)},
            "active": self._reached(day, users=True),
            "visitors": self._reached(day, users=False),
            "people_by_state": Counter(states.values()),
            "people_by_tier": Counter(tiers.values()),
            "active_before": len(active_before),
            "sources": {
                **{reason: reasons[reason] for reason in SOURCES},
                "retained": len(active & active_before),
            },
            "losses": {"lapsed": reasons["lapsed"], "deleted": gone},
            "registrations": monthly["registered"],
            "churned": monthly["churned"],
            "pseudo_active": self._pseudo_active(day),
            "base": len(base),
            "new_user_ratio": _share(monthly["registered"], len(base)),
            "activity": _share(len(active), len(base)),
            "retention": _share(len(base & with_event), len(base)),
            "churn_rate": _share(monthly["churned"], len(base)),
        }

    def _range(self, day: dt.date, days: int) -> list[dt.date]:
        return [day - dt.timedelta(days=back) for back in range(days)]

    def _population(self, day: dt.date) -> tuple[dict[str, str], dict[str, str]]:
        """State and tier of each registered person at the end of a day."""
        states: dict[str, str] = {}
        tiers: dict[str, str] = {}
        for date in sorted(date for date in self._transitions if date <= day):
            for each in self._transitions[date]:
                if each["to"] == "deleted":
                    states.pop(each["person"], None)
                    tiers.pop(each["person"], None)
                elif each["kind"] == "lifecycle":
                    states[each["person"]] = each["to"]
                    tiers.setdefault(each["person"], "none")
                else:
                    tiers[each["person"]] = each["to"]
        return states, tiers

    def _reached(self, day: dt.date, *, users: bool) -> dict[str, int]:
        return {
            f"days_{count}": len(
                {
                    (each.person, each.life)
                    for date in self._range(day, count)
                    for each in self._on[date]
                    if each.person.startswith("anonymous:") != users
                }
            )
            for count in (1, 7, 30)
        }

    def _begun(self, day: dt.date) -> Iterable[Made]:
        return (each for each in self._visits if self._days.reached(each.events[0].time) == day)

    def _until(self, day: dt.date, visit: Made) -> list[Event]:
        return [event for event in visit.events if self._days.reached(event.time) <= day]

    def _channels(self, day: dt.date) -> set[str]:
        of_events = {_channel(each.event) for each in self._on[day]}
        return of_events | {_channel(visit.events[0]) for visit in self._begun(day)}

    def _traffic(self, day: dt.date, channel: str | None) -> dict[str, Any]:
        events = [each for each in self._on[day] if channel in (None, _channel(each.event))]
        visits = [
            build(self._until(day, each), nth=each.nth, definition=self._definition)
            for each in self._begun(day)
            if channel in (None, _channel(each.events[0]))
        ]
        return {
            "pageviews": sum(each.event.is_page for each in events),
            "people": len({(each.person, each.life) for each in events}),
            "visits": len(visits),
            "bounce_rate": _share(sum(visit.bounce for visit in visits), len(visits)),
            "pages_per_visit": _share(sum(visit.pages for visit in visits), len(visits)),
            "seconds_per_visit": _share(sum(visit.end - visit.start for visit in visits) / 1000, len(visits)),
        }

    def _pseudo_active(self, day: dt.date) -> int:
        begun: dict[tuple[str, int], list[bool]] = defaultdict(list)
        tried: set[tuple[str, int]] = set()
        succeeded: set[tuple[str, int]] = set()
        for each in self._visits:
            events = self._until(day, each)
            if not any(self._days.reached(event.time) == day for event in events):
                continue
            visit = build(events, nth=each.nth, definition=self._definition)
            if self._days.reached(each.events[0].time) == day:
                begun[each.person, each.life].append(visit.passive and visit.bounce)
            if any(self._days.reached(time) == day for _, time in visit.occurrences):
                succeeded.add((each.person, each.life))
            if any(event.name in self._names and self._days.reached(event.time) == day for event in events):
                tried.add((each.person, each.life))
        bounced = {person for person, bounces in begun.items() if all(bounces)}
        return len(bounced | (tried - succeeded))


def _channel(event: Event) -> str:
    return look_up(event.body, "context.channel") or "(none)"


def _share(part: float, whole: int) -> float:
    return part / whole if whole else 0
