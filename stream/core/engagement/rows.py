"""The figures of one series in one window, merged over all partitions: what is judged and published (SPEC 6)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from stream.core.definition import Definition
from stream.core.engagement.partials import Sums

TOTAL = "total"
KEY_PREFIX = "key:"
OTHER = "other"

_DIGITS = 6  # of a volume, after the point: weights may be fractions


class Row(Struct, frozen=True, gc=False):
    """One series in one window. `volume`, `people` and `index` are without what belongs to a promotion.

    `people` and `engaged` are distinct persons, `key_events` occurrences by name, `volume` the sum of their
    weights, `index` engaged / people, or 0 without people. `promoted` is the volume of promotions,
    `promoted_people` the distinct persons with an event of one.
    """

    events: int = 0
    pageviews: int = 0
    people: int = 0
    visits: int = 0
    engaged: int = 0
    key_events: dict[str, int] = {}
    volume: float = 0.0
    index: float = 0.0
    promoted: float = 0.0
    promoted_people: int = 0

    def is_seen(self) -> bool:
        """Whether anything happened, promoted or not."""
        return bool(self.events or self.promoted_people)


EMPTY = Row()
"""A window in which nothing happened."""

Weights = Mapping[str, float]
"""Key events' weights by name."""


def weights_of(definition: Definition) -> Weights:
    """Weight by key event; entries of one name have one."""
    return {entry.name: float(entry.weight) for entry in definition.key_events}


def volume_of(counts: Mapping[str, int], weights: Weights) -> float:
    """Σ weight × occurrences, added in the order of the names, so that it is the same everywhere."""
    return round(sum((weights.get(name, 0.0) * counts[name] for name in sorted(counts)), 0.0), _DIGITS)


def row_of(sums: Sums, weights: Weights) -> Row:
    """What the sums over all partitions come to. The names of key events are sorted."""
    key_events = {name: count for name, count in sorted(sums.key_events.items()) if count}
    return Row(
        events=sums.events,
        pageviews=sums.pageviews,
        people=sums.people,
        visits=sums.visits,
        engaged=sums.engaged,
        key_events=key_events,
        volume=volume_of(key_events, weights),
        index=sums.engaged / sums.people if sums.people else 0.0,
        promoted=volume_of(sums.promoted_key_events, weights),
        promoted_people=sums.promoted_people,
    )


def dimension_of(series: str) -> str | None:
    """`channel` of `channel:web`; None of `total` and of a key event's series, which are never capped."""
    if series == TOTAL or series.startswith(KEY_PREFIX):
        return None
    return series.partition(":")[0]
