"""The benchmark's oracle: where visits are cut, what is late and what is bad. Times are minutes of a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from bench.input import cached
from bench.versus.contest import oracle
from bench.versus.oracle import Expected, Visit, compare, expected
from stream.core.times import format_ms

MINUTE_MS = 60_000
DAY_MS = 1_735_776_000_000
GAP_MS = 30 * MINUTE_MS
LATENESS_MS = 10 * MINUTE_MS
END = 10_000.0
"""Minutes: far behind everything, so that all is closed."""


def event(minute: float, person: str = "ann", *, id: str = "", **members: Any) -> bytes:
    at_ms = DAY_MS + round(minute * MINUTE_MS)
    default = {"type": "page", "messageId": id or f"{person}-{minute}", "timestamp": format_ms(at_ms)}
    members = {"userId": person} | members
    return orjson.dumps({name: value for name, value in (default | members).items() if value is not None})


def track(minute: float, name: str, person: str = "ann") -> bytes:
    return event(minute, person, type="track", event=name)


def read(*values: bytes | None, max_ms: int | None = None, end: float = END) -> Expected:
    """What is in one partition's values, closed by an event of somebody else's."""
    return expected(
        [*((0, value) for value in values), (0, event(end, "closing"))],
        key_events={"Order Completed"},
        gap_ms=GAP_MS,
        lateness_ms=LATENESS_MS,
        max_ms=max_ms,
    )


def spans(found: Expected | Iterable[Visit]) -> list[tuple[float, float, int]]:
    """Start and end in minutes, and the number of events."""
    visits = found.visits if isinstance(found, Expected) else found
    return sorted(
        ((visit.start_ms - DAY_MS) / MINUTE_MS, (visit.end_ms - DAY_MS) / MINUTE_MS, visit.events)
        for visit in visits
    )


def test_a_gap_of_exactly_30_minutes_does_not_cut() -> None:
    assert spans(read(event(0), event(30))) == [(0, 30, 2)]


def test_a_millisecond_more_does() -> None:
    assert spans(read(event(0), event(30 + 1 / MINUTE_MS))) == [(0, 0, 1), (30 + 1 / MINUTE_MS,) * 2 + (1,)]


def test_a_day_after_the_first_event_is_still_the_visit_and_later_is_another() -> None:
    day = 24 * 60
    events = [event(minute) for minute in range(0, day + 1, 30)]
    max_ms = day * MINUTE_MS
    assert spans(read(*events, max_ms=max_ms)) == [(0, day, 49)]
    over = read(*events, event(day + 1), max_ms=max_ms)
    assert spans(over) == [(0, day, 49), (day + 1, day + 1, 1)]


def test_without_a_maximum_a_visit_goes_on_for_days() -> None:
    assert spans(read(*(event(minute) for minute in range(0, 3000, 30)))) == [(0, 2970, 100)]


def test_as_old_as_the_lateness_is_in_time_and_older_is_late() -> None:
    just = read(event(60, "bob"), event(50))
    assert (spans(just), just.late) == ([(50, 50, 1), (60, 60, 1)], 0)
    late = read(event(60, "bob"), event(50 - 1 / MINUTE_MS))
    assert (spans(late), late.late) == ([(60, 60, 1)], 1)


def test_each_partition_has_a_time_of_its_own() -> None:
    records = [(0, event(600, "bob")), (1, event(0)), (1, event(END, "closing")), (0, event(END, "closed"))]
    found = expected(records, key_events=(), gap_ms=GAP_MS, lateness_ms=LATENESS_MS)
    assert spans(found) == [(0, 0, 1), (600, 600, 1)]
    assert found.late == 0


def test_what_is_late_does_not_turn_the_time_back_nor_on() -> None:
    found = read(event(60), event(0), event(55, "bob"))
    assert (spans(found), found.late) == ([(55, 55, 1), (60, 60, 1)], 1)


def test_out_of_order_but_in_time_joins_two_visits() -> None:
    assert spans(read(event(0), event(31), event(25))) == [(0, 31, 3)]


def test_a_visit_is_closed_when_time_less_the_lateness_is_more_than_the_gap_after_it() -> None:
    assert spans(read(event(0), end=40)) == []
    assert spans(read(event(0), end=40 + 1 / MINUTE_MS)) == [(0, 0, 1)]


def test_a_repeat_counts_once() -> None:
    assert spans(read(event(0, id="same"), event(0, id="same"), event(0, id="other"))) == [(0, 0, 2)]


def test_key_events_are_counted_by_name_and_others_not() -> None:
    found = read(track(0, "Order Completed"), track(1, "Order Completed"), track(2, "Product Viewed"))
    (visit,) = found.visits
    assert visit == Visit("ann", DAY_MS, DAY_MS + 2 * MINUTE_MS, 3, (("Order Completed", 2),))


def test_who_has_no_user_id_is_a_person_of_their_own() -> None:
    found = read(event(0, userId=None, anonymousId="ann"), event(0, "ann", anonymousId="ann"))
    assert {visit.person for visit in found.visits} == {"anonymous:ann", "ann"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b'{"type":',
        b"\xff",
        b"[1]",
        event(0, messageId=None),
        event(0, messageId=""),
        event(0, messageId="x" * 201),
        event(0, type=None),
        event(0, type="click"),
        event(0, type="track"),
        event(0, type="track", event=7),
        event(0, timestamp=None),
        event(0, timestamp="yesterday"),
        event(0, timestamp="2025-01-02T10:00:00"),
        event(0, timestamp=True),
        event(0, userId=None),
        event(0, userId=4711),
        event(0, userId="", anonymousId="a"),
        event(0, userId="anonymous:a"),
    ],
)
def test_what_is_no_event_is_bad(value: bytes | None) -> None:
    found = read(value)
    assert (found.bad, found.late, spans(found)) == (1, 0, [])


def test_times_may_have_any_offset_and_may_be_milliseconds() -> None:
    eight = event(0, timestamp="2025-01-02T08:00:00.000+08:00", id="a")
    assert spans(read(eight, event(0, timestamp=DAY_MS, id="b"))) == [(0, 0, 2)]


def visits(*names: str) -> Counter[Visit]:
    return Counter(Visit(name, 0, 0, 1, ()) for name in names)


def test_differences_are_what_is_missing_extra_and_repeated() -> None:
    assert compare(visits("a", "b"), visits("b", "a")).none
    found = compare(visits("a", "b", "c"), visits("b", "b", "b", "d", "d"))
    assert (found.missing, found.extra, found.repeated) == (2, 2, 2)
    assert not found.none
    assert "missing Visit(person='a'" in found.example
    assert "extra Visit(person='d'" in found.example
    assert not compare(visits("a"), visits("a", "a")).none


def test_the_benchmarks_own_input_has_no_visit_that_a_maximum_would_cut(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """So that those who have no such maximum have the same visits as Footfall."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = oracle(40_000, {"seed": 5})
    assert found.late > 300
    assert found.bad > 20
    assert max(visit.end_ms - visit.start_ms for visit in found.visits) < 6 * 3_600_000
    on_time = sum(visit.events for visit in found.visits)
    closing = 8
    assert on_time + found.late + found.bad + closing == sum(
        len(log) for chunk in cached(40_000, seed=5) for log in chunk
    )
