"""Each plant does what the truth says of it, in its time and series, and leaves everything else as it was."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from stream.core.times import parse_ms
from stream.simulate.delivery import Faults
from stream.simulate.product import Product
from stream.simulate.scribe import Record
from stream.simulate.truth import Planted, Truth
from tests.simulate.shop import DAY_MS, HOUR_MS, START_MS, planted, seen, simulated

SHOP = Product(users=1_000)
DAYS = 12
NOON_MS = START_MS + 9 * DAY_MS + 12 * HOUR_MS
WEIGHTS = {"Order Completed": 5, "Checkout Started": 3, "Product Added": 2, "Product Shared": 2}


@pytest.fixture(scope="module")
def usual() -> list[Record]:
    return simulated(SHOP, days=DAYS)


def with_plant(text: str) -> tuple[set[Record], Planted]:
    records, truth = planted(SHOP, text, days=DAYS)
    assert [record[0] for record in records] == sorted(record[0] for record in records)
    [plant] = truth.plants
    return set(records), plant


def period(plant: Planted) -> tuple[int, int]:
    start, end = parse_ms(plant.start), parse_ms(plant.end)
    assert start is not None
    assert end is not None
    return start, end


def within(records: set[Record], plant: Planted) -> set[Record]:
    start, end = period(plant)
    return {record for record in records if start <= record[0] < end}


def figures(records: set[Record], series: str, plant: Planted) -> dict[str, float]:
    """Volume, people and index per minute of the plant's time, counted anew from the JSON."""
    people, engaged, volume = set(), set(), 0
    for event in seen(within(records, plant)):
        if not belongs(event.name, event.whole["context"], series):
            continue
        minute = event.time_ms // 60_000
        people.add((minute, event.person))
        volume += WEIGHTS.get(event.name, 0)
        if event.name in WEIGHTS:
            engaged.add((minute, event.person))
    start, end = period(plant)
    minutes = (end - start) / 60_000
    return {
        "volume": volume / minutes,
        "people": len(people) / minutes,
        "index": len(engaged) / len(people) if people else 0.0,
    }


def belongs(name: str, context: dict[str, object], series: str) -> bool:
    kind, _, value = series.partition(":")
    if kind == "channel":
        return context.get("channel", "(none)") == value
    return kind == "total" or name == value


def check_truth(plant: Planted, usual: list[Record], changed: set[Record], *series: str) -> None:
    """What the truth says of these series is what is in the streams."""
    for name in series:
        before, after = figures(set(usual), name, plant), figures(changed, name, plant)
        for measure in ("volume", "people", "index"):
            if name.startswith("key:") and measure == "index":
                continue
            said = [move for move in plant.moved if (move.series, move.measure) == (name, measure)]
            if before[measure] == after[measure]:
                assert said == []
                continue
            [move] = said
            assert move.without == pytest.approx(before[measure], abs=1e-5)
            assert move.with_ == pytest.approx(after[measure], abs=1e-5)
            if move.change is not None:
                assert move.change == pytest.approx(after[measure] / before[measure] - 1, abs=1e-4)


def test_an_outage_loses_its_share_of_everything_in_its_time(usual: list[Record]) -> None:
    changed, plant = with_plant("outage:from=9d12h,for=6h,depth=50%")
    lost = set(usual) - changed
    assert changed < set(usual)
    assert lost == within(lost, plant)
    assert len(lost) / len(within(set(usual), plant)) == pytest.approx(0.5, abs=0.07)
    assert (plant.incident, plant.direction, plant.measures, plant.cause) == (
        True,
        "drop",
        ["volume", "people"],
        None,
    )
    check_truth(plant, usual, changed, "total", "channel:direct", "key:Product Added")


def test_a_total_outage_leaves_nothing(usual: list[Record]) -> None:
    changed, plant = with_plant("outage:from=9d12h,for=1h,depth=100%")
    assert set(usual) - changed == within(set(usual), plant)
    assert len(within(set(usual), plant)) > 30


