"""Windows of random logs, partition by partition: as the naive oracle has them, restarts or not."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest

from stream.core.definition import DAY, HOUR, MINUTE, SECOND, Condition, Definition, Engagement, Promotion
from tests import reference
from tests.core import adapter
from tests.core.checks import FEW, for_many
from tests.core.engagement.window_rows import Rows, closed_in_order, comparable, expected, merged
from tests.core.strategies import Case, Shape
from tests.reference import LogRecord
from tests.reference.records import Dead, read

ON_TIME = Shape(deletions=True, ignored=False)
ANYTHING = Shape(late=True, joins=True, deletions=True, garbage=True)


def with_windows(case: Case, dimensions: tuple[str, ...] | None = None, *, late: bool = True) -> Case:
    """The case with small windows, all of them over at its end."""
    random = Random(case.definition.hash())
    size = random.choice([10 * MINUTE, HOUR, HOUR, DAY, 7 * HOUR + SECOND])
    coupon = Promotion(name="coupon", where=(Condition("properties.kind", "=", "gift"),))
    first_days = Promotion(name="days", start_ms=size, end_ms=1_704_067_200_000 + 2 * DAY)
    lateness = random.choice([0, 30 * SECOND, 10 * MINUTE, 5 * HOUR])
    if not late:
        lateness = case.definition.allowed_lateness_ms
    engagement = Engagement(
        window_ms=size,
        lateness_ms=lateness,
        dimensions=dimensions
        or random.choice(
            [("channel", "campaign", "tier"), ("tier",), ("properties.stars", "properties.deep.er")]
        ),
        promotions=random.choice([(), (), (coupon,), (coupon, first_days)]),
    )
    times = [event.time for event in map(event_of, case.log) if event is not None]
    end = max(times, default=0) + size + max(lateness, case.definition.allowed_lateness_ms)
    definition = msgspec.structs.replace(case.definition, engagement=engagement)
    return replace(case, definition=definition, until_ms=end)


def event_of(record: LogRecord) -> Any:
    """The oracle's reading of a record, None for what is no event."""
    try:
        return read(Definition(), record.value)
    except Dead:
        return None


def counted(case: Case, partitions: int = 1, restarts: Random | None = None) -> tuple[Rows, list[bytes]]:
    """The rows of all partitions, and what they sent."""
    _, parts = adapter.partials(case.definition, case.log, case.until_ms, partitions, restarts=restarts)
    return merged(parts), parts


def difference(left: Rows, right: Rows) -> dict[Any, Any]:
    """What differs, by window and series."""
    return {
        key: (left.get(key), right.get(key))
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    }


@pytest.mark.parametrize("shape", [ON_TIME, ANYTHING], ids=["on time", "anything"])
@pytest.mark.parametrize("partitions", [1, 3])
def test_rows_are_those_of_the_oracle(shape: Shape, partitions: int) -> None:
    @for_many(shape, generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        case = with_windows(case)
        oracle = reference.run(case.definition, case.log, case.until_ms, partitions, engagement=True)
        rows, parts = counted(case, partitions)
        assert difference(expected(case.definition, oracle), comparable(rows, case.definition)) == {}
        assert closed_in_order(parts)

    agree()


@for_many(replace(ON_TIME, joins=True), generated=6, seeds=FEW)
def test_one_two_and_eight_partitions_add_up_to_the_same(case: Case) -> None:
    case = with_windows(case, late=False)
    # who is joined lives on one partition or is not joined: no log has both
    log = [each for each in case.log if b'"alias"' not in (each.value or b"")]
    case = replace(case, log=[each for each in log if b'"identify"' not in (each.value or b"")])
    rows, _ = counted(case)
    for partitions in (2, 8):
        assert difference(rows, counted(case, partitions)[0]) == {}


@for_many(replace(ON_TIME, deletions=False, forgetting=False))
def test_an_order_of_arrival_without_late_events_makes_the_rows_of_time_order(case: Case) -> None:
    """But for tiers: a person's is the one that was known when the event arrived."""
    case = with_windows(case, ("channel", "campaign", "properties.kind"), late=False)
    in_order = replace(case, log=case.in_time_order())
    assert difference(counted(in_order)[0], counted(case)[0]) == {}


@for_many(ANYTHING, generated=6, seeds=FEW)
def test_a_restart_anywhere_changes_nothing(case: Case) -> None:
    case = with_windows(case)
    rows, parts = counted(case, restarts=Random(len(case.log)))
    assert difference(counted(case)[0], rows) == {}
    assert closed_in_order(parts)
