"""Occurrences of key events are counted by name as events are applied, and are those of the visits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest

from stream.core.definition import DAY, HOUR, Condition, Definition, KeyEvent, Void
from stream.core.partition import Partition
from tests.core.checks import FEW, for_many
from tests.core.strategies import Case, Shape
from tests.reference import LogRecord
from tests.reference.logs import page, track

SHAPES = {
    "plain": Shape(voids=False),
    "joins": Shape(voids=False, joins=True, late=True, garbage=True),
    "in order": Shape(voids=False, disorder=False),
}


def read(definition: Definition, log: list[LogRecord], until_ms: int) -> tuple[Counter[str], Counter[str]]:
    """Key events as they are counted, and those of all visits, which are closed by then."""
    partition = Partition(definition)
    for record in log:
        arrived = None if record.arrived_ms is None else [record.arrived_ms]
        partition.process([record.value], keys=None, offsets=[0], arrived_ms=arrived)
    partition.advance(until_ms)
    visits = [orjson.loads(each.value) for each in partition.take_outputs() if each.topic == "visits"]
    return partition.counts.key_events, sum(
        (Counter(visit["key_events"]) for visit in visits), Counter[str]()
    )


def counted(*log: LogRecord, key_events: tuple[KeyEvent, ...], **settings: Any) -> Counter[str]:
    return read(Definition(key_events=key_events, **settings), list(log), 10 * DAY)[0]


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_counted_is_what_visits_have(name: str) -> None:
    @for_many(SHAPES[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        found, expected = read(case.definition, case.log, 4 * 10**12)
        if SHAPES[name].disorder:  # then visits are cut anew, and what they themselves make occur with them
            found, expected = (
                Counter({key: count for key, count in each.items() if key[0] != "@"})
                for each in (found, expected)
            )
        assert found == expected

    agree()


def test_the_visits_own_are_counted_at_the_event_that_makes_them_true() -> None:
    wide = KeyEvent("@visit", where=(Condition("pages", ">=", 2),))
    log = [page(0), page(1), page(2), page(HOUR)]
    assert counted(*log, key_events=(wide, KeyEvent("@return"))) == {"@visit": 1, "@return": 1}


def test_an_event_out_of_order_that_makes_one_earlier_adds_none() -> None:
    wide = KeyEvent("@visit", where=(Condition("pages", ">=", 2),))
    assert counted(page(0), page(10), page(5), key_events=(wide,)) == {"@visit": 1}
    assert counted(page(0), page(-5), key_events=(wide,)) == {"@visit": 1}


def test_what_is_voided_later_was_counted_and_what_comes_after_is_not() -> None:
    talk = KeyEvent("Talk", void=(Void("Rated"),))
    assert counted(track(0, "Talk"), track(1, "Rated"), track(2, "Talk"), key_events=(talk,)) == {"Talk": 1}


def test_conditions_and_aliases_hold_and_repeats_and_late_events_do_not_count() -> None:
    order = KeyEvent("Order", where=(Condition("properties.total", ">", 0),))
    first = track(DAY, "paid", properties={"total": 3})
    log = [first, first, track(DAY + 1, "Order"), track(0, "Order", properties={"total": 3})]
    assert counted(*log, key_events=(order,), aliases={"paid": "Order"}) == {"Order": 1}