def test_an_outage_of_a_channel_loses_only_its_events(usual: list[Record]) -> None:
    changed, plant = with_plant("outage:from=9d12h,for=6h,depth=100%,channel=organic")
    lost = set(usual) - changed
    assert {event.whole["context"]["channel"] for event in seen(lost)} == {"organic"}
    assert not any(b'"channel":"organic"' in (record[2] or b"") for record in within(changed, plant))
    assert plant.cause == "channel:organic"
    check_truth(plant, usual, changed, "total", "channel:organic", "channel:direct")


def test_a_broken_event_vanishes_and_the_rest_stays(usual: list[Record]) -> None:
    changed, plant = with_plant('broken:from=9d,for=1d,event="Order Completed"')
    lost = seen(set(usual) - changed)
    orders = [event for event in seen(within(set(usual), plant)) if event.name == "Order Completed"]
    assert sorted(lost, key=str) == sorted(orders, key=str)
    assert len(orders) > 5
    assert (plant.cause, plant.measures) == ("key:Order Completed", ["volume"])
    check_truth(plant, usual, changed, "total", "key:Order Completed", "key:Product Added", "channel:direct")


def test_an_event_that_is_no_key_event_breaks_unseen(usual: list[Record]) -> None:
    changed, plant = with_plant('broken:from=9d,for=1d,event="Products Searched",share=40%')
    lost = set(usual) - changed
    searches = [event for event in seen(within(set(usual), plant)) if event.name == "Products Searched"]
    assert {event.name for event in seen(lost)} == {"Products Searched"}
    assert len(lost) / len(searches) == pytest.approx(0.4, abs=0.15)
    assert (plant.incident, plant.cause, plant.measures) == (False, None, [])


def test_a_viral_spike_brings_newcomers_through_its_channel(usual: list[Record]) -> None:
    changed, plant = with_plant("viral:from=9d12h,for=6h,factor=3")
    assert set(usual) < changed
    first = {event.person: event for event in sorted(seen(changed - set(usual)), key=lambda e: -e.time_ms)}
    visitors = [event for event in first.values() if event.person.startswith("anonymous:")]
    assert {event.whole["context"]["channel"] for event in visitors} == {"social"}
    landed = [event for event in visitors if NOON_MS <= event.time_ms < NOON_MS + 6 * HOUR_MS]
    assert len(landed) == len(visitors)
    assert len(landed) / visits(within(set(usual), plant)) == pytest.approx(2.0, rel=0.2)
    assert (plant.direction, plant.measures, plant.cause) == ("spike", ["people", "volume"], "channel:social")
    check_truth(plant, usual, changed, "total", "channel:social", "channel:direct", "key:Product Added")


def visits(records: set[Record]) -> int:
    """How often somebody comes who was not there for half an hour."""
    last: dict[str, int] = {}
    begun = 0
    for event in sorted(seen(records), key=lambda one: one.time_ms):
        if event.name == "Email Delivered":
            continue
        who = event.whole.get("anonymousId", event.person)
        begun += event.time_ms - last.get(who, 0) > HOUR_MS // 2
        last[who] = event.time_ms
    return begun


def test_hardly_anybody_of_a_crowd_comes_again(usual: list[Record]) -> None:
    changed, plant = with_plant("viral:from=9d12h,for=6h,factor=3")
    crowd = changed - set(usual)
    assert len(crowd - within(crowd, plant)) < 0.3 * len(crowd)


def test_a_decline_thins_visits_out_more_each_day(usual: list[Record]) -> None:
    changed, plant = with_plant("decline:from=4d,rate=10%")
    assert changed < set(usual)
    assert {record for record in set(usual) - changed if record[0] < START_MS + 4 * DAY_MS} == set()
    left = [per_day(changed)[day] / per_day(set(usual))[day] for day in range(4, DAYS)]
    assert left == [pytest.approx(0.9 ** (day + 0.6), abs=0.09) for day in range(DAYS - 4)]
    assert (plant.period, plant.direction, plant.cause) == ("day", "drop", None)
    # Of a decline the truth counts the last day.
    last_day = msgspec.structs.replace(plant, start="2026-01-12T00:00:00.000Z")
    check_truth(last_day, usual, changed, "total", "channel:direct", "key:Product Added")


