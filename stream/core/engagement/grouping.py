"""Which deviations are one cause, and which series leads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stream.core.engagement.attribution import is_last_resort
from stream.core.engagement.history import MEASURES
from stream.core.engagement.judged import Judged
from stream.core.engagement.rows import KEY_PREFIX, TOTAL
from stream.core.records import Measure

ACCOUNTS_FOR = 0.7  # of the largest deviation: a series with as much of it may be the cause
CHANGED_ALIKE = 0.6  # of a series' relative change: with as much, the product moves as a whole
LARGER = 2.0  # times the series' deviation: of so much, that series is but a part


class Deviation(NamedTuple):
    """A measure of a series that may open an incident: `direction` is -1 or 1."""

    series: str
    measure: Measure
    direction: int
    judged: Judged


def deviations(judged: Mapping[str, Mapping[Measure, Judged]]) -> list[Deviation]:
    """Those of a window, by series, then measure."""
    found = [
        Deviation(series, measure, j.out, j)
        for series, by_measure in judged.items()
        for measure, j in by_measure.items()
        if j.out
    ]
    found.sort(key=lambda d: (d.series, MEASURES.index(d.measure)))
    return found


def groups(found: Sequence[Deviation]) -> list[list[Deviation]]:
    """What deviates in the same window is one cause where it goes one way, or is of one series.

    The index follows from people and engaged persons, so it goes with either.
    """
    counted = [d for d in found if d.measure != "index"]
    up, down = ([d for d in counted if d.direction == way] for way in (1, -1))
    if not counted:
        ways = [[d for d in found if d.direction == way] for way in (-1, 1)]
        return [group for group in ways if group]
    if not up or not down or {d.series for d in up} & {d.series for d in down}:
        return [list(found)]
    of_up = {d.series for d in up}
    index = [d for d in found if d.measure == "index"]
    return [
        down + [d for d in index if d.series not in of_up],
        up + [d for d in index if d.series in of_up],
    ]


def lead_of(group: Iterable[Deviation], judged: Mapping[str, Mapping[Measure, Judged]]) -> Deviation:
    """`total` where it deviates itself, or has changed nearly as much as what does; else the smallest series
    that has nearly all of the deviation.

    Volume before people before index. Of series that have changed alike: a channel before a campaign and
    other dimensions, before a key event, before a tier.
    """
    lead = _narrowest(group)
    measure: Measure = "volume" if lead.series.startswith(KEY_PREFIX) else lead.measure
    product = judged.get(TOTAL, {}).get(measure)
    if lead.series == TOTAL or lead.measure == "index" or product is None:
        return lead
    as_product = Deviation(TOTAL, measure, lead.direction, product)
    alike = (product.value - product.expected) * lead.direction > 0 and (
        _changed(as_product) >= CHANGED_ALIKE * _changed(lead)
    )
    # Of one cause in a large part, the product changes nearly as much, but not by more.
    part = _size(_in(lead, measure, judged))
    return as_product if alike and _size(as_product) >= LARGER * part else lead


def _in(lead: Deviation, measure: Measure, judged: Mapping[str, Mapping[Measure, Judged]]) -> Deviation:
    """The lead in another measure, where that is judged."""
    j = judged.get(lead.series, {}).get(measure)
    return lead if j is None else Deviation(lead.series, measure, lead.direction, j)


def _narrowest(group: Iterable[Deviation]) -> Deviation:
    """Of the series that deviate."""
    group = list(group)
    first = min((d.series != TOTAL, MEASURES.index(d.measure)) for d in group)
    candidates = [d for d in group if (d.series != TOTAL, MEASURES.index(d.measure)) == first]
    largest = max(_size(d) for d in candidates)
    return min((d for d in candidates if _size(d) >= ACCOUNTS_FOR * largest), key=_order)


def kind_order(series: str) -> int:
    """0 for `total`, then channels, campaigns and other dimensions, key events, tiers."""
    if series == TOTAL:
        return 0
    if series.startswith("channel:"):
        return 1
    if series.startswith(KEY_PREFIX):
        return 3
    return 4 if series.startswith("tier:") else 2


def _size(deviation: Deviation) -> float:
    return abs(deviation.judged.value - deviation.judged.expected)


def _changed(deviation: Deviation) -> float:
    """By what part of the larger of value and expectation: 0 to 1, either way."""
    largest = max(deviation.judged.value, deviation.judged.expected)
    return _size(deviation) / largest if largest > 0 else 0.0


def _order(deviation: Deviation) -> tuple[bool, float, int, float, str]:
    return (
        is_last_resort(deviation.series),
        -round(_changed(deviation), 1),
        kind_order(deviation.series),
        -_size(deviation),
        deviation.series,
    )
