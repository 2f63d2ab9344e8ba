"""Cutting a person's events into visits, and what one visit amounts to (SPEC 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stream.core.definition import RETURN_EVENT, VISIT_EVENT, Condition, Definition
from tests.reference.records import Event, look_up


@dataclass
class Visit:
    """A visit as its events make it. `occurrences` are key-event names with their times, voids taken out.

    `ever_engaged`: whether it was engaged after any of its events, even if a later void undid that.
    """

    events: list[Event]
    occurrences: list[tuple[str, int]]
    pages: int
    passive: bool
    engagement: float
    value: float
    ever_engaged: bool

    @property
    def start(self) -> int:
        return self.events[0].time

    @property
    def end(self) -> int:
        return self.events[-1].time

    @property
    def engaged(self) -> bool:
        return bool(self.occurrences)

    @property
    def bounce(self) -> bool:
        return self.pages <= 1 and all(name.startswith("@") for name, _ in self.occurrences)


def cut(events: Sequence[Event], definition: Definition) -> list[list[Event]]:
    """Events in any order, cut by gap and max into visits in time order."""
    visits: list[list[Event]] = []
    for event in sorted(events, key=lambda event: event.place):
        if (
            not visits
            or event.time - visits[-1][-1].time > definition.visit_gap_ms
            or event.time - visits[-1][0].time > definition.visit_max_ms
        ):
            visits.append([])
        visits[-1].append(event)
    return visits


def same(left: object, right: object) -> bool:
    """Equality of JSON values, in which true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def holds(condition: Condition, found: object) -> bool:
    """Whether a condition is true of the value found at its path; None is a missing path."""
    wanted = condition.value
    if found is None:
        return False
    if condition.operator == "in":
        assert isinstance(wanted, tuple)
        return any(same(found, each) for each in wanted)
    if condition.operator in ("=", "!="):
        return same(found, wanted) == (condition.operator == "=")
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (found, wanted))
    if not numbers and not (isinstance(found, str) and isinstance(wanted, str)):
        return False
    compare: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    return compare[condition.operator](found, wanted)


def matches(event: Event, where: Sequence[Condition]) -> bool:
    return all(holds(condition, look_up(event.body, condition.path)) for condition in where)


def build(events: list[Event], *, nth: int, definition: Definition) -> Visit:
    """Fold a visit's events in time order: hits, then voids, then `@return` and `@visit`."""
    hits: dict[str, list[tuple[int, float]]] = {}
    voided: set[str] = set()
    entries = definition.key_events
    names = {entry.name for entry in entries}
    passive = look_up(events[0].body, "context.campaign.medium") in definition.passive_mediums
    pages, ever_engaged = 0, False
    for position, event in enumerate(events, start=1):
        pages += event.is_page
        for name in names:
            matching = [e for e in entries if e.name == name == event.name and matches(event, e.where)]
            if matching:
                hits.setdefault(name, []).append((event.time, _amount(event, matching[0].value)))
        for entry in entries:
            if any(void.event == event.name and matches(event, void.where) for void in entry.void):
                voided.add(entry.name)
        bounce = pages <= 1 and not any(name not in voided and not name.startswith("@") for name in hits)
        if RETURN_EVENT in names - hits.keys() and nth > 1 and not (passive and bounce):
            hits[RETURN_EVENT] = [(event.time, 0)]
        facts: dict[str, object] = {
            "pages": pages,
            "events": position,
            "duration_s": (event.time - events[0].time) / 1000,
            "nth": nth,
            "passive": passive,
        }
        if VISIT_EVENT not in hits and any(
            entry.name == VISIT_EVENT and all(holds(each, facts.get(each.path)) for each in entry.where)
            for entry in entries
        ):
            hits[VISIT_EVENT] = [(event.time, 0)]
        ever_engaged |= bool(hits.keys() - voided)
    counted = {name: found for name, found in hits.items() if name not in voided}
    weights = {entry.name: entry.weight for entry in entries}
    return Visit(
        events=events,
        occurrences=[(name, time) for name, found in counted.items() for time, _ in found],
        pages=pages,
        passive=passive,
        engagement=sum(weights[name] for name in counted),
        value=round(sum(amount for found in counted.values() for _, amount in found), 6),
        ever_engaged=ever_engaged,
    )


def _amount(event: Event, path: str | None) -> float:
    amount = None if path is None else look_up(event.body, path)
    return amount if isinstance(amount, int | float) and not isinstance(amount, bool) else 0


def entry_of(event: Event) -> dict[str, Any]:
    """How a visit that begins with `event` began."""
    campaign = look_up(event.body, "context.campaign")
    pages = [look_up(event.body, "context.page.path")]
    if event.is_page:
        pages.append(look_up(event.body, "properties.path"))
    return {
        "campaign": None
        if campaign is None
        else {name: campaign.get(name) for name in ("name", "source", "medium")},
        "channel": look_up(event.body, "context.channel"),
        "page": next((page for page in pages if isinstance(page, str)), None),
    }
