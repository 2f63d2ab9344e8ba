"""The daily report: what all partitions counted of a day, with what the days before have left (SPEC 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from stream.core import records
from stream.core.definition import TIERS, Definition, Goal
from stream.core.engagement.days import OTHER
from stream.core.engagement.figures import Cell, Figures, add_all, add_cell, add_figures
from stream.core.engagement.partials import DayPart
from stream.core.engagement.standing import LONGEST, Standing, since
from stream.core.times import format_day, parse_day

_STATE_KEY = "days"
_PART_KEY = "day:"
_STATES = ("prospect", "new", "active", "silent", "churned", "hibernating")
_BASE = ("new", "active", "silent")
_SOURCES = ("activated", "reactivated", "resurrected")
_LOSSES = ("lapsed", "deleted")


class _Past(Standing, Struct, array_like=True):
    """What the days up to the last report's have left: beside who is there, of the last 30 days.

    `base` are those who are new, active or silent by their last day with an event. `above` and `below` count
    the days for which the new-user ratio has been on one side of the churn rate.
    """

    registered: dict[int, int] = {}
    churned: dict[int, int] = {}
    base: dict[int, int] = {}
    above: int = 0
    below: int = 0


class Reports:
    """Makes the reports of a product, day after day. Deterministic: no clock, no chance."""

    def __init__(self, definition: Definition) -> None:
        self._settings = definition.engagement
        self._hash = definition.engagement_hash()
        self._past = _Past()
        self._parts: dict[int, dict[int, Figures]] = {}
        self._changed: dict[str, None] = {}

    def part(self, part: DayPart) -> None:
        """A day of one partition. A repeat takes the first one's place, and is dropped after the report."""
        if self._past.closed is not None and part.day <= self._past.closed:
            return
        self._parts.setdefault(part.day, {})[part.source] = part.figures
        self._changed[_part_key(part.day, part.source)] = None

    def close(self, day: int) -> records.Daily:
        """The report of a day that is over everywhere, later than all that were closed; none may come between
        on which anything happened.
        """
        past, parts = self._past, self._parts.pop(day, {})
        figures = Figures()
        for source in parts:
            add_figures(figures, parts[source])
            opening = parts[source].opening
            if opening is not None:
                past.open(opening)
                add_all(past.base, opening.base)
        past.closed = day
        self._changed[_STATE_KEY] = None
        for source in parts:
            self._changed[_part_key(day, source)] = None
        active_before = past.states.get("active", 0)
        self._add(day, figures)
        return self._report(day, figures, active_before)

    def _add(self, day: int, figures: Figures) -> None:
        past, recent = self._past, day - LONGEST + 1
        past.add(day, figures)
        add_all(past.base, {day - gap: persons for gap, persons in figures.base.items()})
        past.registered[day] = figures.reasons.get("registered", 0)
        past.churned[day] = figures.reasons.get("churned", 0)
        past.registered, past.churned = since(recent, past.registered), since(recent, past.churned)
        past.base = since(recent, past.base)

    def _report(self, day: int, figures: Figures, active_before: int) -> records.Daily:
        past, reasons = self._past, figures.reasons
        users, visitors = past.active(day), past.visiting(day)
        base = sum(past.states.get(state, 0) for state in _BASE)
        registrations, churned = sum(past.registered.values()), sum(past.churned.values())
        back = sum(persons for last, persons in past.base.items() if last <= day)
        active = past.states.get("active", 0)
        sources = {reason: reasons.get(reason, 0) for reason in _SOURCES}
        sources["retained"] = active_before - reasons.get("left", 0)
        daily = records.Daily(
            definition=self._hash,
            day=format_day(day),
            traffic=_traffic(_sum_cells(figures.channels.values()), users.days_1 + visitors.days_1),
            channels=self._by_channel(figures.channels),
            active=users,
            visitors=visitors,
            people_by_state={state: past.states.get(state, 0) for state in _STATES},
            people_by_tier={tier: past.tiers.get(tier, 0) for tier in TIERS},
            active_before=active_before,
            sources=sources,
            losses={reason: reasons.get(reason, 0) for reason in _LOSSES},
            registrations=registrations,
            churned=churned,
            pseudo_active=figures.pseudo,
            base=base,
            new_user_ratio=_ratio(registrations, base),
            activity=_ratio(active, base),
            retention=_ratio(back, base),
            churn_rate=_ratio(churned, base),
            phase=self._phase(registrations - churned if base > 0 else 0),
            goals=[],
        )
        plain = msgspec.to_builtins(daily)
        daily.goals = [_goal(goal, day, plain) for goal in self._settings.goals]
        return daily

    def _phase(self, more: int) -> records.Phase:
        """By how many `more` registered than churned: what has been so for `phase_days` days is a phase."""
        past = self._past
        past.above = past.above + 1 if more > 0 else 0
        past.below = past.below + 1 if more < 0 else 0
        if past.below >= self._settings.phase_days:
            return "declining"
        return "growing" if past.above >= self._settings.phase_days else "stable"

    def _by_channel(self, channels: Mapping[str, Cell]) -> dict[str, records.Traffic]:
        """The largest by visits, the rest as `other`: there a person of two channels counts twice."""
        names = sorted(channels, key=lambda name: (-channels[name].visits, name))
        kept = [name for name in names if name != OTHER][: self._settings.max_values]
        found = {name: _traffic(channels[name], channels[name].people) for name in kept}
        rest = [channels[name] for name in names if name not in found]
        if rest:
            other = _sum_cells(rest)
            found[OTHER] = _traffic(other, other.people)
        return found

    # -- what it keeps ----------------------------------------------------------------------------

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """What is to be kept since last asked: key, value (None deletes)."""
        for key in self._changed:
            if key == _STATE_KEY:
                yield key, _encode(self._past)
                continue
            day, source = _split(key)
            figures = self._parts.get(day, {}).get(source)
            yield key, None if figures is None else _encode(figures)
        self._changed.clear()

    def restore(self, key: str, value: bytes) -> None:
        """Take in one of the records that are kept."""
        if key == _STATE_KEY:
            self._past = _decode_past(value)
        else:
            day, source = _split(key)
            self._parts.setdefault(day, {})[source] = _decode_figures(value)

    def restored(self) -> None:
        """After the last one."""


