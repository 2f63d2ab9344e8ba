"""Which cause comes first, and what share each has."""

from __future__ import annotations

import pytest

from stream.core.engagement.attribution import Share, attribute
from stream.core.engagement.history import Totals

CHANNELS = {"channel:app": 0.3, "channel:web": 0.5, "channel:paid": 0.2}
CAMPAIGNS = {"campaign:(none)": 0.9, "campaign:spring": 0.1}
TIERS = {"tier:none": 0.6, "tier:low": 0.4}
KEYS = {"key:Order Completed": 0.4, "key:Product Added": 0.6}
SERIES = {"total": 1.0, **CHANNELS, **CAMPAIGNS, **TIERS, **KEYS}
PEOPLE, VOLUME, INDEX = 1000.0, 800.0, 0.3


def sums(people: float, volume: float, engaged: float, part: float) -> Totals:
    """Expected as usual of a `part` of the product; a band of a tenth."""
    return Totals(
        volume=volume,
        volume_expected=VOLUME * part,
        volume_bands=(0.1 * VOLUME * part) ** 2,
        people=people,
        people_expected=PEOPLE * part,
        people_bands=(0.1 * PEOPLE * part) ** 2,
        engaged=engaged,
        engaged_expected=PEOPLE * INDEX * part,
        engaged_bands=(0.1 * PEOPLE * INDEX * part) ** 2,
    )


def usual() -> dict[str, Totals]:
    """All as expected."""
    return {
        series: sums(PEOPLE * part, VOLUME * part, PEOPLE * INDEX * part, part)
        for series, part in SERIES.items()
    }


def broken(cause: str, left: float, *, measure: str = "all") -> dict[str, Totals]:
    """What is left of one value; its loss is spread over other dimensions by their parts."""
    totals = usual()
    kind = cause.partition(":")[0]
    lost = SERIES[cause] * (1 - left)
    for series in SERIES:
        if series == cause:
            factor = left
        elif series.partition(":")[0] == kind:
            factor = 1.0
        else:
            factor = 1 - lost
        t = totals[series]
        if measure in ("all", "volume"):
            t.volume *= factor
        if measure in ("all", "people"):
            t.people *= factor
        if measure in ("all", "people", "index"):
            t.engaged *= factor
    return totals


def names(shares: list[Share]) -> list[str]:
    return [share.series for share in shares]


@pytest.mark.parametrize("cause", [*CHANNELS, "campaign:spring", *TIERS, *KEYS])
@pytest.mark.parametrize("left", [0.0, 0.4])
def test_what_fell_alone_comes_first_with_all_of_it(cause: str, left: float) -> None:
    first = attribute("total", "volume", broken(cause, left))[0]
    assert (first.series, round(first.share, 6), first.dominating) == (cause, 1.0, True)


@pytest.mark.parametrize("cause", list(CHANNELS))
def test_people_are_no_key_events(cause: str) -> None:
    shares = attribute("total", "people", broken(cause, 0.2))
    assert shares[0].series == cause
    assert not any(name.startswith("key:") for name in names(shares))


@pytest.mark.parametrize("cause", list(CHANNELS))
def test_of_the_index_comes_first_whose_people_engage_less(cause: str) -> None:
    first = attribute("total", "index", broken(cause, 0.3, measure="index"))[0]
    assert (first.series, round(first.share, 6)) == (cause, 1.0)


def test_of_the_index_comes_first_who_dilutes_it() -> None:
    totals = usual()
    for series, part in (("total", 1.0), ("channel:paid", 1.0), ("tier:none", 0.8), ("tier:low", 0.2)):
        totals[series].people += 600 * part
    shares = attribute("total", "index", totals)
    assert (shares[0].series, round(shares[0].share, 6)) == ("channel:paid", 1.0)


def test_where_all_move_alike_none_dominates_and_each_has_its_part() -> None:
    totals = usual()
    for t in totals.values():
        t.volume *= 0.5
    shares = attribute("total", "volume", totals)
    assert not any(share.dominating for share in shares)
    assert {s.series: round(s.share, 6) for s in shares if s.series in CHANNELS} == CHANNELS


def test_what_was_never_there_before_can_account_for_all() -> None:
    totals = usual()
    totals["total"].volume += 600
    totals["campaign:viral"] = Totals(volume=600, people=500)
    for name, part in (CHANNELS | TIERS | KEYS).items():
        totals[name].volume += 600 * part
    first = attribute("total", "volume", totals)[0]
    assert (first.series, first.share, first.dominating) == ("campaign:viral", 1.0, True)


def test_values_without_a_name_come_last() -> None:
    totals = usual()
    for series in ("total", "campaign:(none)", "channel:app"):
        totals[series].volume -= 100
    assert names(attribute("total", "volume", totals)) == ["channel:app", "campaign:(none)"]


def test_even_where_they_account_for_more() -> None:
    totals = usual()
    totals["total"].volume -= 100
    totals["channel:(none)"] = Totals(volume_expected=100, volume_bands=100)
    totals["tier:low"].volume -= 60
    assert names(attribute("total", "volume", totals)) == ["tier:low", "channel:(none)"]


def test_what_is_as_likely_chance_comes_behind_what_is_sure() -> None:
    totals = usual()
    totals["total"].volume -= 150
    totals["channel:app"].volume -= 150
    totals["campaign:spring"].volume = 0
    for band, first in ((80.0, "campaign:spring"), (160.0, "channel:app")):
        totals["campaign:spring"].volume_bands = band**2
        assert names(attribute("total", "volume", totals))[0] == first


def test_what_went_the_other_way_has_no_share() -> None:
    totals = usual()
    totals["total"].volume -= 100
    totals["channel:app"].volume -= 200
    totals["channel:web"].volume += 100
    assert [(s.series, s.share) for s in attribute("total", "volume", totals)] == [("channel:app", 1.0)]


def test_what_chance_explains_is_left_out() -> None:
    totals = usual()
    totals["total"].volume -= 200
    totals["channel:app"].volume -= 150
    totals["tier:none"].volume -= 40  # a fifth of it, and less than its band
    totals["tier:none"].volume_bands = 150.0**2
    assert names(attribute("total", "volume", totals)) == ["channel:app"]


def test_of_a_leading_channel_the_channel_itself_comes_first() -> None:
    first = attribute("channel:app", "volume", broken("channel:app", 0.3))[0]
    assert (first.series, first.share) == ("channel:app", 1.0)


def test_people_of_a_leading_key_event_are_attributed_by_volume() -> None:
    first = attribute("key:Order Completed", "people", broken("key:Order Completed", 0.3))[0]
    assert (first.series, first.share) == ("key:Order Completed", 1.0)


def test_other_values_of_its_dimension_account_for_nothing_of_a_leading_channel() -> None:
    totals = broken("channel:app", 0.5)
    totals["channel:web"].volume *= 0.2
    assert [name for name in names(attribute("channel:app", "volume", totals)) if "channel:" in name] == [
        "channel:app"
    ]


def test_shares_under_a_tenth_are_not_told() -> None:
    totals = usual()
    totals["total"].volume -= 100
    totals["channel:app"].volume -= 90.1
    totals["channel:web"].volume -= 9.9
    totals["channel:web"].volume_bands = 1.0
    assert names(attribute("total", "volume", totals)) == ["channel:app"]


def test_without_a_deviation_there_is_no_cause() -> None:
    assert attribute("total", "volume", usual()) == []
    assert attribute("channel:gone", "volume", usual()) == []
