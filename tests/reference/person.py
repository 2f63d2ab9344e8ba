"""One person's life: events in the order of arrival, evaluated from scratch each time (SPEC 3 to 5)."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stream.core.definition import TIERS, Definition
from tests.reference.daily import Made, Seen
from tests.reference.days import Days, instant
from tests.reference.records import BARE_DATE, Event, look_up, milliseconds
from tests.reference.visits import Visit, build, cut, entry_of

IN_ORDER = ["active", "silent", "churned", "hibernating"]
WORSE = {"silent": "lapsed", "churned": "churned", "hibernating": "hibernated"}


def iso(time_ms: int) -> str:
    return instant(time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Life:
    """What is known of a person since they were first seen, or since their deletion."""

    open: list[Event] = field(default_factory=list)
    closed: list[Visit] = field(default_factory=list)
    state: str | None = None
    tier: str = "none"
    last_time: int | None = None
    last_published_end: int | None = None
    registrations: list[Event] = field(default_factory=list)
    ever_active: bool = False
    entered_by: str = ""
    changed: dict[str, dt.date] = field(default_factory=dict)


class Person:
    """A person under one id. `visits` and `transitions` are what was published, `at` the time reached."""

    def __init__(self, identity: str, definition: Definition, days: Days, published: Published) -> None:
        self.id = identity
        self.life = Life()
        self.transitions = 0
        self.deletion: Event | None = None
        self.at: int | None = None
        self.life_number = next(published.lives)
        self._date = dt.date.min
        self._definition = definition
        self._days = days
        self._published = published

    @property
    def registered(self) -> bool:
        return self.life.state not in (None, "prospect", "deleted")

    def close_visits(self, watermark: int | None) -> None:
        """Publish the visits whose end plus gap lies strictly before the watermark."""
        for visit in self.open_visits():
            if watermark is not None and visit.end + self._definition.visit_gap_ms < watermark:
                self._publish(visit)
                self.life.open = [event for event in self.life.open if event.time > visit.end]
                self.life.last_published_end = visit.end

    def live_until(self, time: int) -> bool:
        """Evaluate the midnights not yet evaluated up to and including `time`; False: now forgotten."""
        if self.at is None:
            return True
        for midnight, date in self._days.midnights(after=self.at, until=time):
            self.at, self._date = midnight, date
            if self.life.state == "prospect" and self._is_forgotten():
                for visit in self.open_visits():
                    self._publish(visit)
                return False
            self.evaluate("day")
        return True

    def open_visits(self) -> list[Visit]:
        """The open visits, anew from all open events."""
        parts = cut(self.life.open, self._definition)
        before = len(self.life.closed)
        return [
            build(events, nth=before + index, definition=self._definition)
            for index, events in enumerate(parts, start=1)
        ]

    def keep_open_visits(self) -> None:
        """Remember the open visits for the daily report, though they are never published."""
        before = len(self.life.closed)
        for nth, visit in enumerate(self.open_visits(), start=before + 1):
            self._published.made.append(Made(self.id, self.life_number, nth, visit.events))

    def reach(self, time: int) -> None:
        """Let the evaluation time be at least `time`."""
        if self.at is None or time > self.at:
            self.at = time
            self._date = max(self._date, self._days.reached(time))

    def erased(self, event: Event) -> bool:
        """Whether an event belongs to the life that a deletion ended."""
        return self.deletion is not None and event.place <= self.deletion.place

    def add(self, event: Event) -> None:
        life = self.life
        life.open.append(event)
        life.last_time = event.time if life.last_time is None else max(life.last_time, event.time)
        if event.user is not None:
            life.registrations.append(event)

    def take_over(self, other: Person) -> None:
        """Take what an anonymous person has; what does not come after our last published visit stays."""
        end, events = self.life.last_published_end, other.life.open
        other.life.open = [event for event in events if end is not None and event.time <= end]
        for visit in other.open_visits():
            other._publish(visit)
        self.life.open += [event for event in events if end is None or event.time > end]
        self.life.closed += other.life.closed
        lasts = [each for each in (self.life.last_time, other.life.last_time) if each is not None]
        self.life.last_time = max(lasts, default=None)
        if self.life.state is None:
            self.life.state = "prospect"
        if other.at is not None:
            self.reach(other.at)

    def delete(self, event: Event) -> None:
        """End this life. Events after the deletion that came before it would belong to the next."""
        if self.deletion is None or event.place > self.deletion.place:
            self.deletion = event
        if self.life.state != "deleted":
            self.keep_open_visits()
            previous, self.life.tier = self.life, "none"
            self._change("lifecycle", "deleted", "deleted", event.id, engaged=0)
            later = [each for each in previous.open if not self.erased(each)]
            self.life = Life(state="deleted")
            self.life_number = next(self._published.lives)
            for each in later:
                self.add(each)
        if self.life.registrations:
            first = min(self.life.registrations, key=lambda each: each.place)
            self.register(first.id)
            self.evaluate(event.id)

    def register(self, cause: str) -> None:
        """The step of its own that precedes the first evaluation of a registered person."""
        reason = "imported" if self.registration()[1] else "registered"
        state = "silent" if reason == "imported" else "new"
        self._change("lifecycle", state, reason, cause, engaged=0)

    def registration(self) -> tuple[dt.date, bool]:
        """The registration day and whether the person is imported, from the first event with a userId."""
        first = min(self.life.registrations, key=lambda event: event.place)
        seen = self._days.date(first.time)
        created = self._created(first)
        if self.deletion is not None:
            return seen, False
        if created is not None:
            return created, (seen - created).days >= self._definition.new_days
        known_before = self._definition.known_before
        return seen, known_before is not None and seen < dt.date.fromisoformat(known_before)

    def evaluate(self, cause: str) -> None:
        """State and tier at the time reached; each change is published."""
        if not self.registered:
            return
        engaged = self.engaged_visits()
        tier_before, self.life.tier = self.life.tier, self._tier(engaged)
        target = self._target_state()
        while self.life.state != target:
            step, reason = self._next_step(target)
            self._change("lifecycle", step, reason, cause, engaged=engaged)
        self.life.ever_active |= self.life.state == "active"
        if self.life.tier != tier_before:
            up = TIERS.index(self.life.tier) > TIERS.index(tier_before)
            self._change(
                "tier", self.life.tier, "tier_up" if up else "tier_down", cause, engaged, tier_before
            )

    def engaged_visits(self) -> int:
        """The engagement index over `active_days` at the day reached."""
        visits = self.life.closed + self.open_visits()
        return sum(
            visit.engaged and self._within(visit.start, self._definition.active_days) for visit in visits
        )

    def occurrences(self, name: str, days: int) -> int:
        """How often a key event occurred in the last `days` days, up to the day reached."""
        return sum(
            found == name and self._within(time, days)
            for visit in self.life.closed + self.open_visits()
            for found, time in visit.occurrences
        )

    def record(self) -> dict[str, Any]:
        """The person as `people.jsonl` has it."""
        registered, imported = self.registration()
        names = {entry.name for entry in self._definition.key_events}
        return {
            "person": self.id,
            "state": self.life.state,
            "tier": self.life.tier,
            "engaged_visits": self.engaged_visits(),
            "registered": registered.isoformat(),
            "imported": imported,
            "last_event": self._last_day().isoformat(),
            "visits": len(self.life.closed) + len(self.open_visits()),
            "transitions": self.transitions,
            "key_events": {
                name: {f"days_{n}": self.occurrences(name, n) for n in (1, 7, 30)}
                for name in names
                if self.occurrences(name, 30)
            },
        }

    def _is_forgotten(self) -> bool:
        """Whether the midnight reached is one at which a prospect is forgotten: not while a visit goes on."""
        last, gap = self.life.last_time, self._definition.visit_gap_ms
        assert last is not None
        assert self.at is not None
        unseen = (self._date - self._last_day()).days
        return unseen >= self._definition.prospect_days and last + gap < self.at

    def _within(self, time: int, days: int) -> bool:
        """Whether an instant lies in the window of `days` days that ends with the day reached."""
        return 0 <= (self._date - self._days.date(time)).days < days

    def _last_day(self) -> dt.date:
        assert self.life.last_time is not None
        return self._days.date(self.life.last_time)

    def _tier(self, engaged: int) -> str:
        reached = ["none", *(tier for tier, least in self._definition.tiers.items() if engaged >= least)]
        reached += [
            rule.tier
            for rule in self._definition.tier_rules
            if self.occurrences(rule.event, rule.days) >= rule.count
        ]
        return max(reached, key=TIERS.index)

    def _target_state(self) -> str:
        definition, life = self._definition, self.life
        registered, imported = self.registration()
        since_event = (self._date - self._last_day()).days
        if life.tier != "none":
            return "active"
        since_registration = (self._date - registered).days
        ever_engaged = any(visit.ever_engaged for visit in life.closed + self.open_visits())
        if not imported and not ever_engaged and since_registration < definition.new_days:
            return "new"
        if since_event < definition.churn_days:
            return "silent"
        return "churned" if since_event < definition.hibernate_days else "hibernating"

    def _next_step(self, target: str) -> tuple[str, str]:
        """The next state on the way to `target`, and the reason of that change."""
        state, life = self.life.state, self.life
        if target == "active":
            if state in ("churned", "hibernating") or (state == "silent" and life.entered_by == "returned"):
                return target, "resurrected"
            imported = self.registration()[1]
            if state == "new" or not (life.ever_active or imported):
                return target, "activated"
            return target, "reactivated"
        if target == "new":
            return target, "lapsed" if state == "active" else "registered"
        if state == "new":
            return "silent", "stalled"
        assert state is not None
        if IN_ORDER.index(state) > IN_ORDER.index(target):
            return "silent", "returned"
        step = IN_ORDER[IN_ORDER.index(state) + 1]
        return step, WORSE[step]

    def _change(
        self, kind: str, to: str, reason: str, cause: str, engaged: int, before: str | None = None
    ) -> None:
        """Publish one transition; for the lifecycle, make it."""
        life = self.life
        assert self.at is not None
        since = life.changed.get(kind)
        if kind == "tier" and since is None:
            since = self.registration()[0]
        self.transitions += 1
        self._published.transitions.append(
            {
                "transition_id": f"{self.id}#{self.transitions}",
                "person": self.id,
                "kind": kind,
                "from": life.state if kind == "lifecycle" else before,
                "to": to,
                "reason": reason,
                "at": iso(self.at),
                "cause": cause,
                "tier": life.tier,
                "engaged_visits": engaged,
                "days_in_previous": None if since is None else (self._date - since).days,
            }
        )
        life.changed[kind] = self._date
        if kind == "lifecycle":
            life.state, life.entered_by = to, reason

    def _publish(self, visit: Visit) -> None:
        self.life.closed.append(visit)
        self._published.made.append(Made(self.id, self.life_number, len(self.life.closed), visit.events))
        self._published.visits.append(
            {
                "visit_id": f"{self.id}@{visit.start}",
                "person": self.id,
                "start": iso(visit.start),
                "end": iso(visit.end),
                "duration_s": (visit.end - visit.start) / 1000,
                "events": len(visit.events),
                "pages": visit.pages,
                "key_events": {
                    name: sum(each == name for each, _ in visit.occurrences) for name, _ in visit.occurrences
                },
                "engagement": visit.engagement,
                "engaged": visit.engaged,
                "bounce": visit.bounce,
                "passive": visit.passive,
                "entry": entry_of(visit.events[0]),
                "value": visit.value,
            }
        )

    def _created(self, event: Event) -> dt.date | None:
        created = look_up(event.body, "traits.createdAt")
        if isinstance(created, str) and BARE_DATE.fullmatch(created):
            try:
                return dt.date.fromisoformat(created)
            except ValueError:
                return None
        time = milliseconds(created)
        return None if time is None else self._days.date(time)


@dataclass
class Published:
    """What has been published so far, over all persons."""

    visits: list[dict[str, Any]] = field(default_factory=list)
    transitions: list[dict[str, Any]] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    lives: Iterator[int] = field(default_factory=itertools.count)
