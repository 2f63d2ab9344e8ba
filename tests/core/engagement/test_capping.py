"""Which values of a dimension have a series of their own on a day."""

from __future__ import annotations

from typing import Any

from stream.core.engagement.merger import Merger
from stream.core.engagement.partials import Sums
from tests.core.engagement.mergers import (
    NoReports,
    NoWatch,
    clock,
    feed,
    minutes,
    restarted,
    settings,
    sums,
    window,
)

DAY = 24 * 60
HALF = 12 * 60  # from noon to midnight


def merger(most: int = 2) -> Merger:
    return Merger(settings(max_values=most), sources=1, watch=NoWatch(), reports=NoReports())


def ordered(count: int, **fields: Any) -> Sums:
    return sums(max(1, count), key_events={"Order": count}, **fields)


def close(one: Merger, minute: int, values: dict[str, Sums]) -> dict[str, int]:
    """Events by channel of the window that begins then."""
    rows = {f"channel:{value}": row for value, row in values.items()}
    found = feed(one, window(minute, {"total": sums(), **rows}), clock(minute + 1))
    return {
        row["series"].removeprefix("channel:"): row["events"]
        for row in found
        if row["series"] != "total" and minutes([row], row["series"]) == [minute]
    }


def test_places_go_to_those_that_come_first_and_the_rest_is_other() -> None:
    one = merger()
    assert close(one, 0, {"a": ordered(1)}) == {"a": 1}
    assert close(one, 1, {"b": ordered(1), "c": ordered(1)}) == {"a": 0, "b": 1, "other": 1}
    assert close(one, 2, {"c": ordered(9), "d": ordered(9)}) == {"a": 0, "b": 0, "other": 18}


def test_within_a_window_places_go_by_volume_then_by_name() -> None:
    assert close(merger(), 0, {"a": ordered(1), "c": ordered(3), "b": ordered(1)}) == {
        "a": 1,
        "c": 3,
        "other": 1,
    }


def test_the_next_day_keeps_the_largest_of_the_day_before() -> None:
    one = merger()
    close(one, 0, {"a": ordered(1), "b": ordered(2)})
    close(one, 1, {"c": ordered(4), "d": ordered(1)})
    assert close(one, HALF - 1, {"c": ordered(1)}) == {"a": 0, "b": 0, "other": 1}
    assert close(one, HALF, dict.fromkeys("abcd", ordered(1))) == {"b": 1, "c": 1, "other": 2}


def test_ties_over_a_day_go_by_name() -> None:
    one = merger()
    close(one, 0, {"c": ordered(1), "b": ordered(1)})
    close(one, 1, {"a": ordered(1)})
    assert set(close(one, HALF, dict.fromkeys("abc", ordered(1)))) == {"a", "b", "other"}


def test_the_day_before_is_the_last_on_which_anything_happened() -> None:
    one = merger()
    close(one, 0, {"a": ordered(1), "b": ordered(2)})
    close(one, 1, {"c": ordered(4)})
    feed(one, clock(3 * DAY))
    assert set(close(one, 3 * DAY, dict.fromkeys("abc", ordered(1)))) == {"b", "c", "other"}


def test_a_value_without_a_place_any_more_is_not_published_as_empty() -> None:
    one = merger()
    close(one, 0, {"a": ordered(1), "b": ordered(2)})
    close(one, 1, {"c": ordered(4)})
    found = close(one, HALF, {"b": ordered(1)})
    assert found == {"b": 1, "other": 0}


def test_sums_under_other() -> None:
    one = merger(most=1)
    rows = {
        "channel:a": Sums(9, 9, 9, 9, 9, {"Order": 9}),
        "channel:b": Sums(2, 1, 2, 1, 1, {"Order": 1}, {"Share": 2}, 1),
        "channel:c": Sums(3, 1, 2, 1, 2, {"Share": 4}, {"Share": 4}, 1),
    }
    (other,) = (row for row in feed(one, window(0, rows), clock(1)) if row["series"] == "channel:other")
    assert (other["people"], other["engaged"], other["index"]) == (4, 3, 0.75)
    assert other["key_events"] == {"Order": 1, "Share": 4}
    assert (other["volume"], other["promoted"], other["promoted_people"]) == (7, 3, 2)


def test_a_value_named_other_goes_under_other_and_takes_no_place() -> None:
    one = merger(most=1)
    assert close(one, 0, {"other": ordered(9), "a": ordered(1), "b": ordered(1)}) == {"a": 1, "other": 10}


def test_each_dimension_has_its_own_places_and_key_events_need_none() -> None:
    one = merger(most=1)
    rows = dict.fromkeys(["channel:a", "tier:low", "key:Order", "key:Share", "total"], sums())
    found = feed(one, window(0, rows), clock(1))
    assert {row["series"] for row in found} == set(rows)


def test_of_very_many_values_those_with_the_least_volume_are_forgotten() -> None:
    one = merger(most=1)
    for minute in range(3):
        close(one, minute, {f"v{minute}-{number:05d}": ordered(0) for number in range(5_000)})
        if minute == 0:
            close(one, minute, {"big": ordered(9)})
    close(one, 3, {"big": ordered(1)})
    kept = list(one.keys())
    assert sum(key.startswith(b"cap/channel:") for key in kept) <= 10_000
    assert set(close(one, HALF, {"big": ordered(1), "v0-00001": ordered(1)})) == {"big", "other"}


def test_places_survive_a_restart() -> None:
    one = merger()
    close(one, 0, {"a": ordered(1), "b": ordered(2)})
    close(one, 1, {"c": ordered(4)})
    other = restarted(one, merger)
    assert close(one, 2, {"c": ordered(1)}) == close(other, 2, {"c": ordered(1)})
    assert close(one, HALF, {"a": ordered(1)}) == close(other, HALF, {"a": ordered(1)})
