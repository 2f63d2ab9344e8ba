"""Routers and partitions of a re-keyed stream make the records that one partition makes of the same log."""

from __future__ import annotations

from random import Random

import pytest

from tests.core import adapter, rekeying
from tests.core.checks import for_many
from tests.core.strategies import Case, Shape
from tests.core.test_against_reference import difference

SHAPES = {
    "plain": Shape(),
    "late": Shape(late=True, garbage=True),
    "joins": Shape(joins=True),
    "late joins": Shape(joins=True, late=True),
    "joins and deletions": Shape(joins=True, deletions=True),
    "everything": Shape(late=True, joins=True, deletions=True, garbage=True),
}


@pytest.mark.parametrize("partitions", [1, 2, 3, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_one_input_partition(name: str, partitions: int) -> None:
    @for_many(SHAPES[name], generated=10)
    def agree(case: Case) -> None:
        expected = adapter.run(case.definition, case.log, case.until_ms)
        for seed in range(4):
            found = rekeying.run(
                case.definition, [case.log], case.until_ms, partitions=partitions, random=Random(seed)
            )
            assert difference(expected, found) == {}, seed

    agree()
