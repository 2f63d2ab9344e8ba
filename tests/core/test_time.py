"""Clocks that are wrong, partitions hours apart, streams that fall silent: what they do to a partition."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream.core.definition import DAY, HOUR, MINUTE, Definition
from stream.core.engagement.partials import PARTIALS
from stream.core.partition import Partition
from tests.core import adapter
from tests.core.ways import WAYS, Way

NOW = 20_454 * DAY + 12 * HOUR


def event(t: int, person: str = "u1", name: str = "Browsed") -> bytes:
    fields = {"messageId": f"{t}", "type": "track", "event": name, "userId": person, "timestamp": t}
    return json.dumps(fields).encode()


def partition_in(way: Way) -> Partition:
    return Partition(Definition(), most_due=way.most_due)


def process(partition: Partition, *values: bytes, arrived: int = NOW) -> None:
    count = len(values)
    partition.process(values, keys=None, offsets=range(count), arrived_ms=[arrived] * count)


def went_to(partition: Partition) -> dict[str, int]:
    return {name: count for name, count in adapter.destinations(partition).items() if count}


@pytest.fixture(params=["at once, in memory", "in slices, in memory"])
def partition(request: pytest.FixtureRequest) -> Partition:
    return partition_in(WAYS[request.param])


def test_a_clock_that_jumps_ahead_makes_the_others_late_only_as_far_as_it_may(partition: Partition) -> None:
    process(partition, event(NOW), event(NOW + HOUR, "ahead"), event(NOW + HOUR + 1, "too far ahead"))
    assert partition.watermark == NOW + 50 * MINUTE
    process(partition, event(NOW + 50 * MINUTE - 1, "u2"), event(NOW + 50 * MINUTE, "u3"))
    assert went_to(partition) == {"applied": 3, "late": 1, "dead:future": 1}


def test_the_watermark_stays_where_it_is_when_the_clock_goes_back(partition: Partition) -> None:
    process(partition, event(NOW + HOUR))
    before = partition.watermark
    process(partition, event(NOW + 55 * MINUTE), event(NOW), event(NOW - DAY), arrived=NOW + MINUTE)
    assert partition.watermark == before
    assert partition.newest == NOW + HOUR
    assert went_to(partition) == {"applied": 2, "late": 2}
    partition.advance(NOW)
    assert partition.watermark == before


def test_after_a_jump_the_visits_of_the_others_are_closed_as_if_time_had_passed(partition: Partition) -> None:
    process(partition, event(NOW), event(NOW + 1, "u2"), event(NOW + HOUR, "ahead"))
    while partition.work():
        pass
    visits = [json.loads(output.value) for output in partition.take_outputs() if output.topic == "visits"]
    assert [visit["person"] for visit in visits] == ["u1", "u2"]
    assert [visit["events"] for visit in visits] == [1, 1]


def test_partitions_hours_apart_make_what_they_would_make_together(partition: Partition) -> None:
    behind, ahead = partition_in(Way()), partition
    hours = range(8)
    process(ahead, *(event(NOW + hour * HOUR, "u1") for hour in hours), arrived=NOW + 8 * HOUR)
    process(behind, event(NOW, "u2"), arrived=NOW + 8 * HOUR)
    assert ahead.watermark == NOW + 7 * HOUR - 10 * MINUTE
    assert behind.watermark == NOW - 10 * MINUTE
    process(behind, *(event(NOW + hour * HOUR, "u2") for hour in hours[1:]), arrived=NOW + 8 * HOUR)
    together = Partition(Definition())
    for hour in hours:
        process(
            together, event(NOW + hour * HOUR, "u1"), event(NOW + hour * HOUR, "u2"), arrived=NOW + 8 * HOUR
        )
    for each in (ahead, behind, together):
        each.advance(NOW + DAY)
        while each.work():
            pass
    assert by_person(ahead) | by_person(behind) == by_person(together)
    assert behind.counts.late == ahead.counts.late == 0


def by_person(partition: Partition) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for output in partition.take_outputs():
        if output.topic == PARTIALS:
            continue
        found.setdefault(json.loads(output.value)["person"], []).append(output)
    return found


def test_an_idle_partition_that_is_moved_on_closes_and_evaluates_without_an_event(
    partition: Partition,
) -> None:
    process(partition, event(NOW, name="Order Completed"))
    partition.take_outputs()
    partition.advance(NOW + 31 * DAY)
    while partition.work():
        pass
    topics = [output.topic for output in partition.take_outputs() if output.topic != PARTIALS]
    assert topics == ["visits", "transitions", "transitions"]
    assert partition.newest == NOW


def test_events_that_an_idle_partition_was_moved_past_are_late_there_and_only_there(
    partition: Partition,
) -> None:
    process(partition, event(NOW))
    partition.advance(NOW + HOUR)
    process(partition, event(NOW + HOUR - 1), event(NOW + HOUR), arrived=NOW + HOUR)
    assert went_to(partition) == {"applied": 2, "late": 1}
    assert partition.watermark == NOW + HOUR
