"""Daily reports are what the oracle makes of the same log, for persons who are never joined."""

from __future__ import annotations

import msgspec
import pytest

from tests import reference
from tests.core.checks import FEW, for_many
from tests.core.engagement.daily import closed, end_of, reports, rounded
from tests.core.strategies import Case, Shape

SHAPES = {
    "plain": Shape(),
    "late": Shape(late=True, garbage=True),
}


def without_zeros(figures: dict[str, int]) -> dict[str, int]:
    """The oracle counts no prospects, and names no state in which nobody is."""
    return {name: count for name, count in figures.items() if count and name != "prospect"}


@pytest.mark.parametrize("name", SHAPES)
def test_every_day(name: str) -> None:
    @for_many(SHAPES[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        # where a clock goes back over midnight, the oracle has the hour's events on the day that had ended
        if case.definition.timezone == "America/St_Johns":
            return
        case = closed(case)
        log, end = case.log, end_of(case)
        expected = reference.run(case.definition, log, end, engagement=True).daily
        found = [msgspec.to_builtins(daily) for daily in reports(case)]
        assert [each["day"] for each in found] == [each["day"] for each in expected]
        for ours, theirs in zip(found, expected, strict=True):
            for figure, value in theirs.items():
                if figure.startswith("people_by_"):
                    assert without_zeros(ours[figure]) == without_zeros(value)
                else:
                    assert rounded(ours[figure]) == rounded(value), (ours["day"], figure)

    agree()
