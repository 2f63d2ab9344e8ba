"""A tier is left on the day on which it should be, however it was come by."""

from __future__ import annotations

import json

from stream.core.definition import DAY, HOUR, Definition, KeyEvent
from stream.core.partition import Partition
from tests.reference.logs import track


def test_a_tier_come_by_today_may_be_left_before_the_one_below_would_have_been() -> None:
    definition = Definition(
        key_events=(KeyEvent("Talk"),), tiers={"low": 1, "medium": 3, "high": 9}, active_days=3
    )
    partition = Partition(definition)
    values = [track(day * DAY + HOUR, "Talk").value for day in (1, 2, 3, 4)]
    partition.process(values, keys=None, offsets=range(len(values)), arrived_ms=None)
    partition.advance(20 * DAY)
    said = [json.loads(each.value) for each in partition.take_outputs() if each.topic == "transitions"]
    assert [(each["at"][:13], each["to"]) for each in said if each["kind"] == "tier"] == [
        ("1970-01-02T01", "low"),
        ("1970-01-04T01", "medium"),
        ("1970-01-05T00", "low"),
        ("1970-01-05T01", "medium"),
        ("1970-01-06T00", "low"),
        ("1970-01-08T00", "none"),
    ]
