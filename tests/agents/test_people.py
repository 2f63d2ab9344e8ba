"""The gauges and counters of persons: who is there, by partition, under a bounded number of labels."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from stream.agents.activity import ActivityState
from stream.agents.dead_letters import DeadLetterGuard
from stream.agents.people import show
from stream.core.definition import Definition, KeyEvent
from stream.core.partition import Partition
from stream.core.population import Population
from stream.core.records import Reached
from stream.metrics import Metrics


class Record(NamedTuple):
    """A record of the input, as fetched."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def shown(metrics: Metrics) -> dict[str, float]:
    """Samples by name with labels, as Prometheus reads them."""
    lines = metrics.render().decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.removeprefix("footfall_"): float(value) for name, value in samples}


def test_a_population_is_shown_by_partition_with_its_zeros() -> None:
    metrics = Metrics()
    population = Population(registered=Reached(1, 2, 3), visitors=Reached(0, 0, 4), open_visits=5)
    population.states["silent"], population.tiers["high"] = 6, 7
    show(metrics, "3", population)
    found = shown(metrics)
    assert found['people{partition="3",state="silent"}'] == 6
    assert found['people{partition="3",state="prospect"}'] == 0
    assert found['people_by_tier{partition="3",tier="high"}'] == 7
    assert found['people_by_tier{partition="3",tier="none"}'] == 0
    for kind, expected in (("registered", (1, 2, 3)), ("visitor", (0, 0, 4))):
        names = [f'active_people{{days="{days}",kind="{kind}",partition="3"}}' for days in (1, 7, 30)]
        assert tuple(found[name] for name in names) == expected
    assert found['open_visits{partition="3"}'] == 5
    assert len([name for name in found if name.startswith("people{")]) == 6


def test_key_events_are_there_at_0_and_counted_by_name() -> None:
    metrics = Metrics()
    definition = Definition(key_events=(KeyEvent("Order"), KeyEvent("@return")))
    metrics.expect_key_events(entry.name for entry in definition.key_events)
    assert shown(metrics)['key_events_total{key_event="@return"}'] == 0
    state = ActivityState(Partition(definition), DeadLetterGuard("events", 0, 1), metrics)
    for at in (0, 1, 10**7):
        state.process([event(at, "Order")])
    found = shown(metrics)
    assert found['key_events_total{key_event="Order"}'] == 3
    assert found['key_events_total{key_event="@return"}'] == 1


def test_hostile_values_add_no_labels() -> None:
    metrics, partition = Metrics(), Partition(Definition())
    state = ActivityState(partition, DeadLetterGuard("events", 0, 1), metrics)
    state.process([event(0, "Order Completed"), Record(1, 0, b"k", b"{")])
    show(metrics, "0", partition.population())
    before = shown(metrics).keys()
    hostile = [
        event(
            n,
            f'n"{n}\n',
            context={"channel": f"c{n}", "campaign": {"name": f"x{n}", "medium": f"m{n}", "source": f"s{n}"}},
            type=f"type {n}" if n % 10 == 0 else "track",
        )
        for n in range(3_000)
    ]
    state.process(hostile)
    show(metrics, "0", partition.population())
    assert shown(metrics).keys() == before
    assert partition.counts.records() == 3_002


def event(at: int, name: str, **more: object) -> Record:
    body = {"messageId": f"m{at}", "type": "track", "event": name, "userId": "u", "timestamp": at, **more}
    return Record(at, at, b"u", orjson.dumps(body))
