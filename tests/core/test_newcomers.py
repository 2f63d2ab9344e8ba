"""Somebody unknown is entered on a way of their own, with what the way of everybody would have made of it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from stream.core.definition import DAY, HOUR, Condition, Definition, Engagement, KeyEvent, TierRule
from stream.core.newcomers import Newcomers
from stream.core.partition import Partition
from stream.core.publishing import Output
from tests.core.checks import FEW, for_many
from tests.core.strategies import Case, Shape
from tests.reference import LogRecord
from tests.reference.logs import page, track

Said = tuple[list[Output], list[tuple[bytes, bytes | None]], object]


class TheLongWay(Partition):
    """Takes nobody for unknown."""

    def _meet(self, person: str, wire: Any, event: Any, named: Any, value: bytes) -> None:
        self._counts.applied += 1
        p = self._persons.awake(person, event[0])
        cell = self._count(p, event, value, named)
        took_over = self._join(person, p, wire, event[0])
        event = (*event[:5], cell.id)
        self._persons.apply(person, p, wire, event, named, value, took_over=took_over)


def said(partition: Partition, log: list[LogRecord], until_ms: int | None) -> Said:
    """All that a partition puts out, and what it keeps, checkpoint by checkpoint."""
    outputs: list[Output] = []
    changes: list[tuple[bytes, bytes | None]] = []
    for offset, record in enumerate(log):
        arrived = None if record.arrived_ms is None else [record.arrived_ms]
        partition.process([record.value], keys=None, offsets=[offset], arrived_ms=arrived)
        if offset % 3 == 0:
            outputs += partition.take_outputs()
            changes += partition.take_changes()
    if until_ms is not None:
        partition.advance(until_ms)
    return (
        outputs + list(partition.take_outputs()),
        changes + list(partition.take_changes()),
        partition.counts,
    )


def straight(definition: Definition, log: list[LogRecord], until_ms: int | None = None) -> Counter[str]:
    """How many went straight, where both ways have the same result."""
    went: Counter[str] = Counter()

    def counted(name: str) -> Any:
        way = getattr(Newcomers, name)

        def go(*args: Any) -> None:
            went[name] += 1
            way(*args)

        return go

    with (
        patch.object(Newcomers, "user", counted("user")),
        patch.object(Newcomers, "prospect", counted("prospect")),
    ):
        found = said(Partition(definition), log, until_ms)
    taken = dict(went)
    assert found == said(TheLongWay(definition), log, until_ms)
    assert went == taken
    return went


def crowd(case: Case) -> list[LogRecord]:
    """The log with new ids all the time."""
    log = []
    for i, record in enumerate(case.log):
        try:
            body = json.loads(record.value or b"")
        except ValueError:
            body = None
        if isinstance(body, dict):
            for name, often in (("userId", 3), ("anonymousId", 5), ("previousId", 5)):
                if isinstance(body.get(name), str):
                    body[name] += f"-{i // often}"
            record = LogRecord(json.dumps(body).encode(), record.key, record.arrived_ms)
        log.append(record)
    return log


@pytest.mark.parametrize("deletions", [False, True])
def test_both_ways_agree_on_whoever_comes(deletions: bool) -> None:
    went: Counter[str] = Counter()

    @for_many(Shape(late=True, joins=True, deletions=deletions, events=100), generated=20, seeds=FEW)
    def agree(case: Case) -> None:
        own = tuple(each for each in case.definition.key_events if each.name[0] != "@")
        definition = msgspec.structs.replace(case.definition, key_events=own)
        went.update(straight(definition, crowd(case), case.until_ms))

    agree()
    assert went["user"] > 10
    assert went["prospect"] > 10


def user(at: int | str, name: str, **more: Any) -> LogRecord:
    return page(at, userId=name, **more)


KNOWN = [user(0, "first"), user(DAY, "later")]  # their days have a cell
NEXT = DAY + HOUR
CONDITIONAL = (KeyEvent("Page Viewed", where=(Condition("properties.x", "=", 1),)),)
CAMPAIGN = {"campaign": {"medium": "push", "name": "spring"}}


@pytest.mark.parametrize(
    ("settings", "event", "way"),
    [
        ({}, user(NEXT, "u"), "user"),
        ({}, page(NEXT, anonymousId="a", userId=None), "prospect"),
        ({}, user(NEXT, "u", anonymousId="a", type="identify"), "user"),
        ({}, user(NEXT, "u", traits={"createdAt": "1970-01-02"}), "user"),
        ({}, user(200 * DAY, "u", traits={"createdAt": "1970-01-02"}), None),  # a day of its own
        ({}, user(NEXT, "u", traits={"createdAt": "1960-01-02"}), "user"),
        ({}, user(NEXT, "u", traits={"createdAt": 100 * DAY}), "user"),
        ({}, user(NEXT, "u", traits=["createdAt"]), "user"),
        ({}, user(NEXT, "u", traits={"created\\u0041t": "1960-01-02"}), "user"),
        ({"known_before": "1970-02-02"}, user(NEXT, "u"), "user"),
        ({"new_days": 1, "churn_days": 31}, user(NEXT, "u"), "user"),
        ({"key_events": (KeyEvent("Page Viewed"),)}, user(NEXT, "u"), None),
        ({"tier_rules": (TierRule("high", "Talk", 1, 1),)}, user(NEXT, "u"), "user"),
        ({}, user(NEXT, "u", context=CAMPAIGN), "user"),  # passive
        ({}, user(NEXT, "u", context={"channel": "web"}), None),  # the day's first by the channel
        ({}, user(DAY - HOUR, "u"), "user"),  # of a day that is not closed yet
        ({}, track(NEXT, "Talk", userId="u"), None),
        ({}, track(NEXT, "Browsed", userId="u"), "user"),
        ({}, track(NEXT, "Account Deleted", userId="u"), None),
        ({"key_events": (KeyEvent("@visit", where=(Condition("pages", ">=", 1),)),)}, user(NEXT, "u"), None),
        ({"key_events": (KeyEvent("@return"),)}, user(NEXT, "u"), None),
        ({"key_events": CONDITIONAL}, user(NEXT, "u"), None),
        ({"engagement": Engagement(dimensions=("properties.path",))}, user(NEXT, "u"), "user"),
    ],
)
def test_who_goes_straight(settings: dict[str, Any], event: LogRecord, way: str | None) -> None:
    definition = Definition(
        **{"key_events": (KeyEvent("Talk", 2),), "allowed_lateness_ms": 3 * HOUR} | settings
    )
    went = straight(definition, KNOWN, 10 * DAY)
    assert straight(definition, [*KNOWN, event], 400 * DAY) - went == Counter([way] if way else [])


def test_who_comes_in_an_hour_of_yesterday_is_as_new_as_today_says() -> None:
    # At 02:31 UTC the clock went back, from Sunday 00:01 to Saturday 23:01: what comes then is of Saturday.
    definition = Definition(timezone="America/St_Johns", new_days=1)
    times = ("02:30:30", "02:40:00", "02:50:00")
    log = [user(f"2006-10-29T{time}Z", time) for time in times]
    assert straight(definition, log, None) == {"user": 2}
    outputs, _, _ = said(Partition(definition), log, None)
    reasons = [json.loads(each.value)["reason"] for each in outputs if each.topic == "transitions"]
    assert reasons == ["registered", "registered", "stalled", "registered", "stalled"]
