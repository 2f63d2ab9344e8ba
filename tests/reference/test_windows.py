"""The oracle's windows on cases small enough to be worked out by hand from SPEC 6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stream.core.definition import DAY, MINUTE, Condition, Definition, Engagement, KeyEvent, Promotion, Void
from tests import reference
from tests.reference import LogRecord
from tests.reference.logs import page, track

SHOP: dict[str, Any] = {"context": {"channel": "shop"}}


def windows(
    log: Sequence[LogRecord], until: int, *, key_events: tuple[KeyEvent, ...] | None = None, **settings: Any
) -> dict[tuple[str, int], dict[str, Any]]:
    """Windows by series and minute."""
    definition = Definition(engagement=Engagement(**settings))
    if key_events is not None:
        definition = Definition(engagement=Engagement(**settings), key_events=key_events)
    result = reference.run(definition, log, until, engagement=True)
    return {
        (each["series"], int(each["window_id"].rpartition("@")[2]) // MINUTE): each
        for each in result.engagement
    }


def test_sums_of_one_window() -> None:
    log = [
        page(0, **SHOP),
        track(1, "Product Added"),
        track(2, "Product Added", **SHOP),
        page(3, userId="v", **SHOP),
    ]
    found = windows(log, MINUTE)
    total = found["total", 0]
    assert (total["events"], total["pageviews"], total["people"], total["visits"]) == (4, 2, 2, 2)
    assert (total["engaged"], total["key_events"], total["volume"]) == (1, {"Product Added": 2}, 4)
    assert total["index"] == 0.5
    shop = found["channel:shop", 0]
    assert (shop["events"], shop["people"], shop["visits"], shop["engaged"], shop["volume"]) == (
        3,
        2,
        2,
        1,
        2,
    )
    assert found["channel:(none)", 0]["people"] == 1
    key = found["key:Product Added", 0]
    assert (key["events"], key["people"], key["visits"], key["pageviews"], key["volume"]) == (2, 1, 0, 0, 4)


def test_a_window_is_final_at_its_end_and_not_before() -> None:
    assert windows([page(0)], MINUTE - 1) == {}
    assert ("total", 0) in windows([page(0)], MINUTE)


def test_an_event_as_late_as_its_window_waits_is_in_it_and_one_later_is_not() -> None:
    for newest, events in ((MINUTE + 29_999, 2), (MINUTE + 30_000, 1)):
        log = [page(0), page(newest, userId="v"), page(1)]
        assert windows(log, 5 * MINUTE)["total", 0]["events"] == events


def test_a_tier_is_that_before_the_event() -> None:
    found = windows([track(0, "Order Completed"), track(1, "Order Completed")], MINUTE)
    assert found["tier:none", 0]["volume"] == found["tier:low", 0]["volume"] == 5
    assert found["total", 0]["people"] == 1


def test_an_earlier_event_takes_the_begin_of_a_visit_over() -> None:
    log = [page(MINUTE, **SHOP), page(MINUTE - 1)]
    found = windows(log, 2 * MINUTE)
    assert [found["total", minute]["visits"] for minute in (0, 1)] == [1, 0]
    assert found["channel:shop", 1]["visits"] == 0


def test_a_void_takes_nothing_back_but_what_comes_after_it() -> None:
    talk = (KeyEvent("Talk", void=(Void("Rated"),)),)
    log = [track(0, "Talk"), track(1, "Rated"), track(2, "Talk")]
    assert windows(log, MINUTE, key_events=talk)["total", 0]["key_events"] == {"Talk": 1}
    assert windows(log[::-1], MINUTE, key_events=talk)["total", 0]["key_events"] == {"Talk": 1}


def test_a_promotion_is_counted_apart() -> None:
    sale = Promotion(name="sale", where=(Condition("properties.coupon", "=", "X"),))
    log = [page(0), track(1, "Order Completed", properties={"coupon": "X"}, userId="v")]
    found = windows(log, MINUTE, promotions=(sale,))
    total = found["total", 0]
    assert (total["events"], total["people"], total["volume"], total["index"]) == (1, 1, 0, 0)
    assert (total["promoted"], total["promoted_people"]) == (5, 1)
    assert (found["key:Order Completed", 0]["events"], found["key:Order Completed", 0]["promoted"]) == (0, 5)


def test_empty_windows_of_total_go_on_and_of_another_series_for_a_day() -> None:
    found = windows([page(0)], 2 * DAY)
    minutes = {
        name: sorted(minute for series, minute in found if series == name)
        for name in ("total", "channel:(none)")
    }
    assert minutes["total"] == list(range(2 * 1440))
    assert minutes["channel:(none)"] == list(range(1440))


def test_the_largest_values_of_the_last_day_stand_for_themselves() -> None:
    def seen(day: int, channel: str, orders: int) -> list[LogRecord]:
        context = {"context": {"channel": channel}}
        times = [day * DAY + each for each in range(orders + 1)]
        return [page(times[0], userId=channel, **context)] + [
            track(time, "Order Completed", userId=channel, **context) for time in times[1:]
        ]

    log = [*seen(0, "a", 1), *seen(0, "b", 3), *seen(0, "c", 2), *seen(1, "a", 9), *seen(1, "b", 1)]
    found = windows(log, 2 * DAY, max_values=2)
    assert found["channel:b", 0]["volume"] == 15
    assert found["channel:other", 0]["volume"] == 5
    assert found["channel:other", 1440]["volume"] == 45
    assert found["channel:b", 1440]["volume"] == 5
