"""Windows of a re-keyed stream: the rows are those of the input partition that its events were read from."""

from __future__ import annotations

import itertools
from dataclasses import replace
from random import Random

import pytest

from stream.core.definition import MINUTE, SECOND, Definition
from stream.core.movable import MovablePartition
from stream.core.rekeyed import RekeyedPartition
from stream.core.router import Router
from tests.core import rekeying
from tests.core.checks import FEW, for_many
from tests.core.engagement.test_windows_against_reference import counted, difference, with_windows
from tests.core.engagement.window_rows import closed_in_order, merged
from tests.core.strategies import Case, Shape
from tests.reference.logs import page


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize(
    "shape",
    [Shape(), Shape(late=True, deletions=True, garbage=True), Shape(joins=True)],
    ids=["on time", "late", "joins"],
)
def test_one_input_partition(shape: Shape, partitions: int) -> None:
    @for_many(shape, generated=5, seeds=FEW)
    def agree(case: Case) -> None:
        case = with_windows(case)
        parts = rekeying.partials(
            case.definition,
            [case.log],
            case.until_ms,
            partitions=partitions,
            random=Random(len(case.log)),
        )
        assert difference(counted(case)[0], merged(parts)) == {}
        assert closed_in_order(parts)

    agree()


@for_many(Shape(ignored=False), generated=5, seeds=FEW)
def test_several_input_partitions_that_each_are_on_time(case: Case) -> None:
    case = with_windows(case, ("channel", "properties.kind"), late=False)
    logs = [[each for at, each in enumerate(case.log) if hash_of(each.value) % 3 == n] for n in range(3)]
    random = Random(len(case.log))
    parts = rekeying.partials(case.definition, logs, case.until_ms, partitions=2, random=random)
    assert difference(counted(replace(case, log=case.in_time_order()))[0], merged(parts)) == {}


def hash_of(value: bytes | None) -> int:
    """Which input partition a person's records are in."""
    return sum((value or b"").split(b'"u', 1)[-1][:1])


def test_a_window_is_open_until_the_slowest_input_partition_has_passed_it() -> None:
    definition = Definition(keyed=False)
    routers = [Router(definition, topic="app-events", number=n, partitions=1) for n in range(2)]
    rekeyed = RekeyedPartition(
        definition, number=0, partitions=1, routers=2, partition=MovablePartition(definition)
    )

    offsets = itertools.count()

    def read(number: int, time: int) -> list[bytes]:
        routers[number].process([page(time).value], keys=None, offsets=[next(offsets)], arrived_ms=None)
        envelopes = [value for name, _, value, *_ in routers[number].take_outputs() if name == "rekeyed"]
        rekeyed.process(envelopes, [next(offsets) for _ in envelopes])
        return [value for name, _, value, *_ in rekeyed.take_outputs() if name == "partials"]

    assert merged([*read(0, 0), *read(0, 10 * MINUTE)]) == {}
    assert merged(read(1, 90 * SECOND - 1)) == {}
    assert merged(read(1, 90 * SECOND))[0, "total"].events == 1
    read(0, 1)
    assert rekeyed.partition.counts.late_for_window == 1
