"""Windows of engagement, naively: what each event contributes is kept, and added up at the end (SPEC 6)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stream.core.definition import DAY, RETURN_EVENT, VISIT_EVENT, Definition
from tests.reference.days import days_of, instant
from tests.reference.records import Event, look_up
from tests.reference.visits import cut, holds, matches

LONGEST_VALUE = 200


@dataclass
class Facts:
    """What an event made true in its visit, with all that was before it in time."""

    begins: bool = False
    hits: Counter[str] = field(default_factory=Counter)


@dataclass
class Contribution:
    """One event in its window, under the identity that it had on arrival."""

    time: int
    identity: str
    page: bool
    values: dict[str, str]
    promoted: bool
    facts: Facts
    settled: bool = False


Trace = dict[tuple[int, str], Facts]


def trace(events: Sequence[Event], visits_before: int, definition: Definition) -> Trace:
    """The facts of each of a person's open events."""
    found: Trace = {}
    for nth, visit in enumerate(cut(events, definition), start=visits_before + 1):
        _fold(visit, nth, definition, found)
    return found


def _fold(visit: Sequence[Event], nth: int, definition: Definition, found: Trace) -> None:
    passive = look_up(visit[0].body, "context.campaign.medium") in definition.passive_mediums
    names = {entry.name for entry in definition.key_events}
    own = {VISIT_EVENT, RETURN_EVENT}
    valid: set[str] = set()
    done: set[str] = set()
    voided: set[str] = set()
    pages = 0
    for position, event in enumerate(visit, start=1):
        facts = found[event.place] = Facts(begins=position == 1)
        pages += event.is_page
        for entry in definition.key_events:
            new = entry.name == event.name and entry.name not in facts.hits
            if new and matches(event, entry.where) and entry.name not in voided:
                facts.hits[entry.name] += 1
                valid.add(entry.name)
        for entry in definition.key_events:
            if any(void.event == event.name and matches(event, void.where) for void in entry.void):
                voided.add(entry.name)
                valid.discard(entry.name)
        bounce = pages <= 1 and not valid - own
        if RETURN_EVENT in names - done and nth > 1 and not (passive and bounce):
            done.add(RETURN_EVENT)
            if RETURN_EVENT not in voided:
                facts.hits[RETURN_EVENT] += 1
        what = {
            "pages": pages,
            "events": position,
            "duration_s": (event.time - visit[0].time) / 1000,
            "nth": nth,
            "passive": passive,
        }
        for entry in definition.key_events:
            if entry.name != VISIT_EVENT or VISIT_EVENT in done:
                continue
            if all(holds(condition, what.get(condition.path)) for condition in entry.where):
                done.add(VISIT_EVENT)
                if VISIT_EVENT not in voided:
                    facts.hits[VISIT_EVENT] += 1


class Windows:
    """The contributions of one partition's events, in the order of their arrival."""

    def __init__(self, definition: Definition) -> None:
        self.late = 0
        self._definition = definition
        self._contributions: dict[tuple[str, tuple[int, str]], Contribution] = {}

    def add(self, event: Event, identity: str, tier: str, clock: int, after: Trace) -> None:
        """An applied event, with the person's trace just after it."""
        if (identity, event.place) in self._contributions:
            return
        size = self._definition.engagement.window_ms
        closed = (clock - self._definition.engagement.lateness_ms) // size * size
        for (who, place), other in self._contributions.items():
            if who == identity and not other.settled and place > event.place and other.time >= closed:
                other.facts = after.get(place, other.facts)
        if event.time < closed:
            self.late += 1
            return
        promoted = any(
            (promotion.start_ms is None or promotion.start_ms <= event.time)
            and (promotion.end_ms is None or event.time < promotion.end_ms)
            and matches(event, promotion.where)
            for promotion in self._definition.engagement.promotions
        )
        facts = after.get(event.place, Facts())
        values = {name: self._value(event, name, tier) for name in self._definition.engagement.dimensions}
        self._contributions[identity, event.place] = Contribution(
            event.time, identity, event.is_page, values, promoted, facts
        )

    def settle(self, identity: str) -> None:
        """What has been counted of a person stays as it is, whatever comes before it in time."""
        for (who, _), contribution in self._contributions.items():
            if who == identity:
                contribution.settled = True

    def _value(self, event: Event, dimension: str, tier: str) -> str:
        if dimension == "tier":
            return tier
        path = {"channel": "context.channel", "campaign": "context.campaign.name"}.get(dimension, dimension)
        value = look_up(event.body, path)
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        return value[:LONGEST_VALUE] if isinstance(value, str) and value else "(none)"

    def all(self) -> Iterable[Contribution]:
        return self._contributions.values()


