"""The simulated product: the same for a seed, valid by Footfall's own reader, and alive."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from stream.simulate.product import Product
from stream.simulate.scribe import Record
from tests.simulate.shop import DAY_MS, HOUR_MS, START_MS, Seen, seen, simulated

GAP_MS = HOUR_MS // 2


@pytest.fixture(scope="module")
def quarter() -> list[Record]:
    """A small product's first hundred days."""
    return simulated(Product(users=300), days=100)


@pytest.fixture(scope="module")
def events(quarter: list[Record]) -> list[Seen]:
    return seen(quarter)


def of_person(events: list[Seen]) -> dict[str, list[Seen]]:
    people: dict[str, list[Seen]] = defaultdict(list)
    for event in events:
        people[event.person].append(event)
    return people


def test_equal_seeds_give_equal_records() -> None:
    assert simulated(Product(users=100), days=5) == simulated(Product(users=100), days=5)


def test_another_seed_gives_other_people() -> None:
    first, second = (simulated(Product(users=50), days=3, seed=seed) for seed in (1, 2))
    assert not {key for _, key, _ in first} & {key for _, key, _ in second}


def test_a_longer_run_begins_with_the_shorter_one() -> None:
    short = simulated(Product(users=100), days=3)
    assert simulated(Product(users=100), days=6)[: len(short)] == short


def test_newcomers_and_more_users_leave_everybody_else_as_they_were() -> None:
    alone = simulated(Product(users=50, newcomers=0), days=10)
    crowd = simulated(Product(users=80), days=10)
    assert len(crowd) > len(alone) > 50
    assert set(alone) <= set(crowd)


def test_growth_brings_more_newcomers_each_month_and_moves_nobody_else() -> None:
    steady = simulated(Product(users=800, visit_rate=1e-9, campaign_rate=0, growth=0), days=90)
    growing = simulated(Product(users=800, visit_rate=1e-9, campaign_rate=0, growth=0.5), days=90)
    assert set(steady) < set(growing)
    more = [a / b for a, b in zip(arrived(growing), arrived(steady), strict=True)]
    # The mean of 1.5 to the month over the first, second and third one.
    assert more == [pytest.approx(factor, rel=0.15) for factor in (1.23, 1.85, 2.77)]


def test_a_product_that_shrinks_has_fewer_newcomers_each_month() -> None:
    steady = simulated(Product(users=800, visit_rate=1e-9, campaign_rate=0, growth=0), days=90)
    shrinking = simulated(Product(users=800, visit_rate=1e-9, campaign_rate=0, growth=-0.4), days=90)
    assert set(shrinking) < set(steady)
    left = [a / b for a, b in zip(arrived(shrinking), arrived(steady), strict=True)]
    assert left == [pytest.approx(factor, rel=0.15) for factor in (0.78, 0.47, 0.28)]


