"""Routers and partitions of a re-keyed stream make the records that one partition makes of the same log."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from stream.core.definition import DAY, Definition
from stream.core.movable import MovablePartition
from stream.core.moving import pack
from stream.core.partitioner import partition_for
from tests.core import adapter, rekeying
from tests.core.checks import for_many
from tests.core.strategies import Case, Shape
from tests.core.test_against_reference import difference
from tests.reference import LogRecord, Result
from tests.reference.logs import alias, page, track

SHAPES = {
    "plain": Shape(),
    "late": Shape(late=True, garbage=True),
    "joins": Shape(joins=True),
    "late joins": Shape(joins=True, late=True),
    "joins and deletions": Shape(joins=True, deletions=True),
    "everything": Shape(late=True, joins=True, deletions=True, garbage=True),
}
ALONE = Shape(late=True, deletions=True)


@pytest.mark.parametrize("most_due", [None, 2], ids=["at once", "in slices"])
@pytest.mark.parametrize("partitions", [1, 2, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_one_input_partition(name: str, partitions: int, most_due: int | None) -> None:
    @for_many(SHAPES[name], generated=5)
    def agree(case: Case) -> None:
        definition = case.definition
        if partitions > 2:
            # Here whole weeks can pass while an id is on its way, so that its redirect ends before it begins.
            definition = replace(definition, hibernate_days=10_000)
        expected = adapter.run(definition, case.log, case.until_ms)
        found = rekeying.run(
            definition,
            [case.log],
            case.until_ms,
            partitions=partitions,
            random=Random(len(case.log)),
            most_due=most_due,
        )
        assert difference(expected, found) == {}

    agree()


@pytest.mark.parametrize("name", ["joins", "everything"])
def test_at_least_once_what_is_written_twice_is_applied_once(name: str) -> None:
    @for_many(SHAPES[name], generated=5)
    def agree(case: Case) -> None:
        expected = adapter.run(case.definition, case.log, case.until_ms)
        random = Random(len(case.log))
        found = rekeying.run(
            case.definition, [case.log], case.until_ms, partitions=2, random=random, repeats=True
        )
        visits = {visit["visit_id"]: visit for visit in found.visits}
        transitions = {each["transition_id"]: each for each in found.transitions}
        once = found._replace(visits=list(visits.values()), transitions=list(transitions.values()))
        assert difference(expected, once) == {}

    agree()


def part(log: list[LogRecord], count: int) -> list[list[LogRecord]]:
    """Each person's records in one input partition, in order; what has no person in the first."""
    parts: list[list[LogRecord]] = [[] for _ in range(count)]
    for record in log:
        body: dict[str, Any] = json.loads(record.value or b"{}")
        person = str(body.get("userId") or body.get("anonymousId"))
        parts[sum(person.encode()) % count].append(record)
    return parts


@pytest.mark.parametrize("partitions", [1, 4])
def test_several_input_partitions_judge_each_by_its_own_watermark(partitions: int) -> None:
    @for_many(ALONE, generated=5)
    def agree(case: Case) -> None:
        parts = part(case.log, 3)
        alone = [adapter.run(case.definition, each, case.until_ms) for each in parts]
        end = case.until_ms
        if end is None:
            return
        expected = Result(
            visits=[each for result in alone for each in result.visits],
            transitions=[each for result in alone for each in result.transitions],
            people=[each for result in alone for each in result.people],
            destinations=[each for result in alone for each in result.destinations],
        )
        found = rekeying.run(case.definition, parts, end, partitions=partitions, random=Random(len(case.log)))
        assert difference(expected, found) == {}

    agree()


def test_persons_spread_over_input_partitions_lose_and_double_nothing() -> None:
    @for_many(Shape(joins=True, deletions=False, duplicates=True, forgetting=False), generated=5)
    def complete(case: Case) -> None:
        random = Random(len(case.log))
        parts: list[list[LogRecord]] = [[], [], []]
        for record in case.log:
            random.choice(parts).append(record)
        found = rekeying.run(case.definition, parts, 4 * 10**12, partitions=3, random=random)
        counted = Counter(found.destinations)
        ids = {(json.loads(record.value or b"")["messageId"]) for record in case.log}
        assert counted.total() == len(case.log)
        assert counted["applied"] <= len(ids)
        assert sum(visit["events"] for visit in found.visits) == counted["applied"]
        assert len({visit["visit_id"] for visit in found.visits}) == len(found.visits)
        numbers = Counter(each["transition_id"] for each in found.transitions)
        assert set(numbers.values()) <= {1}

    complete()