def merged(partitions: Sequence[Windows], definition: Definition, end: int) -> list[dict[str, Any]]:
    """The final windows up to `end`, as records without schema, definition and bands."""
    rows: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    people: dict[tuple[int, str, str], set[tuple[int, str]]] = defaultdict(set)
    size = definition.engagement.window_ms
    for number, partition in enumerate(partitions):
        for each in partition.all():
            start = each.time // size * size
            for series, hits in _series(each):
                _count(rows[start].setdefault(series, _nothing()), each, hits)
                person = number, each.identity
                if each.promoted:
                    people[start, series, "promoted_people"].add(person)
                    continue
                people[start, series, "people"].add(person)
                if hits:
                    people[start, series, "engaged"].add(person)
    for (start, series, measure), persons in people.items():
        rows[start][series][measure] = len(persons)
    final = {start: row for start, row in rows.items() if start + size <= end}
    if not rows:
        return []
    return list(_published(final, min(rows), end, definition))


def _series(each: Contribution) -> Iterable[tuple[str, Counter[str]]]:
    yield "total", each.facts.hits
    for dimension, value in each.values.items():
        yield f"{dimension}:{value}", each.facts.hits
    for name, count in each.facts.hits.items():
        yield f"key:{name}", Counter({name: count})


def _nothing() -> dict[str, Any]:
    counts = dict.fromkeys(("events", "pageviews", "people", "visits", "engaged", "promoted_people"), 0)
    return {**counts, "key_events": Counter(), "promoted_key_events": Counter()}


def _count(row: dict[str, Any], each: Contribution, hits: Counter[str]) -> None:
    if each.promoted:
        row["promoted_key_events"].update(hits)
        return
    row["events"] += 1
    row["pageviews"] += each.page
    row["visits"] += each.facts.begins
    row["key_events"].update(hits)


def _published(
    rows: dict[int, dict[str, dict[str, Any]]], first: int, end: int, definition: Definition
) -> Iterable[dict[str, Any]]:
    size = definition.engagement.window_ms
    keeping = _Keeping(definition)
    last_seen: dict[str, int] = {}
    for start in range(first, end - size + 1, size):
        row = keeping.capped(start, rows.get(start, {}))
        last_seen |= dict.fromkeys(row, start)
        if row:
            last_any = start
        if start - last_any >= 31 * DAY:
            continue
        recent = (each for each, seen in last_seen.items() if start - seen < DAY)
        series = {"total", *(each for each in recent if keeping.keeps(each))}
        for each in sorted(series):
            yield _record(each, start, start + size, row.get(each, _nothing()), definition)


class _Keeping:
    """Which values of a dimension stand for themselves, day by day."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._days = days_of(definition.timezone)
        self._day: Any = None
        self._volumes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._kept: dict[str, list[str]] = {}

    def capped(self, start: int, row: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if not row:
            return {}
        most = self._definition.engagement.max_values
        day = self._days.date(start)
        if day != self._day:
            self._day = day
            self._kept = {
                dimension: sorted(volumes, key=lambda name: (-volumes[name], name))[:most]
                for dimension, volumes in self._volumes.items()
            }
            self._volumes.clear()
        result = {name: sums for name, sums in row.items() if name == "total" or name.startswith("key:")}
        for dimension in self._definition.engagement.dimensions:
            self._one(dimension, row, result, most)
        return result

    def keeps(self, series: str) -> bool:
        """Whether a series stands for itself today; what was relegated to `other` has no empty windows."""
        if series == "total" or series.startswith("key:"):
            return True
        dimension, _, value = series.partition(":")
        return value == "other" or value in self._kept.get(dimension, ())

    def _one(self, dimension: str, row: dict[str, Any], result: dict[str, Any], most: int) -> None:
        values = {
            name[len(dimension) + 1 :]: sums
            for name, sums in row.items()
            if name.startswith(dimension + ":") and not name.startswith("key:")
        }
        kept = self._kept.setdefault(dimension, [])
        by_volume = sorted(
            values, key=lambda name: (-_volume(values[name]["key_events"], self._definition), name)
        )
        for name in by_volume:
            self._volumes[dimension][name] += _volume(values[name]["key_events"], self._definition)
            if name not in kept and len(kept) < most:
                kept.append(name)
            into = f"{dimension}:{name if name in kept else 'other'}"
            result[into] = _sum(result[into], values[name]) if into in result else values[name]


def _sum(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {name: left[name] + right[name] for name in left}


def _volume(key_events: Counter[str], definition: Definition) -> float:
    weights = {entry.name: entry.weight for entry in definition.key_events}
    return sum(weights[name] * key_events[name] for name in sorted(key_events))


def _record(series: str, start: int, end: int, row: dict[str, Any], definition: Definition) -> dict[str, Any]:
    return {
        "window_id": f"{series}@{start}",
        "series": series,
        "status": "final",
        "start": _iso(start),
        "end": _iso(end),
        **{name: row[name] for name in ("events", "pageviews", "people", "visits", "engaged")},
        "key_events": {name: count for name, count in sorted(row["key_events"].items()) if count},
        "volume": _volume(row["key_events"], definition),
        "index": row["engaged"] / row["people"] if row["people"] else 0,
        "promoted": _volume(row["promoted_key_events"], definition),
        "promoted_people": row["promoted_people"],
    }


def _iso(time_ms: int) -> str:
    return instant(time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
