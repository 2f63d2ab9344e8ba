"""Cutting a person's events into visits, in any order of arrival (SPEC 2, 3).

After each arrival the open visits are what they would be had the applied events come in time order
(ties by messageId). Events that arrive in order extend the last visit; any other arrival has the open visits
cut again, from their recent events and from what has been folded of the older ones.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

from stream.core.activity import Activity, Named
from stream.core.calendar import Calendar
from stream.core.definition import Definition
from stream.core.events import EntryFields
from stream.core.profile import Profile, Recent, Visit

MAX_DETAILED = 64  # events older than the watermark are kept apart up to about this many, for joins


class Facts(NamedTuple):
    """What an event makes true, with all that is before it in time: whether it begins a visit, and the
    numbers of the key events that occur at it."""

    begins: bool
    keys: tuple[int, ...]


class Fact(NamedTuple):
    """What an event made true and makes true now; `before` is None for one that is new."""

    event: Recent
    before: Facts | None
    after: Facts


class Cutter:
    """Visits of one person at a time. Pure: changes the profile it is given and nothing else.

    What was last added has begun a visit if `began`, and `occurred` has the numbers of the key events that
    occurred at it.
    """

    def __init__(self, definition: Definition, activity: Activity, calendar: Calendar) -> None:
        self.gap = definition.visit_gap_ms
        self.longest = definition.visit_max_ms
        self._passive_mediums = frozenset(definition.passive_mediums)
        self._activity = activity
        self._marks = activity.vocabulary.marks
        self._calendar = calendar
        self._own = frozenset((activity.return_key, *(key for key, _ in activity.visit_checks)))
        self.specials = bool(activity.visit_checks) or activity.return_key is not None
        self.began = False
        self.occurred: list[int] = []

    def append(self, p: Profile, event: Recent) -> None:
        """Add an event later than all the person's others: it extends the last visit or begins one."""
        p.recent.append(event)
        self._add(p, event)

    def begin(self, p: Profile, event: Recent, day: int, named: Named) -> Visit:
        """Add an event of `day`, later than all others, that begins a visit and is no key event.

        Only without `specials`: the visit's own key events.
        """
        t, _, _, entry, _, _ = event
        passive = entry is not None and entry[2] in self._passive_mediums
        visit = Visit(t, t, day, p.visits + len(p.open) + 1, entry, passive, 1, 1 if named.page else 0)
        p.recent.append(event)
        p.open.append(visit)
        return visit

    def insert(self, p: Profile, event: Recent) -> Sequence[Fact]:
        """Add an event out of order, and cut anew: what it and later events make true, where that is new."""
        at = bisect_right(p.recent, event[:2], key=_order)
        later = p.recent[at:]
        before = None if self._leaves_alone(p, event) else self._trace(p)[at:]
        p.recent.insert(at, event)
        after = self.recut(p)[at:]
        facts = [Fact(event, None, after[0])]
        if before is not None:
            for each, old, new in zip(later, before, after[1:], strict=True):
                if old != new:
                    facts.append(Fact(each, old, new))
        return facts

    def _leaves_alone(self, p: Profile, event: Recent) -> bool:
        """Whether an event inside a visit cannot change what later ones make true."""
        if self.specials or self._marks[event[2]].voids:
            return False
        return any(visit.start < event[0] <= visit.last for visit in p.open)

    def _trace(self, p: Profile) -> list[Facts]:
        """What each recent event makes true."""
        visits = p.open
        facts = self.recut(p)
        p.open = visits
        return facts

    def recut(self, p: Profile) -> list[Facts]:
        """Cut the folded parts and the recent events into visits again. A folded part stays whole.

        Returns what each recent event makes true.
        """
        over = _first_over(p)
        p.open = []
        placed = 0
        facts = []
        for event in p.recent:
            while placed < len(p.bases) and p.bases[placed].start <= event[0]:
                self._add_base(p, p.bases[placed], over)
                placed += 1
            self._add(p, event, over)
            facts.append(self.facts())
        for base in p.bases[placed:]:
            self._add_base(p, base, over)
        return facts

    def facts(self) -> Facts:
        """What was last added makes true."""
        return Facts(self.began, tuple(self.occurred))

    def until(self, p: Profile, instant: int) -> list[Visit]:
        """The open visits as they were by the events before an instant. What was folded stays whole."""
        earlier = Profile(
            visits=p.visits,
            last_end=p.last_end,
            open=p.open,
            bases=tuple(base for base in p.bases if base.start < instant),
            recent=[event for event in p.recent if event[0] < instant],
        )
        self.recut(earlier)
        return earlier.open

    def _add(self, p: Profile, event: Recent, over: int | None = None) -> None:
        self.began = False
        self.occurred.clear()
        visit = p.open[-1] if p.open else None
        if visit is None or self._cuts(visit, event[0]) or _is_over(p, visit, event[0]):
            visit = self._begin(event[0], event[3], _nth(p, event[0], over))
            p.open.append(visit)
            self.began = True
        self.fold(visit, event)

    def _add_base(self, p: Profile, base: Visit, over: int | None) -> None:
        visit = p.open[-1] if p.open else None
        if visit is None or self._cuts(visit, base.start) or _is_over(p, visit, base.start):
            visit = deepcopy(base)
            visit.nth = _nth(p, base.start, over)
            p.open.append(visit)
        else:
            absorb(visit, base)

    def _cuts(self, visit: Visit, t: int) -> bool:
        return t - visit.last > self.gap or t - visit.start > self.longest

    def compact(self, p: Profile, watermark: int) -> None:
        """Fold the events that the watermark has passed into `bases`: whole visits, or the front of one."""
        done = bisect_left(p.recent, watermark, key=_time)
        bases = list(p.bases)
        for event in p.recent[:done]:
            t = event[0]
            base = next((base for base in reversed(bases) if base.start <= t), None)
            if base is None or self._cuts(base, t):
                nth = next(visit.nth for visit in p.open if visit.start <= t <= visit.last)
                base = self._begin(t, event[3], nth)
                insort(bases, base, key=_start)
            self.fold(base, event)
        p.bases = tuple(bases)
        del p.recent[:done]

    def close(self, p: Profile, watermark: int) -> list[Visit]:
        """Take out the visits whose end plus gap lies strictly before the watermark, oldest first.

        The first one is over.
        """
        if len(p.open) == 1:
            visits, p.open = p.open, []
            p.recent.clear()
            p.bases = ()
            return visits
        closed = 1
        while closed < len(p.open) and p.open[closed].last + self.gap < watermark:
            closed += 1
        visits, p.open = p.open[:closed], p.open[closed:]
        end = visits[-1].last
        p.bases = tuple(base for base in p.bases if base.start > end)
        p.recent = [event for event in p.recent if event[0] > end]
        return visits

    def fold(self, visit: Visit, event: Recent) -> None:
        """One more event, the latest of the visit: own key events first, then voids, then the visit's own."""
        t, _, number, _, amounts, _ = event
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
        self.occurred.append(key)

    def _begin(self, t: int, entry: EntryFields | None, nth: int) -> Visit:
        passive = entry is not None and entry[2] in self._passive_mediums
        day = self._calendar.day_of(t)
        return Visit(t, t, day, nth, entry, passive, pending=self.specials)

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
        if visit.pages > 1:
            return False
        return not visit.hits or all(self._own.issuperset(keys) for keys in visit.hits.values())