def _sum_cells(cells: Iterable[Cell]) -> Cell:
    total = Cell()
    for cell in cells:
        add_cell(total, cell)
    return total


def _traffic(cell: Cell, people: int) -> records.Traffic:
    return records.Traffic(
        pageviews=cell.pageviews,
        people=people,
        visits=cell.visits,
        bounce_rate=_ratio(cell.bounces, cell.visits),
        pages_per_visit=_ratio(cell.pages, cell.visits),
        seconds_per_visit=_ratio(cell.ms, cell.visits * 1000),
    )


def _goal(goal: Goal, day: int, daily: object) -> records.GoalReached:
    value = daily
    for name in goal.metric.split("."):
        value = value.get(name, 0) if isinstance(value, dict) else 0
    value = float(value) if isinstance(value, int | float) else 0.0
    until = parse_day(goal.date)
    return records.GoalReached(
        metric=goal.metric,
        target=goal.target,
        date=goal.date,
        value=value,
        reached=value / goal.target if goal.target else 0.0,
        days_left=0 if until is None else until - day,
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _part_key(day: int, source: int) -> str:
    return f"{_PART_KEY}{day}:{source}"


def _split(key: str) -> tuple[int, int]:
    day, source = key.removeprefix(_PART_KEY).split(":")
    return int(day), int(source)


_encode = msgspec.msgpack.Encoder().encode
_decode_past = msgspec.msgpack.Decoder(_Past).decode
_decode_figures = msgspec.msgpack.Decoder(Figures).decode
