"""What a deviation comes from: the shares of key events and dimension values, the likeliest cause first.

After Adtributor (Bhagwan et al., Adtributor: Revenue Debugging in Advertising Systems, NSDI 2014): a value
explains a deviation by its share of it (explanatory power), and is the likelier the cause the more its part
of the whole differs from what was expected (surprise: its term of the Jensen-Shannon divergence).
Where everything moves alike, every value has its share, and none is a surprise.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log, sqrt
from typing import NamedTuple

from stream.core.engagement.history import Totals
from stream.core.engagement.rows import KEY_PREFIX, OTHER, TOTAL
from stream.core.records import Measure

NONE = "(none)"
SHOWN = 8  # causes in a record
_SMALLEST_SHARE = 0.1
_DOMINATING_SHARE = 0.5
_DOMINATING_LIFT = 1.3  # of a share of the deviation over the part that was expected of the whole
_CHANCE = 0.4  # of a deviation's band: below, a share says nothing
_SURE = 0.7  # of it: from here on, a share can stand out
LEADS = 2.0  # times the weight of what has been found out of its bounds and leads
_CALM_SIBLINGS = 0.5  # what is left for the others, of what they would have if all moved alike


class Share(NamedTuple):
    """What one series has to do with a deviation.

    `share` of it, 1 where it accounts for all; `value` and `expected` are sums over the windows of the
    deviation. `weight` orders causes, `certain` is 1 where chance does not explain the deviation;
    `dominating` ones stand out from their siblings.
    """

    series: str
    share: float
    value: float
    expected: float
    weight: float
    certain: float
    dominating: bool


class _Part(NamedTuple):
    """A series' part of the deviation, and of the whole as it is and as it was expected.

    `band` is how far the deviation goes without a reason.
    """

    series: str
    deviation: float
    value: float
    expected: float
    band: float


def is_last_resort(series: str) -> bool:
    """Whether a value says nothing of its own: missing, or beyond the cap."""
    return series.partition(":")[2] in (NONE, OTHER)


def attribute(lead: str, measure: Measure, totals: Mapping[str, Totals]) -> list[Share]:
    """Shares of the deviation of `lead`, likeliest cause first; without those that go the other way.

    `totals` are sums over the windows of the deviation, by series. Of `index`, engaged persons are attributed
    at the number of people that came: a value counts by its own index, and by how much of the mix it is.
    """
    if lead not in totals:
        return []
    if measure == "people" and lead.startswith(KEY_PREFIX):
        measure = "volume"  # those who did it are no part of all people as those of a channel are
    whole = totals.get(TOTAL, totals[lead])
    base = _part(TOTAL, measure, whole, whole)
    led = base if lead == TOTAL else _part(lead, measure, totals[lead], whole)
    if led.deviation == 0:
        return []
    shares = [
        _share(_part(series, measure, sums, whole), led, base)
        for series, sums in totals.items()
        if series != TOTAL and _fits(series, measure) and not _excludes(lead, series)
    ]
    shares = [s._replace(weight=s.weight * LEADS) if s.series == lead else s for s in shares]
    telling = [share for share in shares if share.share >= _SMALLEST_SHARE]
    telling.sort(key=lambda s: (is_last_resort(s.series), -round(s.weight, 9), s.series))
    return telling[:1] + [share for share in telling[1:] if share.certain >= _CHANCE][: SHOWN - 1]


def _fits(series: str, measure: Measure) -> bool:
    """People who did a key event are not a part of all people as those of a channel are."""
    return measure != "people" or not series.startswith(KEY_PREFIX)


def _excludes(lead: str, series: str) -> bool:
    """What another value of the leading dimension loses, the lead has not lost."""
    return series != lead and series.partition(":")[0] == lead.partition(":")[0]


def _part(series: str, measure: Measure, sums: Totals, whole: Totals) -> _Part:
    if measure == "volume":
        value, expected, bands = sums.volume, sums.volume_expected, sums.volume_bands
    elif measure == "people":
        value, expected, bands = sums.people, sums.people_expected, sums.people_bands
    elif series.startswith(KEY_PREFIX):
        value, expected, bands = sums.people, sums.people_expected * _grown(whole), sums.people_bands
    else:
        return _engaged_part(series, sums, whole)
    return _Part(series, value - expected, value, expected, sqrt(bands))


def _engaged_part(series: str, sums: Totals, whole: Totals) -> _Part:
    """Engaged persons beyond what as many people of the whole product would be, less that as expected."""
    index = _expected_index(whole)
    excess = sums.engaged - index * sums.people
    expected_excess = sums.engaged_expected - index * sums.people_expected
    mixed = (_expected_index(sums) - index) ** 2 * sums.people_bands
    expected = sums.engaged_expected * _grown(whole)
    deviation = excess - expected_excess
    return _Part(
        series, deviation, max(expected + deviation, 0.0), expected, sqrt(sums.engaged_bands + mixed)
    )


def _grown(whole: Totals) -> float:
    """How many times as many people came as were expected."""
    return whole.people / whole.people_expected if whole.people_expected else 1.0


def _expected_index(sums: Totals) -> float:
    return sums.engaged_expected / sums.people_expected if sums.people_expected else 0.0


def _share(part: _Part, led: _Part, base: _Part) -> Share:
    share = max(part.deviation / led.deviation, 0.0)
    if share > 1:  # more than there is to explain: as much is it not the same
        share = 1 / share if led.series != TOTAL else 1.0
    expected = min(part.expected / base.expected, 1.0) if base.expected > 0 else 0.0
    value = min(part.value / base.value, 1.0) if base.value > 0 else 0.0
    certain = min(abs(part.deviation) / part.band, 1.0) if part.band > 0 else 1.0
    stands_out = share >= _DOMINATING_LIFT * expected or 1 - share < _CALM_SIBLINGS * (1 - expected)
    return Share(
        part.series,
        share,
        part.value,
        part.expected,
        share * _surprise(expected, value) * certain**2,
        certain,
        share >= _DOMINATING_SHARE and certain >= _SURE and stands_out,
    )


def _surprise(p: float, q: float) -> float:
    """A value's term of the Jensen-Shannon divergence of its expected part `p` and its part `q`, in nats."""
    middle = (p + q) / 2
    return sum(x * log(x / middle) for x in (p, q) if x > 0) / 2
