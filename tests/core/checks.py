"""Running one check on many random cases, and making a failing case small."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.core import adapter
from tests.core.strategies import Case, Shape, make_case
from tests.core.ways import Way

# All of them in CI; at a desk fewer, so that `make test` stays below ten minutes.
_ALL = os.environ.get("FOOTFALL_REQUIRE_ALL") == "1"
SEEDS = int(os.environ.get("FOOTFALL_TEST_SEEDS", "60" if _ALL else "20"))
FEW = max(1, SEEDS // 6)
"""For checks in which each case costs much: many windows, many days, an oracle that counts each anew."""


def for_many(
    shape: Shape, *, generated: int = 40, seeds: int = SEEDS
) -> Callable[[Callable[[Case], None]], Callable[[], None]]:
    """Decorate a check of one case: it runs on `seeds` cases and on some of hypothesis' own.

    What fails is made small by leaving out records, which is much faster than hypothesis' way.
    """

    def decorate(check: Callable[[Case], None]) -> Callable[[], None]:
        def fails(case: Case) -> bool:
            try:
                check(case)
            except Exception:
                return True
            return False

        def check_or_explain(case: Case) -> None:
            if fails(case):
                check(smallest(case, fails))

        def test() -> None:
            # the ways share most of what they do: the first goes through all cases, the others through some
            share = 1 if adapter.chosen_way() == Way() else 5
            for seed in range(seeds // share):
                check_or_explain(make_case(Random(f"{check.__name__} {shape} {seed}"), shape))
            strategy = st.randoms(use_true_random=False).map(lambda random: make_case(random, shape))
            quick = settings(
                max_examples=max(1, generated // share // (1 if _ALL else 2)),
                deadline=None,
                derandomize=True,
                phases=[Phase.generate],
            )
            quick(given(case=strategy)(check_or_explain))()

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return decorate


def smallest(case: Case, fails: Callable[[Case], bool]) -> Case:
    """A case that still fails, but does not once any of its records is left out."""
    size = len(case.log)
    while size:
        start = 0
        while start < len(case.log):
            smaller = replace(case, log=case.log[:start] + case.log[start + size :])
            if fails(smaller):
                case = smaller
            else:
                start += size
        size //= 2
    return case
