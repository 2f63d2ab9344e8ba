"""What comes due in masses is worked off in slices, and nobody's records show it."""

from __future__ import annotations

import json
from collections import defaultdict
from random import Random
from typing import Any

import pytest

from stream.core.definition import DAY, HOUR, MINUTE, Definition
from stream.core.partition import Partition
from tests.core import adapter
from tests.core.checks import SEEDS, for_many
from tests.core.strategies import Case, Shape
from tests.core.ways import WAYS, DictStore

CROWD = 1_000
SLICE = 20
# who is begun is finished, and one person may have a visit to close and several midnights
MOST_A_CALL = 6 * SLICE


def events(persons: int, **fields: Any) -> list[bytes]:
    return [
        json.dumps(
            {"messageId": "m", "type": "track", "userId": f"u{number}", "timestamp": 0, **fields}
        ).encode()
        for number in range(persons)
    ]


def process(partition: Partition, values: list[bytes]) -> None:
    partition.process(values, keys=None, offsets=range(len(values)), arrived_ms=[10**12] * len(values))


def done(partition: Partition) -> int:
    return partition.counts.visits + partition.counts.transitions.total()


def crowd(store: DictStore | None, *, engaged: bool) -> Partition:
    """A partition with many persons who all do the same at the same time."""
    partition = Partition(Definition(), most_due=SLICE, store=store, hot_limit=50)
    process(partition, events(CROWD, event="Order Completed" if engaged else "Browsed"))
    commit(partition, store)
    return partition


def commit(partition: Partition, store: DictStore | None) -> None:
    changes = [*partition.take_changes(), *partition.take_local()]
    if store is not None:
        store.write(changes)
    partition.written()


@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "with a store"])
@pytest.mark.parametrize(
    ("until", "engaged", "expected"),
    [
        pytest.param(HOUR, False, CROWD, id="visits that close at once"),
        pytest.param(30 * DAY, True, 3 * CROWD, id="a midnight with everybody due"),
        pytest.param(400 * DAY, True, 5 * CROWD, id="a jump over a year"),
    ],
)
def test_no_call_does_more_than_a_slice(stored: bool, until: int, engaged: bool, expected: int) -> None:
    partition = crowd(DictStore() if stored else None, engaged=engaged)
    before = done(partition)
    partition.advance(until)
    assert partition.watermark == until
    assert done(partition) - before <= MOST_A_CALL
    calls, more = 0, True
    while more:
        already = done(partition)
        more = partition.work()
        assert done(partition) - already <= MOST_A_CALL
        calls += 1
    assert done(partition) - before == expected
    assert calls >= expected // MOST_A_CALL
    assert not partition.work()


@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "with a store"])
def test_events_go_on_while_others_are_due(stored: bool) -> None:
    store = DictStore() if stored else None
    partition = crowd(store, engaged=True)
    partition.advance(30 * DAY)
    assert partition.work()
    partition.take_outputs()
    back = [f"u{number}" for number in (0, CROWD // 2, CROWD - 1)]
    for number, person in enumerate(back):
        later = {"messageId": f"b{number}", "userId": person, "timestamp": 30 * DAY + MINUTE}
        process(partition, events(1, event="Browsed", **later))
    found = defaultdict(list)
    for output in partition.take_outputs():
        found[json.loads(output.value)["person"]].append(output.topic)
    # each was brought up to the watermark by the event, unless they had been reached already
    assert partition.work()
    assert [explained.state for person in back if (explained := partition.explain(person))] == ["silent"] * 3
    assert any(found[person] == ["visits", "transitions", "transitions"] for person in back)


@for_many(Shape(late=True, joins=True, deletions=True, garbage=True), generated=8, seeds=SEEDS // 3)
def test_everybody_has_the_same_records_in_the_same_order_in_each_way(case: Case) -> None:
    expected = by_person(
        adapter.run(case.definition, case.log, case.until_ms, way=WAYS["at once, in memory"])
    )
    for name, way in WAYS.items():
        found = by_person(adapter.run(case.definition, case.log, case.until_ms, way=way))
        assert (name, found) == (name, expected)


@for_many(Shape(late=True, joins=True, deletions=True), generated=8, seeds=SEEDS // 3)
def test_everybody_has_the_same_records_in_the_same_order_after_crashes(case: Case) -> None:
    expected = by_person(
        adapter.run(case.definition, case.log, case.until_ms, way=WAYS["at once, in memory"])
    )
    for name, way in WAYS.items():
        crashes = Random(len(case.log))
        found = by_person(adapter.run(case.definition, case.log, case.until_ms, way=way, restarts=crashes))
        assert (name, found) == (name, expected)


def by_person(result: adapter.Result) -> dict[str, list[dict[str, Any]]]:
    """A person's visits in the order in which they were published, then the transitions likewise."""
    records = defaultdict(list)
    for each in [*result.visits, *result.transitions]:
        records[each["person"]].append(each)
    return records


def test_what_was_put_off_is_still_due_after_a_restart() -> None:
    first, changelog = Partition(Definition(), most_due=SLICE), DictStore()
    process(first, events(CROWD, event="Order Completed"))
    begun = done(first)
    changelog.write(first.take_changes())
    first.advance(30 * DAY)
    first.work()
    changelog.write(first.take_changes())
    before = done(first) - begun
    again = Partition(Definition(), most_due=SLICE)
    for key, value in changelog.content.items():
        again.restore(key, value)
    again.restored()
    while again.work():
        pass
    assert 0 < before < 3 * CROWD
    assert before + done(again) == 3 * CROWD


def test_a_state_restored_without_slices_is_brought_up_to_its_watermark() -> None:
    first = Partition(Definition(), most_due=SLICE)
    process(first, events(CROWD, event="Order Completed"))
    first.advance(30 * DAY)
    reader = Partition(Definition())
    for key, value in first.take_changes():
        reader.restore(key, value)
    reader.restored()
    states = {explained.state for number in range(CROWD) if (explained := reader.explain(f"u{number}"))}
    assert states == {"silent"}


def test_people_and_explanations_are_as_of_the_watermark() -> None:
    partition = crowd(None, engaged=True)
    partition.advance(30 * DAY)
    explained = partition.explain(f"u{CROWD - 1}")
    assert explained is not None
    assert explained.state == "silent"
    assert {person.state for person in partition.people()} == {"silent"}


@pytest.mark.parametrize("most_due", [None, 1])
def test_a_deletion_spares_an_id_whose_redirect_has_ended_though_that_was_put_off(
    most_due: int | None,
) -> None:
    partition = Partition(Definition(), most_due=most_due)
    joined = events(1, type="identify", userId="u", anonymousId="a", messageId="joined")
    process(partition, joined + events(30, event="Browsed"))
    later = 180 * DAY + HOUR
    partition.advance(later)
    deletion = events(1, event="Account Deleted", userId="u", timestamp=later + 2)
    back = events(1, event="Browsed", userId=None, anonymousId="a", timestamp=later + 1)
    process(partition, deletion + back)
    partition.advance(later + DAY)
    while partition.work():
        pass
    visits = [json.loads(output.value) for output in partition.take_outputs() if output.topic == "visits"]
    assert [visit["start"] for visit in visits if visit["person"] == "anonymous:a"] == [
        "1970-06-30T01:00:00.001Z"
    ]
