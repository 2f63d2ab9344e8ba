"""What the tests of a partition's windows share: its parts, added up as the merger would."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stream.core.definition import Definition
from stream.core.engagement.partials import ClockPart, Sums, WindowPart, decode
from tests.reference import Result

Rows = dict[tuple[int, str], Sums]
"""By start of the window, in ms, and series."""

_COUNTS = ("events", "pageviews", "people", "visits", "engaged", "promoted_people")


def parts_of(values: Iterable[bytes]) -> list[WindowPart | ClockPart]:
    """Of all that goes to the merger, what is said of windows."""
    return [part for part in map(decode, values) if isinstance(part, WindowPart | ClockPart)]


def merged(values: Iterable[bytes]) -> Rows:
    """The final rows, summed over partitions; a repeated row counts once."""
    last: dict[tuple[int, int, str], Sums] = {}
    for part in parts_of(values):
        if isinstance(part, WindowPart) and part.final:
            for series, sums in part.rows.items():
                last[part.source, part.start, series] = sums
    rows: Rows = defaultdict(Sums)
    for (_, start, series), sums in last.items():
        _add(rows[start, series], sums)
    return dict(rows)


def closed_in_order(values: Iterable[bytes]) -> bool:
    """Whether each partition closes a window once, the earlier first, and tells of it afterwards."""
    closed: dict[int, int] = {}
    told: dict[int, int] = {}
    for part in parts_of(values):
        if isinstance(part, ClockPart):
            if part.clock < told.get(part.source, part.clock):
                return False
            told[part.source] = part.clock
        elif part.final:
            if part.start < max(closed.get(part.source, part.start), told.get(part.source, part.start)):
                return False
            closed[part.source] = part.start
    return True


def expected(definition: Definition, result: Result) -> Rows:
    """What the oracle publishes, without windows and series of which there is nothing."""
    rows: Rows = {}
    for record in result.engagement:
        series, _, start = record["window_id"].rpartition("@")
        fields: dict[str, Any] = {name: record[name] for name in _COUNTS}
        if any(fields.values()):
            rows[int(start), series] = Sums(**fields, key_events=record["key_events"])
            rows[int(start), series].promoted_key_events = {"": record["promoted"]}
    return rows


def comparable(rows: Mapping[tuple[int, str], Sums], definition: Definition) -> Rows:
    """Promoted key events by their volume, as the oracle has them."""
    weights = {entry.name: entry.weight for entry in definition.key_events}
    found: Rows = {}
    for key, sums in rows.items():
        volume = sum(weights[name] * count for name, count in sorted(sums.promoted_key_events.items()))
        found[key] = msgspec.structs.replace(sums, promoted_key_events={"": volume})
    return found


def _add(into: Sums, sums: Sums) -> None:
    for name in _COUNTS:
        setattr(into, name, getattr(into, name) + getattr(sums, name))
    for name in ("key_events", "promoted_key_events"):
        counts = getattr(into, name)
        for key, count in getattr(sums, name).items():
            counts[key] = counts.get(key, 0) + count
