"""Joins of long visits, whose older events are kept only as a sum."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from stream.core.activity import Activity, Mark, Vocabulary
from stream.core.calendar import Calendar
from stream.core.definition import DAY, MINUTE, SECOND, Definition
from stream.core.joining import take_over
from stream.core.partition import Partition
from stream.core.profile import UNCOUNTED, Profile
from stream.core.visits import Cutter


def browsing(random: Random, fields: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Up to 300 pages from one person, with a pause longer than a visit's gap now and then."""
    t = random.randrange(120 * MINUTE)
    events = []
    for n in range(random.choice([10, 100, 300])):
        t += random.choice([SECOND, 20 * SECOND, MINUTE, 10 * MINUTE])
        t += 31 * MINUTE if random.random() < 0.02 else 0
        events.append({"messageId": f"{prefix}{n}", "type": "page", "timestamp": t, **fields})
    return events


@pytest.mark.parametrize("seed", range(60))
def test_long_visits_are_joined_without_losing_doubling_or_overlapping(seed: int) -> None:
    random = Random(seed)
    events = browsing(random, {"anonymousId": "x"}, "a") + browsing(random, {"userId": "u"}, "u")
    joined_at = random.choice(events)["timestamp"]
    join = {"messageId": "j", "type": "identify", "timestamp": joined_at, "userId": "u", "anonymousId": "x"}
    log = [json.dumps(event).encode() for event in sorted([*events, join], key=lambda one: one["timestamp"])]
    core = Partition(Definition())
    core.process(log, keys=None, offsets=range(len(log)), arrived_ms=[DAY * 1000] * len(log))
    core.advance((core.newest or 0) + DAY)
    visits = [json.loads(output.value) for output in core.take_outputs() if output.topic == "visits"]
    assert core.counts.applied == len(log)
    assert sum(visit["events"] for visit in visits) == len(log)
    assert len({visit["visit_id"] for visit in visits}) == len(visits)
    for person in ("u", "anonymous:x"):
        spans = sorted((visit["start"], visit["end"]) for visit in visits if visit["person"] == person)
        assert all(earlier[1] < later[0] for earlier, later in pairwise(spans))


def test_what_goes_on_in_a_visit_that_stays_behind_is_not_the_users_again() -> None:
    definition = Definition()
    activity = Activity(definition, Vocabulary())
    key = activity.key("Order Completed")
    order = activity.number(Mark(hits=(key,)))
    cutter = Cutter(definition, activity, Calendar("UTC"))
    user, prospect = Profile(last_end=2000), Profile()
    cutter.append(prospect, (1000, "a", order, None, None, UNCOUNTED))
    take_over(user, prospect, cutter, watermark=0)
    cutter.append(prospect, (1500, "b", order, None, None, UNCOUNTED))
    assert [visit.hits for visit in prospect.open] == [{0: {key: 2}}]
    assert (user.visits, user.engaged, user.counts) == (1, {0: 1}, {0: {key: 1}})