def absorb(visit: Visit, later: Visit) -> None:
    """Add a folded part to the visit that it turns out to belong to, and that began before it."""
    for on, keys in later.hits.items():
        on_day = visit.hits.setdefault(on, {})
        for key, count in keys.items():
            on_day[key] = on_day.get(key, 0) + count
    for key, amount in later.amounts.items():
        visit.amounts[key] = visit.amounts.get(key, 0) + amount
    visit.voided = sorted({*visit.voided, *later.voided})
    visit.last = max(visit.last, later.last)
    visit.events += later.events
    visit.pages += later.pages
    visit.was_engaged = visit.was_engaged or later.was_engaged
    visit.pending = visit.pending and later.pending


def has(visit: Visit, key: int) -> bool:
    """Whether the key event has happened in the visit and is not voided."""
    return any(key in keys for keys in visit.hits.values())


def _is_over(p: Profile, visit: Visit, t: int) -> bool:
    """Whether a join has counted the visit as published, so that an event at `t` cannot extend it."""
    return p.last_end is not None and visit.last <= p.last_end < t


def _first_over(p: Profile) -> int | None:
    """The number of the first open visit, where that is over."""
    if p.last_end is None or not p.open or p.open[0].last > p.last_end:
        return None
    return p.open[0].nth


def _nth(p: Profile, t: int, over: int | None) -> int:
    """The number of a visit that begins at `t`: those that were over before a join keep theirs."""
    if over is not None and p.last_end is not None and t <= p.last_end:
        return over + len(p.open)
    return p.visits + len(p.open) + 1


def _start(visit: Visit) -> int:
    return visit.start


def _time(event: Recent) -> int:
    return event[0]


def _order(event: Recent) -> tuple[int, str]:
    return event[:2]
