"""Partitions and merger together make the windows that the naive oracle makes, record by record."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest

from stream.core.definition import DAY, HOUR, MINUTE, SECOND, Condition, Definition, Engagement, Promotion
from stream.replay.merging import Merging
from stream.replay.streams import Stream
from tests import reference
from tests.core.checks import FEW, for_many
from tests.core.strategies import Case, Shape
from tests.reference import LogRecord
from tests.reference.records import Dead, read

SHAPES = {
    "plain": Shape(),
    "late": Shape(late=True, garbage=True),
    "deletions": Shape(deletions=True, late=True),
    # in order: what a join has changed before an event comes out of order is corrected in both, but not alike
    "joins": Shape(joins=True, disorder=False),
    "joins and deletions": Shape(joins=True, deletions=True, disorder=False, garbage=True),
}
UNCOMPARED = ("schema", "definition", "bands")


def with_windows(case: Case) -> Definition:
    """The case's definition with windows long enough for logs of months."""
    random = Random(case.definition.hash())
    size = random.choice([HOUR, 6 * HOUR, DAY, 7 * HOUR + SECOND])
    coupon = Promotion(name="coupon", where=(Condition("properties.kind", "=", "gift"),))
    first_days = Promotion(name="days", start_ms=size, end_ms=1_704_067_200_000 + 2 * DAY)
    return msgspec.structs.replace(
        case.definition,
        engagement=Engagement(
            window_ms=size,
            lateness_ms=random.choice([0, 30 * SECOND, 10 * MINUTE, 5 * HOUR]),
            dimensions=random.choice(
                [("channel", "campaign", "tier"), (), ("tier",), ("properties.stars", "properties.deep.er")]
            ),
            max_values=random.choice([100, 100, 1, 2]),
            promotions=random.choice([(), (), (coupon,), (coupon, first_days)]),
        ),
    )


def without_ties(case: Case) -> list[LogRecord]:
    """The log in which no two events have the same time: those come out of order by their ids."""
    times: set[int] = set()
    kept = []
    for each in case.log:
        try:
            time = read(case.definition, each.value).time
        except Dead:
            continue
        if time not in times:
            kept.append(each)
        times.add(time)
    return kept


def replayed(
    definition: Definition, log: list[LogRecord], until_ms: int | None, partitions: int
) -> dict[str, list[dict[str, Any]]]:
    """Engagement and daily records of a replay, without what is not compared."""
    stream = Stream(definition, partitions=partitions, topic="app-events")
    merging = Merging(definition, sources=stream.sources)
    records: dict[str, list[dict[str, Any]]] = {"engagement": [], "daily": []}

    def merge() -> None:
        for published in merging.merge(stream.take_published().get("partials", [])):
            for topic in records:
                records[topic] += [json.loads(value) for value in published.get(topic, ())]

    for record in log:
        stream.route([record.value or b""])
        merge()
    stream.finish(until_ms)
    merge()
    return {
        topic: [{name: value for name, value in each.items() if name not in UNCOMPARED} for each in found]
        for topic, found in records.items()
    }


def only_in_one(expected: list[dict[str, Any]], found: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """What differs, by id: (expected, found)."""
    ours, theirs = ({each[key]: each for each in records} for records in (expected, found))
    assert len(ours) == len(expected)
    assert len(theirs) == len(found)
    return {
        name: (ours.get(name), theirs.get(name))
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    }


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("name", SHAPES)
def test_windows(name: str, partitions: int) -> None:
    @for_many(SHAPES[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        if SHAPES[name].joins:
            case = replace(case, log=without_ties(case))
        definition = with_windows(case)
        expected = reference.run(definition, case.log, case.until_ms, partitions, engagement=True)
        found = replayed(definition, case.log, case.until_ms, partitions)
        assert only_in_one(list(expected.engagement), found["engagement"], "window_id") == {}

    agree()


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("name", ["plain", "late"])
def test_days(name: str, partitions: int) -> None:
    @for_many(SHAPES[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        definition = msgspec.structs.replace(case.definition, engagement=Engagement(window_ms=DAY))
        expected = reference.run(definition, case.log, case.until_ms, partitions, engagement=True)
        found = replayed(definition, case.log, case.until_ms, partitions)["daily"]
        for each in found:
            each["people_by_state"].pop("prospect", None)
            for figure in ("phase", "goals"):
                del each[figure]
        assert (
            only_in_one([plain(each) for each in expected.daily], [plain(each) for each in found], "day")
            == {}
        )

    agree()


def plain(report: dict[str, Any]) -> dict[str, Any]:
    """A report without zeros where nothing is as good, and shares to nine digits."""
    if "channels" in report:
        channels = {name: plain(each) for name, each in report["channels"].items()}
        report = {**report, "channels": channels, "traffic": plain(report["traffic"])}
    return {
        name: round(value, 9)
        if isinstance(value, float)
        else {key: count for key, count in value.items() if count}
        if name in ("people_by_state", "people_by_tier")
        else value
        for name, value in report.items()
    }
