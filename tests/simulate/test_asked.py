"""`--plant` as it is written: read, or refused with what it takes."""

from __future__ import annotations

import re

import pytest

from stream.simulate.asked import MIXTURES, Asked, Mixture, Moment, read
from stream.simulate.placing import place
from stream.simulate.plants import PLANTS, Broken, Outage
from tests.simulate.shop import DAY_MS, HOUR_MS, START_MS

MINUTE_MS = 60_000


def test_an_outage_with_everything_said() -> None:
    assert read("outage:from=2026-01-20T14:00,for=30m,depth=50%,channel=paid") == Asked(
        "outage:from=2026-01-20T14:00,for=30m,depth=50%,channel=paid",
        Outage,
        Moment(1_768_917_600_000, offset=False),
        None,
        30 * MINUTE_MS,
        {"depth": 0.5, "channel": "paid"},
    )


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-20", 1_768_867_200_000),
        ("2026-01-20T14:00:30Z", 1_768_917_630_000),
        ("2026-01-20T14:00+02:00", 1_768_910_400_000),
        ("19d14h", START_MS + 19 * DAY_MS + 14 * HOUR_MS),
    ],
)
def test_times_are_instants_or_count_from_the_start(text: str, ms: int) -> None:
    asked = read(f"viral:at={text}")
    assert isinstance(asked, Asked)
    assert asked.start
    assert asked.start.after(START_MS) == ms


def test_a_value_with_spaces_may_stand_in_quotes() -> None:
    for text in ('broken:event="Signed Up",from=1d', "broken: event = Signed Up , from=1d"):
        asked = read(text)
        assert isinstance(asked, Asked)
        assert (asked.plant, asked.parameters) == (Broken, {"event": "Signed Up"})


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures(name: str) -> None:
    assert read(name) == Mixture(name == "random")


@pytest.mark.parametrize("plant", PLANTS)
def test_a_plant_is_planted_again_by_its_own_text(plant: type[Outage]) -> None:
    asked = read(f"{plant.kind}:from=12d3h,for=90m")
    [placed] = place([asked], seed=1, start_ms=START_MS, end_ms=None)
    assert place([read(placed.text)], seed=1, start_ms=START_MS, end_ms=None) == [placed]
    assert placed.text.startswith(f"{plant.kind}:from=2026-01-13T03:00:00.000Z,for=1h30m")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flood", "no kind; there are outage, viral,"),
        ("outage:deep=50%", "no option deep: outage takes from, for or to, depth, channel"),
        ("outage:depth=0", "above 0, such as 50% or 0.5"),
        ("outage:depth=150%", "above 0, such as 50% or 0.5"),
        ("decline:rate=100%", "above 0, such as"),
        ("outage:channel=tv", "takes one of direct, organic"),
        ("broken:event=Order", "takes one of Products Searched"),
        ("viral:factor=1", "a number above 1"),
        ("viral:factor=many", "a number above 1"),
        ("promotion:name=a/b", "letters, digits"),
        ("outage:from=tomorrow", "takes 2026-01-20, 2026-01-20T14:00 (UTC), or a duration"),
        ("outage:for=soon", "takes a duration, such as 30m"),
        ("outage:for=1h,to=2026-01-02", "give one"),
        ("outage:at=1d,from=1d", "give one"),
        ("outage:depth=50%,depth=60%", "there twice"),
        ("outage:50%", "no list of name=value"),
        ("outage:depth=50% for=1h", "above 0, such as 50% or 0.5"),
        ('promotion:name="winter" sale', "no list of name=value"),
        ("all:from=1d", "takes no options"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read(text)
