"""The core and the naive oracle agree on random logs, record by record."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from stream.core.definition import DAY, MINUTE, SECOND, Condition, Definition, KeyEvent, Void
from tests import reference
from tests.core import adapter
from tests.core.checks import for_many
from tests.core.strategies import Case, Shape
from tests.reference import Result
from tests.reference.logs import alias, page, track

SHAPES = {
    "plain": Shape(),
    "late": Shape(late=True),
    "garbage": Shape(late=True, garbage=True),
    "joins": Shape(joins=True),
    "late joins": Shape(joins=True, late=True),
    "deletions": Shape(deletions=True),
    "everything": Shape(late=True, joins=True, deletions=True, garbage=True),
    "keys and arrival times": Shape(keys=True, late=True),
    "without receivedAt": Shape(received=False),
}


def difference(expected: Result, found: Result) -> dict[str, Any]:
    """What only one of two results has, by kind; empty where they agree."""
    differing: dict[str, Any] = {}
    for kind, key in (("visits", "visit_id"), ("transitions", "transition_id"), ("people", "person")):
        ours = {each[key]: each for each in getattr(expected, kind)}
        theirs = {each[key]: each for each in getattr(found, kind)}
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                differing[f"{kind} {name}"] = (ours.get(name), theirs.get(name))
        if len(ours) != len(getattr(expected, kind)) or len(theirs) != len(getattr(found, kind)):
            differing[f"{kind}: an id twice"] = (len(ours), len(theirs))
    counted = Counter(expected.destinations), Counter(found.destinations)
    if counted[0] != counted[1]:
        differing["destinations"] = counted
    return differing


@pytest.mark.parametrize("name", SHAPES)
def test_one_partition(name: str) -> None:
    @for_many(SHAPES[name])
    def agree(case: Case) -> None:
        expected = reference.run(case.definition, case.log, case.until_ms)
        assert difference(expected, adapter.run(case.definition, case.log, case.until_ms)) == {}

    agree()


@pytest.mark.parametrize("name", ["plain", "joins", "late joins"])
def test_three_partitions(name: str) -> None:
    @for_many(SHAPES[name], generated=10)
    def agree(case: Case) -> None:
        expected = reference.run(case.definition, case.log, case.until_ms, partitions=3)
        found = adapter.run(case.definition, case.log, case.until_ms, partitions=3)
        assert difference(expected, found) == {}

    agree()


@pytest.mark.parametrize("seed", range(6))
def test_a_visit_of_hundreds_of_events(seed: int) -> None:
    random, time, log = Random(seed), 0, []
    for number in range(400):
        time += random.choice([0, 1, 20 * SECOND, MINUTE, MINUTE] * 20 + [30 * MINUTE, 61 * MINUTE])
        name = random.choice(["Talk", "Rated", *["Browsed"] * 30])
        user = random.choice(["u", "u", "v"])
        delay = random.choice([0, 0, 0, 10 * MINUTE])
        log.append((time + delay, track(time, name, userId=user, messageId=f"{number:03}")))
    in_order_of_arrival = [record for _, record in sorted(log, key=lambda each: each[0])]
    long_visit = KeyEvent("@visit", 1, (Condition("events", ">=", 70),))
    definition = Definition(
        key_events=(KeyEvent("Talk", void=(Void("Rated"),)), KeyEvent("@return"), long_visit)
    )
    expected = reference.run(definition, in_order_of_arrival, 10 * DAY)
    assert max(visit["events"] for visit in expected.visits) > 64
    assert difference(expected, adapter.run(definition, in_order_of_arrival, 10 * DAY)) == {}


PROSPECT: dict[str, Any] = {"userId": None, "anonymousId": "a"}


def test_a_void_under_a_joined_id_is_evaluated() -> None:
    talk = KeyEvent("Talk", void=(Void("Rated"),))
    definition = Definition(key_events=(talk, KeyEvent("@visit", where=(Condition("pages", ">=", 2),))))
    log = [
        page(0),
        page(1),
        alias(2, "u", "a"),
        track(40 * DAY, "Talk"),
        track(40 * DAY + 1, "Rated", **PROSPECT),
    ]
    found = adapter.run(definition, log, None)
    assert difference(reference.run(definition, log, None), found) == {}
    assert [each["reason"] for each in found.transitions][-2:] == ["lapsed", "tier_down"]


def test_a_repeated_deletion_of_a_prospect_spares_the_user_who_joined_since() -> None:
    deletion = track(0, "Account Deleted", **PROSPECT)
    log = [deletion, alias(1, "u", "a"), deletion]
    found = adapter.run(Definition(), log, None)
    assert difference(reference.run(Definition(), log, None), found) == {}
    assert [each["reason"] for each in found.transitions] == ["registered"]
