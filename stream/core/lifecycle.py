"""Tier and state of a person at a day, what changed, and the next day that matters (SPEC 4, 5)."""

from __future__ import annotations

from collections.abc import Sequence

from stream.core.activity import Activity
from stream.core.definition import TIERS, Definition
from stream.core.profile import (
    ACTIVE,
    CHURNED,
    HIBERNATING,
    NEVER,
    NEW,
    SILENT,
    STATES,
    Profile,
)
from stream.core.records import Kind, Reason

_WINDOW = 30  # occurrences are queryable over 1, 7 and 30 days


Change = tuple[Kind, str | None, str, Reason, int | None]
"""One transition, before it is published: kind, from, to, reason, days in the previous state or tier."""


_NONE: Sequence[Change] = ()


class Lifecycle:
    """Evaluates one profile at a time: changes its state, tier and bookkeeping, and says what changed."""

    def __init__(self, definition: Definition, activity: Activity) -> None:
        self._d = definition
        self._active_days = definition.active_days
        self._thresholds = [0, *(definition.tiers[name] for name in TIERS[1:])]
        self._rules = [
            (TIERS.index(rule.tier), activity.key(rule.event), rule.count, rule.days)
            for rule in definition.tier_rules
        ]
        self.counted = frozenset(key for _, key, _, _ in self._rules)
        self._latest_counts = self._thresholds[1] == 1 and not self._rules
        self._kept = max([_WINDOW, *(rule.days for rule in definition.tier_rules)])

    def engaged_visits(self, p: Profile, day: int) -> int:
        """Engaged visits in the last `active_days` days, open ones too."""
        first = day - self._active_days + 1
        n = 0
        for on, count in p.engaged.items():
            if first <= on <= day:
                n += count
        for visit in p.open:
            if visit.hits and first <= visit.day <= day:
                n += 1
        return n

    def occurrences(self, p: Profile, key: int, day: int, days: int) -> int:
        """Occurrences of a key event in the last `days` days, up to `day`."""
        first = day - days + 1
        n = sum(keys.get(key, 0) for on, keys in p.counts.items() if first <= on <= day)
        for visit in p.open:
            n += sum(keys.get(key, 0) for on, keys in visit.hits.items() if first <= on <= day)
        return n

    def tier(self, p: Profile, day: int, n: int) -> int:
        """By engaged visits, lifted to the highest tier of which any rule holds."""
        tier, thresholds = 0, self._thresholds
        while tier < 3 and n >= thresholds[tier + 1]:
            tier += 1
        for lifts_to, key, count, days in self._rules:
            if lifts_to > tier and self.occurrences(p, key, day, days) >= count:
                tier = lifts_to
        return tier

    def evaluate(self, p: Profile, day: int) -> tuple[int, Sequence[Change]]:
        """Bring state and tier up to `day`: (engaged visits, changes in the order of publication)."""
        n = self.engaged_visits(p, day)
        tier = self.tier(p, day, n) if n or self._rules else 0
        state = ACTIVE if tier else self._state(p, day)
        changes = _NONE if p.state == state and p.tier == tier else self._change(p, day, state, tier)
        if tier == 1 and self._latest_counts and p.open and p.open[-1].hits and p.open[-1].day == day:
            due = day + self._active_days  # one engaged visit is enough, and the latest is of today
        else:
            due = self.due(p, day, n)
        if due < p.due or p.due <= day:
            p.due = due  # one that moves later is looked at when the earlier one comes
        return n, changes

    def stays_new(self, p: Profile, day: int) -> bool:
        """Whether one who was just entered, without a key event, is new on `day`; that is settled then."""
        registered, new_days = p.registered, self._d.new_days
        if p.state != NEW or registered is None or day - registered >= new_days:
            return False
        p.due = max(day + 1, registered + new_days)
        return True

    def _change(self, p: Profile, day: int, state: int, tier: int) -> list[Change]:
        changes: list[Change] = []
        while p.state != state:
            changes.append(self._step(p, day, state))
        if tier != p.tier:
            since = p.registered if p.tier_day is None else p.tier_day
            assert since is not None
            reason: Reason = "tier_up" if tier > p.tier else "tier_down"
            changes.append(("tier", TIERS[p.tier], TIERS[tier], reason, day - since))
            p.k += 1
            p.tier, p.tier_day = tier, day
        return changes

    def enter(self, p: Profile, day: int, state: int, reason: Reason, before: str | None) -> Change:
        """Change the state, whatever the rules say."""
        days = None if p.lifecycle_day is None else day - p.lifecycle_day
        p.k += 1
        p.state, p.lifecycle_day = state, day
        p.returned = reason == "returned"
        if state == ACTIVE:
            p.was_active = True
        return "lifecycle", before, STATES[state], reason, days

    def prune(self, p: Profile, day: int) -> None:
        """Forget days that no window reaches any more."""
        oldest = day - self._d.active_days
        if p.engaged and min(p.engaged) <= oldest:
            p.engaged = {on: count for on, count in p.engaged.items() if on > oldest}
        oldest = day - self._kept
        if p.counts and min(p.counts) <= oldest:
            p.counts = {on: keys for on, keys in p.counts.items() if on > oldest}

    def due(self, p: Profile, day: int, n: int) -> int:
        """The first day after `day` at which the state or tier may change without another event."""
        if p.state == NEW:
            assert p.registered is not None
            return max(day + 1, p.registered + self._d.new_days)
        if p.state == HIBERNATING:
            return NEVER
        due = NEVER
        if p.state == SILENT:
            due = p.last_day + self._d.churn_days
        elif p.state == CHURNED:
            due = p.last_day + self._d.hibernate_days
        if p.tier:
            due = min(due, self._tier_due(p, day, n))
        return max(day + 1, due)

    def _tier_due(self, p: Profile, day: int, n: int) -> int:
        threshold = self._thresholds[p.tier]
        due = NEVER
        if n >= threshold:
            first = day - self._active_days + 1
            engaged = [on for on, count in p.engaged.items() if first <= on for _ in range(count)]
            engaged += [visit.day for visit in p.open if visit.hits and first <= visit.day]
            engaged.sort()
            due = engaged[n - threshold] + self._active_days
        for lifts_to, key, _, days in self._rules:
            if lifts_to == p.tier:
                on_days = [on for on, keys in p.counts.items() if key in keys]
                on_days += [on for visit in p.open for on, keys in visit.hits.items() if key in keys]
                due = min([due, *(on + days for on in on_days if on + days > day)])
        return due

    def _state(self, p: Profile, day: int) -> int:
        """Of one whose tier is `none`."""
        d = self._d
        if not (p.imported or p.was_engaged) and p.registered is not None and day - p.registered < d.new_days:
            for visit in p.open:
                if visit.was_engaged:
                    break
            else:
                return NEW
        absent = day - p.last_day
        if absent < d.churn_days:
            return SILENT
        return CHURNED if absent < d.hibernate_days else HIBERNATING

    def _step(self, p: Profile, day: int, target: int) -> Change:
        """One step towards `target`; nobody churns without having been silent (one reason a step)."""
        state = target
        reason: Reason
        if target in (CHURNED, HIBERNATING) and p.state < target - 1:
            state = SILENT if p.state < SILENT else CHURNED
        if state == ACTIVE:
            if p.state == SILENT and not p.returned:
                reason = "reactivated" if p.was_active or p.imported else "activated"
            else:
                reason = "activated" if p.state == NEW else "resurrected"
        elif state == SILENT:
            reason = "stalled" if p.state == NEW else "lapsed" if p.state == ACTIVE else "returned"
        elif state == NEW:
            # only where out-of-order events undo an import or an engagement: the table has no name for it
            reason = "lapsed" if p.state == ACTIVE else "registered"
        else:
            reason = "churned" if state == CHURNED else "hibernated"
        return self.enter(p, day, state, reason, STATES[p.state])