def per_day(records: set[Record]) -> Counter[int]:
    return Counter((record[0] - START_MS) // DAY_MS for record in records)


def test_a_decline_that_ends_stays_where_it_is(usual: list[Record]) -> None:
    changed, _ = with_plant("decline:from=2d,for=5d,rate=15%")
    left = [per_day(changed)[day] / per_day(set(usual))[day] for day in range(7, DAYS)]
    assert left == [pytest.approx(0.85**5, abs=0.09)] * (DAYS - 7)


def test_a_channel_gone_bad_bounces(usual: list[Record]) -> None:
    changed, plant = with_plant("bad-channel:from=9d,for=1d,channel=organic")
    lost = set(usual) - changed
    assert changed < set(usual)
    # A paying visitor's mail is lost with the order.
    assert {event.whole["context"].get("channel", "(none)") for event in seen(lost)} <= {"organic", "(none)"}
    move = next(move for move in plant.moved if (move.series, move.measure) == ("channel:organic", "volume"))
    assert move.without > 0.05
    # What is left is of visits that began before.
    assert move.with_ < 0.05 * move.without
    assert (plant.measures, plant.cause) == (["index", "volume"], "channel:organic")
    check_truth(plant, usual, changed, "total", "channel:organic", "channel:direct")


def test_a_promotion_marks_every_event_of_those_it_brings(usual: list[Record]) -> None:
    changed, plant = with_plant("promotion:from=9d,for=1d,name=winter,factor=2")
    crowd = seen(changed - set(usual))
    marked = [event for event in crowd if campaign(event.whole) == "winter"]
    assert set(usual) < changed
    assert len(marked) > 0.8 * len(crowd)
    assert {event.whole["context"].get("channel", "(none)") for event in marked} == {"referral", "(none)"}
    assert any(event.person.startswith("usr_") and event.name == "Order Completed" for event in marked)
    begun = visits({record for record in changed - set(usual) if b'"name":"winter"' in (record[2] or b"")})
    assert begun / visits(within(set(usual), plant)) == pytest.approx(1.0, rel=0.15)
    assert (plant.incident, plant.direction, plant.measures, plant.cause) == (False, None, [], None)
    for move in plant.moved:
        if (move.series, move.measure) == ("total", "promoted"):
            organic = figures({record for record in usual if record in changed}, "total", plant)["volume"]
            assert move.with_ > 0.5 * organic
            assert (move.without, move.change) == (0.0, None)
        elif move.series == "total":
            # Of those who come again the same day.
            assert abs(move.change or 0.0) < 0.06
    assert any(move.measure == "promoted" for move in plant.moved)


def campaign(whole: dict[str, dict[str, dict[str, str]]]) -> str | None:
    return whole["context"].get("campaign", {}).get("name")


def test_plants_together_do_what_each_does_alone(usual: list[Record]) -> None:
    texts = [
        "decline:from=2d,rate=5%,channel=organic",
        "outage:from=9d12h,for=2h,depth=60%,channel=direct",
        "broken:from=6d,for=1d,event=Product Added",
        "viral:from=4d18h,for=2h",
    ]
    together, truth = planted(SHOP, *texts, days=DAYS)
    lost, brought = set(), set()
    for text in texts:
        alone, _ = with_plant(text)
        lost |= set(usual) - alone
        brought |= alone - set(usual)
    assert set(usual) - set(together) == lost
    # Of a crowd, too, a decline thins out some.
    assert set(together) - set(usual) <= brought
    assert [plant.kind for plant in truth.plants] == ["decline", "viral", "broken", "outage"]


def test_faults_on_the_way_lose_nothing_more(usual: list[Record]) -> None:
    faults = Faults(disorder=0.2, duplicates=0.1)
    sound, truth = planted(SHOP, "outage:from=9d12h,for=6h", days=DAYS)
    troubled, same = planted(SHOP, "outage:from=9d12h,for=6h", days=DAYS, faults=faults)
    ids = [{event.whole["messageId"] for event in seen(records)} for records in (sound, troubled)]
    assert ids[0] == ids[1]
    assert same.plants == truth.plants


def test_equal_seeds_give_equal_records_and_truth() -> None:
    first, second = (planted(Product(users=300), "all", days=28) for _ in range(2))
    assert first == second
    assert isinstance(first[1], Truth)
    assert planted(Product(users=300), "all", days=28, seed=2)[1] != first[1]