def arrived(records: list[Record]) -> list[int]:
    """First-time visitors in each of three months."""
    first: dict[bytes, int] = {}
    for time_ms, key, _ in records:
        if key.startswith(b"anonymous:"):
            first.setdefault(key, time_ms)
    months = Counter((time_ms - START_MS) // (30 * DAY_MS) for time_ms in first.values())
    return [months[month] for month in range(3)]


def test_robots_view_their_share_of_pages_at_any_hour_and_move_nobody() -> None:
    people = simulated(Product(users=500), days=30)
    mixed = simulated(Product(users=500, bots=0.2), days=30)
    views = seen(sorted(set(mixed) - set(people)))
    assert set(people) < set(mixed)
    assert len(views) / len(mixed) == pytest.approx(0.2, rel=0.15)
    assert {event.name for event in views} == {"Page Viewed"}
    assert {"HeadlessChrome" in event.whole["context"]["userAgent"] for event in views} == {True}
    assert len({event.person for event in views}) == 2
    nights = sum(event.time_ms % DAY_MS < 8 * HOUR_MS for event in views)
    assert nights / len(views) == pytest.approx(1 / 3, rel=0.2)


def test_some_consultations_end_in_anger(events: list[Seen]) -> None:
    started = [event for event in events if event.name == "Consultation Started"]
    rated = [event for event in events if event.name == "Consultation Rated"]
    consultations = {event.whole["properties"]["consultation_id"]: event for event in started}
    assert len(consultations) == len(started) > 50
    for event in rated:
        before = consultations[event.whole["properties"]["consultation_id"]]
        assert 0 < event.time_ms - before.time_ms < GAP_MS
    stars = Counter(event.whole["properties"]["stars"] for event in rated)
    assert set(stars) == {1, 2, 3, 4, 5}
    assert 0.1 < stars[1] / len(started) < 0.3


def test_messages_leave_almost_all_other_visits_as_they_were() -> None:
    quiet = simulated(Product(users=200, campaign_rate=0), days=20)
    pushy = set(simulated(Product(users=200, campaign_rate=0.05), days=20))
    assert len(pushy) > 1.04 * len(quiet)
    assert sum(record in pushy for record in quiet) > 0.9 * len(quiet)


def test_records_come_in_time_order_and_in_the_period(quarter: list[Record]) -> None:
    times = [record[0] for record in quarter]
    assert times == sorted(times)
    assert times[0] >= START_MS
    assert times[-1] < START_MS + 100 * DAY_MS


def test_every_record_is_an_event_of_its_time_and_key(quarter: list[Record], events: list[Seen]) -> None:
    for (time_ms, key, _), event in zip(quarter, events, strict=True):
        assert (event.time_ms, event.person.encode()) == (time_ms, key)


def test_message_ids_are_unique_and_uuid_shaped(events: list[Seen]) -> None:
    ids = {event.whole["messageId"] for event in events}
    assert len(ids) == len(events)
    assert {tuple(map(len, text.split("-"))) for text in ids} == {(8, 4, 4, 4, 12)}


def test_events_are_received_within_a_second(events: list[Seen]) -> None:
    assert all(event.received_ms and 0 < event.received_ms - event.time_ms < 1_000 for event in events)


def test_events_are_as_large_as_real_ones(quarter: list[Record]) -> None:
    assert 550 < sum(len(value or b"") for _, _, value in quarter) / len(quarter) < 750


def test_the_context_is_a_browsers_an_apps_or_a_servers(events: list[Seen]) -> None:
    libraries = Counter(event.whole["context"]["library"]["name"] for event in events)
    assert set(libraries) == {"analytics.js", "analytics-swift", "analytics-kotlin", "analytics-python"}
    networks = {event.whole["context"]["ip"].rpartition(".")[0] for event in events}
    assert networks == {"192.0.2", "198.51.100", "203.0.113"}
    for event in events:
        context = event.whole["context"]
        if event.name == "Page Viewed":
            assert context["page"]["path"] == event.whole["properties"]["path"]
            assert context["userAgent"].startswith("Mozilla/5.0 (")
            assert context["channel"]


def test_hours_and_weekdays_have_a_rhythm() -> None:
    hours = [0] * (28 * 24)
    for time_ms, _, _ in simulated(Product(users=1_000), days=28):
        hours[(time_ms - START_MS) // HOUR_MS] += 1
    mean = sum(hours) / len(hours)
    variance = sum((count - mean) ** 2 for count in hours)

    def autocorrelation(lag: int) -> float:
        return sum((a - mean) * (b - mean) for a, b in zip(hours, hours[lag:], strict=False)) / variance

    assert autocorrelation(24) > 0.5
    assert autocorrelation(168) > 0.5
    assert autocorrelation(12) < 0


def test_there_are_all_kinds_of_events(events: list[Seen]) -> None:
    assert {event.name for event in events} == {
        "Page Viewed",
        "Screen Viewed",
        "Identified",
        "Product Viewed",
        "Products Searched",
        "Product Added",
        "Product Shared",
        "Checkout Started",
        "Order Completed",
        "Consultation Started",
        "Consultation Rated",
        "Signed Up",
        "Account Deleted",
        "Email Delivered",
    }


def test_an_order_is_worth_what_is_in_it(events: list[Seen]) -> None:
    orders = [event.whole["properties"] for event in events if event.name == "Order Completed"]
    for order in orders:
        assert order["revenue"] == pytest.approx(sum(item["price"] for item in order["products"]))
        assert order["total"] == pytest.approx(order["revenue"] + order["shipping"])
    assert len({order["order_id"] for order in orders}) == len(orders) > 50


def test_signing_up_joins_both_ids(events: list[Seen]) -> None:
    signed_up = [event for event in events if event.name == "Signed Up"]
    assert len(signed_up) > 50
    before = {event.person for event in events}
    for event in signed_up:
        assert event.whole["userId"] == event.person
        assert f"anonymous:{event.whole['anonymousId']}" in before
    created = {
        event.person: event.whole["traits"].get("createdAt") for event in events if event.name == "Identified"
    }
    assert sum(created[event.person] is not None for event in signed_up) > 0.8 * len(signed_up)


def test_old_users_say_when_they_registered(events: list[Seen]) -> None:
    created = [event.whole["traits"].get("createdAt") for event in events if event.name == "Identified"]
    assert sum(1 for text in created if text and text < "2026") > 100
    assert any(text is None for text in created)
    first = {event.person: event.name for event in reversed(events) if event.name != "Email Delivered"}
    assert all(name == "Identified" for person, name in first.items() if person.startswith("usr_"))


def test_newcomers_come_through_every_channel(events: list[Seen]) -> None:
    first = {
        event.person: event.whole["context"]["channel"]
        for event in reversed(events)
        if event.person.startswith("anonymous:")
    }
    channels = Counter(first.values())
    assert set(channels) >= {"direct", "organic", "social", "paid", "referral"}
    assert 100 * 300 * 0.03 * 0.8 < len(first) < 100 * 300 * 0.03 * 1.5


def test_most_newcomers_stay_anonymous_and_many_bounce(events: list[Seen]) -> None:
    people = of_person(events)
    visitors = [person for person in people if person.startswith("anonymous:")]
    assert 0.25 < sum(len(people[person]) == 1 for person in visitors) / len(visitors) < 0.7
    assert sum(event.name == "Signed Up" for event in events) < 0.3 * len(visitors)


def test_nobody_is_anonymous_where_all_sign_up_and_the_other_way_round() -> None:
    def signed_up(share: float) -> int:
        records = simulated(Product(users=100, anonymous=share), days=20)
        return sum(event.name == "Signed Up" for event in seen(records))

    assert signed_up(1.0) == 0
    assert signed_up(0.0) > 2 * signed_up(0.7) > 0


def test_some_lapse_and_some_come_back(events: list[Seen]) -> None:
    people = {
        person: [event.time_ms for event in visits if event.name != "Email Delivered"]
        for person, visits in of_person(events).items()
        if person.startswith("usr_")
    }
    end_ms = START_MS + 100 * DAY_MS
    lapsed = [times for times in people.values() if times and end_ms - times[-1] > 30 * DAY_MS]
    back = [times for times in people.values() if any(b - a > 30 * DAY_MS for a, b in pairwise(times))]
    assert 0.1 < len(lapsed) / len(people) < 0.7
    assert 0.05 < len(back) / len(people) < 0.5


def test_messages_bring_visits_of_which_most_bounce(events: list[Seen]) -> None:
    visits: list[list[Seen]] = []
    for own in of_person([event for event in events if event.name != "Email Delivered"]).values():
        visits.append(own[:1])
        for before, event in pairwise(own):
            if event.time_ms - before.time_ms > GAP_MS:
                visits.append([])
            visits[-1].append(event)
    mediums = Counter(visit[0].whole["context"].get("campaign", {}).get("medium") for visit in visits)
    assert set(mediums) == {None, "push", "email", "social", "cpc"}
    invited = [
        visit
        for visit in visits
        if visit[0].whole["context"].get("campaign", {}).get("medium") in ("push", "email")
    ]
    bounces = [visit for visit in invited if sum(event.name != "Identified" for event in visit) == 1]
    assert 0.45 < len(bounces) / len(invited) < 0.8
    assert 0.05 < len(invited) / len(visits) < 0.3


def test_a_deleted_account_is_silent_for_days() -> None:
    product = Product(users=300, deletion=0.05)
    deleted, new_lives = 0, 0
    for own in of_person(seen(simulated(product, days=60))).values():
        for event, after in zip(own, [*own[1:], None], strict=True):
            if event.name == "Account Deleted":
                deleted += 1
                if after is not None:
                    new_lives += 1
                    assert after.time_ms - event.time_ms > 2 * DAY_MS
    assert deleted > 50
    assert 0 < new_lives < 0.3 * deleted


def test_a_product_does_not_run_dry(quarter: list[Record]) -> None:
    weeks = Counter((record[0] - START_MS) // (7 * DAY_MS) for record in quarter)
    assert all(0.6 * weeks[0] < weeks[week] < 2.5 * weeks[0] for week in range(1, 14))
