"""Cutting a person's events into visits, in any order of arrival (SPEC 2, 3).

After each arrival the open visits are what they would be had the applied events come in time order
(ties by messageId). Events that arrive in order extend the last visit; any other arrival folds the events
since `Profile.base` anew.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from copy import deepcopy

from stream.core.activity import Activity
from stream.core.calendar import Calendar
from stream.core.definition import Definition
from stream.core.events import EntryFields
from stream.core.profile import Profile, Recent, Visit

MAX_DETAILED = 64  # events older than the watermark are kept apart up to about this many, for joins


class Cutter:
    """Visits of one person at a time. Pure: changes the profile it is given and nothing else."""

    def __init__(self, definition: Definition, activity: Activity, calendar: Calendar) -> None:
        self.gap = definition.visit_gap_ms
        self.longest = definition.visit_max_ms
        self._passive_mediums = frozenset(definition.passive_mediums)
        self._activity = activity
        self._marks = activity.vocabulary.marks
        self._calendar = calendar
        self._specials = bool(activity.visit_checks) or activity.return_key is not None

    def append(self, p: Profile, event: Recent) -> None:
        """Add an event later than all the person's others: it extends the last visit or begins one."""
        t = event[0]
        visit = p.open[-1] if p.open else None
        if visit is None or t - visit.last > self.gap or t - visit.start > self.longest:
            visit = self._begin(t, event[3], p.visits + len(p.open) + 1)
            p.open.append(visit)
        p.recent.append(event)
        self.fold(visit, event)

    def insert(self, p: Profile, event: Recent) -> None:
        """Add an event out of order, and cut anew."""
        insort(p.recent, event, key=_order)
        self.recut(p)

    def recut(self, p: Profile) -> None:
        """Fold the recent events over the base again. Visits that ended before the base stay."""
        base, recent = p.base, p.recent
        p.open = [visit for visit in p.open if base is not None and visit.start < base.start]
        visit = None
        if base is not None:
            visit = deepcopy(base)
            before = bisect_left(recent, base.start, key=_time)
            if before:  # only a join brings events from before what has been folded
                for earlier in self._visits_of(recent[:before]):
                    if visit.start - earlier.last <= self.gap:
                        visit = merged(earlier, visit)
                    else:
                        p.open.append(earlier)
                recent = recent[before:]
            visit.nth = p.visits + len(p.open) + 1
            p.open.append(visit)
        for event in recent:
            t = event[0]
            if visit is None or t - visit.last > self.gap or t - visit.start > self.longest:
                visit = self._begin(t, event[3], p.visits + len(p.open) + 1)
                p.open.append(visit)
            self.fold(visit, event)

    def _visits_of(self, events: list[Recent]) -> list[Visit]:
        alone = Profile(recent=events)
        self.recut(alone)
        return alone.open

    def compact(self, p: Profile, watermark: int) -> None:
        """Move events that the watermark has passed into the base, whole visits or the front of one."""
        done = bisect_left(p.recent, watermark, key=_time)
        base = p.base
        for event in p.recent[:done]:
            t = event[0]
            if base is None or t - base.last > self.gap or t - base.start > self.longest:
                nth = next(visit.nth for visit in p.open if visit.start == t)
                base = self._begin(t, event[3], nth)
            self.fold(base, event)
        p.base = base
        del p.recent[:done]

    def close(self, p: Profile, watermark: int) -> list[Visit]:
        """Take out the visits whose end plus gap lies strictly before the watermark, oldest first."""
        if len(p.open) == 1 and p.open[0].last + self.gap < watermark:
            visits, p.open, p.recent, p.base = p.open, [], [], None
            return visits
        closed = 0
        while closed < len(p.open) and p.open[closed].last + self.gap < watermark:
            closed += 1
        if not closed:
            return []
        visits, p.open = p.open[:closed], p.open[closed:]
        end = visits[-1].last
        if not p.open:
            p.recent = []
            p.base = None
        else:
            if p.base is not None and p.base.start <= visits[-1].start:
                p.base = None
            p.recent = [event for event in p.recent if event[0] > end]
        return visits

    def fold(self, visit: Visit, event: Recent) -> None:
        """One more event, the latest of the visit: own key events first, then voids, then the visit's own."""
        t, _, number, _, amounts = event
        if t > visit.last:
            visit.last = t
        visit.events += 1
        mark = self._marks[number]
        visit.pages += mark.page
        if mark.hits or mark.voids:
            self._apply(visit, t, mark.hits, mark.voids, amounts)
        if visit.pending:
            self._check(visit, t)
        if visit.hits:
            visit.was_engaged = True

    def _apply(
        self,
        visit: Visit,
        t: int,
        hits: tuple[int, ...],
        voids: tuple[int, ...],
        amounts: tuple[float, ...] | None,
    ) -> None:
        for i, key in enumerate(hits):
            if key in visit.voided:
                continue
            self._occur(visit, t, key)
            if amounts is not None and amounts[i]:
                visit.amounts[key] = visit.amounts.get(key, 0) + amounts[i]
        for key in voids:
            if key in visit.voided:
                continue
            visit.voided.append(key)
            visit.amounts.pop(key, None)
            for day in list(visit.hits):
                visit.hits[day].pop(key, None)
                if not visit.hits[day]:
                    del visit.hits[day]

    def _occur(self, visit: Visit, t: int, key: int) -> None:
        on_day = visit.hits.setdefault(self._calendar.day_of(t), {})
        on_day[key] = on_day.get(key, 0) + 1

    def _begin(self, t: int, entry: EntryFields | None, nth: int) -> Visit:
        passive = entry is not None and entry[2] in self._passive_mediums
        day = self._calendar.day_of(t)
        return Visit(t, t, day, nth, entry, passive, pending=self._specials)

    def _check(self, visit: Visit, t: int) -> None:
        """`@return` and `@visit`, at the first event at which the visit meets them."""
        pending = False
        key = self._activity.return_key
        if key is not None and visit.nth > 1 and not has(visit, key):
            if visit.passive and self.bounce(visit):
                pending = True
            elif key not in visit.voided:
                self._occur(visit, t, key)
        facts = None
        for key, holds in self._activity.visit_checks:
            if has(visit, key) or key in visit.voided:
                continue
            facts = facts or {
                "pages": visit.pages,
                "events": visit.events,
                "duration_s": (visit.last - visit.start) / 1000,
                "nth": visit.nth,
                "passive": visit.passive,
            }
            if holds(facts):
                self._occur(visit, t, key)
            else:
                pending = True
        visit.pending = pending

    def bounce(self, visit: Visit) -> bool:
        """At most one page, and no key event other than `@return` and `@visit`."""
        own = {self._activity.return_key, *(key for key, _ in self._activity.visit_checks)}
        return visit.pages <= 1 and all(own.issuperset(keys) for keys in visit.hits.values())


def merged(one: Visit, other: Visit) -> Visit:
    """Two folded visits as one: how the earlier one began, and the sum of the rest."""
    first, second = sorted((one, other), key=lambda visit: visit.start)
    both = deepcopy(first)
    for on, keys in second.hits.items():
        on_day = both.hits.setdefault(on, {})
        for key, count in keys.items():
            on_day[key] = on_day.get(key, 0) + count
    for key, amount in second.amounts.items():
        both.amounts[key] = both.amounts.get(key, 0) + amount
    both.voided = sorted({*first.voided, *second.voided})
    both.last = max(first.last, second.last)
    both.events += second.events
    both.pages += second.pages
    both.was_engaged = first.was_engaged or second.was_engaged
    both.pending = first.pending and second.pending
    return both


def has(visit: Visit, key: int) -> bool:
    """Whether the key event has happened in the visit and is not voided."""
    return any(key in keys for keys in visit.hits.values())


def _time(event: Recent) -> int:
    return event[0]


def _order(event: Recent) -> tuple[int, str]:
    return event[:2]