def on_partition(wanted: int, partitions: int, stem: str) -> str:
    """A name that begins with `stem`, of a person who lives there."""
    return next(
        f"{stem}{n}"
        for n in range(1000)
        if partition_for(f"{'anonymous:' if stem == 'a' else ''}{stem}{n}".encode(), partitions) == wanted
    )


@pytest.mark.parametrize("seed", range(10))
def test_an_alias_of_a_user_on_a_third_partition_joins_nobody(seed: int) -> None:
    ada, bob = on_partition(0, 3, "u"), on_partition(1, 3, "v")
    log = [page(0, userId=ada), page(1, userId=bob), alias(2, bob, ada), page(3, userId=ada)]
    expected = adapter.run(Definition(), log, 10**8)
    found = rekeying.run(Definition(), [log], 10**8, partitions=3, random=Random(seed))
    assert difference(expected, found) == {}
    assert {person["person"] for person in found.people} == {ada, bob}


@pytest.mark.parametrize("seed", range(10))
def test_a_shared_computer_stays_with_the_first_user(seed: int) -> None:
    device = on_partition(0, 3, "a")
    ada, bob = on_partition(1, 3, "u"), on_partition(2, 3, "v")
    log = [
        track(0, "Browsed", userId=None, anonymousId=device),
        alias(1, ada, device),
        alias(2, bob, device),
        track(3, "Order Completed", userId=None, anonymousId=device),
    ]
    expected = adapter.run(Definition(), log, 10**8)
    found = rekeying.run(Definition(), [log], 10**8, partitions=3, random=Random(seed))
    assert difference(expected, found) == {}
    assert [visit["person"] for visit in found.visits if visit["engaged"]] == [ada]


def test_no_join_of_two_partitions_is_unjoined() -> None:
    device, ada = on_partition(0, 2, "a"), on_partition(1, 2, "u")
    log = [track(0, "Browsed", userId=None, anonymousId=device), alias(1, ada, device)]
    keyed = [adapter.run(Definition(), log, 10**8, partitions=2).visits]
    rekeyed = rekeying.run(Definition(), [log], 10**8, partitions=2, random=Random(1)).visits
    assert sorted(visit["person"] for visit in keyed[0]) == [f"anonymous:{device}", ada]
    assert [(visit["person"], visit["events"]) for visit in rekeyed] == [(ada, 2)]


def test_an_id_moves_with_its_numbers_translated() -> None:
    there, here = MovablePartition(Definition()), MovablePartition(Definition())
    visits = [track(n, name, userId=None, anonymousId="a") for n, name in enumerate(["Order Completed", "x"])]
    # Another order of the first occurrence, so other numbers.
    here.process([page(0, userId="u").value], keys=None, offsets=[0], arrived_ms=None)
    here.process([track(1, "Product Added", userId="u").value], keys=None, offsets=[1], arrived_ms=None)
    there.process([each.value for each in visits], keys=None, offsets=[0, 1], arrived_ms=None)
    before = there.explain("anonymous:a")
    given = there.give_away("anonymous:a", 1, until=10**6)
    assert there.explain("anonymous:a") is None
    here.take_in("anonymous:a", pack(*given, there.vocabulary))
    after = here.explain("anonymous:a")
    assert before is not None
    assert after is not None
    assert after.open_visits == before.open_visits
    assert after.open_visits[0].key_events == {"Order Completed": 1}


def repeated(record: LogRecord, *, joined_by: LogRecord, random: Random) -> Result:
    """What comes of a record and a join on one input partition, and a repeat of the record on another."""
    parts = [[record, joined_by], [record]]
    if random.random() < 0.5:
        parts = [[joined_by, record], [record]]
    return rekeying.run(Definition(), parts, 2 * 10**10, partitions=2, random=random)


@pytest.mark.parametrize("seed", range(20))
def test_a_repeat_on_another_input_partition_is_known_also_of_a_visit_closed_before_the_join(
    seed: int,
) -> None:
    device, ada = on_partition(0, 2, "a"), on_partition(1, 2, "u")
    begin = 10 * DAY
    seen = track(begin - DAY, "Browsed", userId=None, anonymousId=device)
    found = repeated(seen, joined_by=alias(begin, ada, device), random=Random(seed))
    counted = Counter(found.destinations)
    assert counted.total() == 3
    assert sum(visit["events"] for visit in found.visits) == counted["applied"] <= 2
