"""What must hold for every log: no input breaks the core, and order, partitions and restarts do not show."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.core.definition import DAY, Definition
from stream.core.partition import Partition
from tests import reference
from tests.core import adapter
from tests.core.checks import for_many
from tests.core.strategies import JSON, NEARLY_EVENTS, Case, Shape
from tests.core.test_against_reference import difference
from tests.reference import LogRecord, Result

ANYTHING = Shape(late=True, joins=True, deletions=True, garbage=True)
ON_TIME = Shape(deletions=True, ignored=False)
relaxed = partial(settings, deadline=None, suppress_health_check=list(HealthCheck))


def run(case: Case, log: list[LogRecord] | None = None, partitions: int = 1, **options: Any) -> Result:
    return adapter.run(
        case.definition, case.log if log is None else log, case.until_ms, partitions, **options
    )


def states(result: Result) -> list[dict[str, Any]]:
    """The persons' final states: all that does not tell how they came about."""
    return [
        {name: value for name, value in person.items() if name != "transitions"} for person in result.people
    ]


def by_id(visits: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(visits, key=lambda visit: str(visit["visit_id"]))


@for_many(replace(ON_TIME, forgetting=False))  # an early event may forget whom a delayed one would keep
def test_an_order_without_late_events_makes_the_visits_and_states_of_time_order(case: Case) -> None:
    found, expected = run(case), run(case, case.in_time_order())
    assert Counter(found.destinations)["applied"] == len(case.in_time_order())
    assert by_id(found.visits) == by_id(expected.visits)
    assert states(found) == states(expected)


@for_many(ON_TIME)
def test_one_two_and_eight_partitions_make_the_same_records(case: Case) -> None:
    expected = run(case)._replace(destinations=[])
    for partitions in (2, 8):
        assert difference(expected, run(case, partitions=partitions)._replace(destinations=[])) == {}


@for_many(ANYTHING)
def test_repeats_change_nothing(case: Case) -> None:
    random, log = Random(len(case.log)), list(case.log)
    for _ in range(len(log) // 2):
        position = random.randrange(len(log))
        log.insert(random.randint(position + 1, len(log)), log[position])
    expected, found = run(case), run(case, log)
    assert Counter(expected.destinations)["applied"] == Counter(found.destinations)["applied"]
    assert difference(expected._replace(destinations=[]), found._replace(destinations=[])) == {}


@for_many(Shape(late=True, joins=True))
def test_every_applied_event_is_in_exactly_one_visit(case: Case) -> None:
    core = Partition(case.definition, topic="app-events", number=0)
    core.process(
        [record.value for record in case.log], keys=None, offsets=range(len(case.log)), arrived_ms=None
    )
    people = {"u1", "u2", "ü3", "anonymous:a1", "anonymous:a2"}
    explained = {each.person: each for each in map(core.explain, people) if each is not None}
    still_open = sum(visit.events for each in explained.values() for visit in each.open_visits)
    published = [json.loads(output.value) for output in core.take_outputs() if output.topic == "visits"]
    assert sum(visit["events"] for visit in published) + still_open == core.counts.applied
    core.advance((core.newest or 0) + 10 * DAY)
    published += [json.loads(output.value) for output in core.take_outputs() if output.topic == "visits"]
    assert sum(visit["events"] for visit in published) == core.counts.applied
    assert len({visit["visit_id"] for visit in published}) == len(published) == core.counts.visits


@for_many(ANYTHING)
def test_transitions_chain(case: Case) -> None:
    result = run(case)
    chains: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for transition in result.transitions:
        chains[transition["person"]].append(transition)
    for person, chain in chains.items():
        state: str | None = None
        tier, at = "none", ""
        for k, each in enumerate(chain, start=1):
            assert each["transition_id"] == f"{person}#{k}"
            assert each["at"] >= at
            assert each["from"] != each["to"]
            if each["kind"] == "tier":
                assert each["from"] == tier
                tier = each["to"]
            else:
                assert each["from"] == state or (each["from"] == "prospect" and state is None)
                state = each["to"]
                tier = "none" if state == "deleted" else tier
            at = each["at"]
        final = [each for each in result.people if each["person"] == person]
        assert [(each["state"], each["tier"]) for each in final] == [(state, tier)] * (state != "deleted")
    assert len(chains) >= len(result.people)


@for_many(ANYTHING)
def test_a_restart_anywhere_changes_nothing(case: Case) -> None:
    assert difference(run(case), run(case, restarts=Random(len(case.log)))) == {}


@for_many(ANYTHING)
def test_the_cut_into_batches_changes_nothing(case: Case) -> None:
    expected, found = run(case, batches=Random(1)), run(case, batches=Random(2))
    assert difference(expected, found) == {}
    assert [expected.visits, expected.transitions] == [found.visits, found.transitions]


GARBAGE = (
    st.none()
    | st.binary(max_size=60)
    | st.one_of(NEARLY_EVENTS, JSON).map(lambda value: json.dumps(value).encode())
)


@relaxed(max_examples=300)
@given(values=st.lists(GARBAGE, max_size=12))
def test_any_bytes_go_to_exactly_one_destination_each(values: list[bytes | None]) -> None:
    core = Partition(Definition(ignore_events=("Email *",)), topic="app-events", number=0)
    for offset, value in enumerate(values, start=1):
        core.process([value], keys=None, offsets=[offset], arrived_ms=None)
        assert adapter.destinations(core).total() == offset
    core.advance(core.newest or 0)
    outputs = Counter(output.topic for output in core.take_outputs())
    assert outputs["dead-letters"] == core.counts.dead.total()
    assert outputs["late"] == core.counts.late
    assert outputs["visits"] == core.counts.visits
    assert outputs["transitions"] == core.counts.transitions.total()
    list(core.people())
    core.take_changes()


@relaxed(max_examples=500)
@given(value=GARBAGE)
def test_any_record_has_the_destination_and_reason_that_the_oracle_gives_it(value: bytes | None) -> None:
    definition = Definition()
    core = Partition(definition, topic="app-events", number=0)
    core.process([value], keys=None, offsets=[0], arrived_ms=None)
    expected = reference.run(definition, [LogRecord(value)], until_ms=None).destinations
    assert list(adapter.destinations(core).elements()) == expected


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", 0, -1])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Apia", "America/Los_Angeles"])
def test_the_ends_of_the_calendar_break_nothing(time: str | int, zone: str) -> None:
    core = Partition(Definition(timezone=zone), topic="app-events", number=0)
    values = [
        json.dumps(
            {"messageId": "m", "type": kind, "userId": "u", "timestamp": at, "receivedAt": at}
        ).encode()
        for at in (time, "2024-01-01T00:00:00Z", time)
        for kind in ("page", "track")
    ]
    core.process(values, keys=None, offsets=range(len(values)), arrived_ms=None)
    core.advance(core.newest or 0)
    assert adapter.destinations(core).total() == len(values)
