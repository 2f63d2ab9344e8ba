"""Events in order that are entered straight, and those next to them that are not: as the oracle has them."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import msgspec
import pytest

from stream.core.definition import (
    DAY,
    HOUR,
    MINUTE,
    Condition,
    Definition,
    Engagement,
    KeyEvent,
    Promotion,
    TierRule,
    Void,
)
from tests import reference
from tests.core import adapter
from tests.core.engagement.daily import of_log, rounded
from tests.core.engagement.window_rows import comparable, expected, merged
from tests.reference import LogRecord
from tests.reference.logs import identify, page, track

START = DAY + 9 * HOUR
MIDNIGHT = 2 * DAY
TALK, SALE = KeyEvent("Talk"), KeyEvent("Sale", 5, value="properties.price")
LIKE = KeyEvent("Like", where=(Condition("properties.stars", ">", 3),))
RATED = KeyEvent("Talk", void=(Void("Rated", (Condition("properties.stars", "=", 1),)),))
SEEN = KeyEvent("Page Viewed", where=(Condition("properties.stars", ">", 3),))
STARS: dict[str, Any] = {"properties": {"stars": 5}}
POOR: dict[str, Any] = {"properties": {"stars": 1}}
WEB: dict[str, Any] = {"context": {"channel": "web"}}
APP: dict[str, Any] = {"context": {"channel": "app"}}
PUSH: dict[str, Any] = {"context": {"channel": "app", "campaign": {"medium": "push"}}}
VISITOR: dict[str, Any] = {"userId": None, "anonymousId": "a"}

LONG = Engagement(window_ms=6 * HOUR)

LogAndSettings = tuple[list[LogRecord], dict[str, Any]]


def known(*log: LogRecord, **settings: Any) -> LogAndSettings:
    """After a first event, a day before, with which the person becomes known."""
    return [identify(START - DAY, "u"), *log], settings


def talks(*times: int, **fields: Any) -> list[LogRecord]:
    return [track(START + time, "Talk", **fields) for time in times]


def key_events(*found: KeyEvent) -> dict[str, Any]:
    return {"key_events": found}


CASES: dict[str, LogAndSettings] = {
    "a page and key events": known(page(START), *talks(1, 2, MINUTE, 2 * MINUTE), page(START + 3 * MINUTE)),
    "a key event first": known(*talks(0, 1), page(START + 2), *talks(3)),
    "a second visit": known(page(START), *talks(1), page(START + HOUR), *talks(HOUR + 1)),
    "at the gap and past it": known(page(START), *talks(30 * MINUTE, HOUR + 1), page(START + 2 * HOUR)),
    "past the longest": known(
        page(START), *talks(MINUTE, 2 * MINUTE, 3 * MINUTE), visit_max_ms=2 * MINUTE, allowed_lateness_ms=0
    ),
    "two names in one window": known(
        page(START), *talks(1), track(START + 2, "Sale"), *talks(3), **key_events(TALK, SALE)
    ),
    "one event, two key events": known(
        page(START), *talks(1, 2), **key_events(TALK, KeyEvent("@visit", 1, (Condition("events", ">", 1),)))
    ),
    "an amount": known(
        page(START),
        track(START + 1, "Sale", properties={"price": 9.5}),
        track(START + 2, "Sale", properties={"price": 3}),
        track(START + 3, "Sale"),
        **key_events(SALE),
    ),
    "a condition that fails": known(
        page(START),
        track(START + 1, "Like", **POOR),
        track(START + 2, "Like", **STARS),
        track(START + 3, "Like", **POOR),
        **key_events(LIKE),
    ),
    "a void": known(
        page(START),
        *talks(1, 2),
        track(START + 3, "Rated", **STARS),
        *talks(4),
        track(START + 5, "Rated", **POOR),
        *talks(6),
        page(START + HOUR),
        *talks(HOUR + 1),
        **key_events(RATED),
    ),
    "a key event that voids another": known(
        page(START),
        *talks(1),
        track(START + 2, "Like", **STARS),
        *talks(3),
        **key_events(KeyEvent("Talk", void=(Void("Like"),)), LIKE),
    ),
    "an earlier void, after somebody else's": (
        [
            page(START, **VISITOR),
            *talks(2, 3, **VISITOR),
            page(START + 4, userId=None, anonymousId="b"),
            *talks(5, userId=None, anonymousId="b"),
            track(START + 1, "Rated", userId=None, anonymousId="b", **POOR),
        ],
        key_events(RATED),
    ),
    "a void in a passive visit": known(
        page(START, **PUSH), *talks(1, **PUSH), track(START + 2, "Rated", **POOR), **key_events(RATED)
    ),
    "a page that is a key event": known(
        page(START), page(START + 1, **STARS), page(START + 2), page(START + 3, **STARS), **key_events(SEEN)
    ),
    "a first page that is a key event": known(page(START, **STARS), page(START + 1), **key_events(SEEN)),
    "a return": known(
        *talks(0), page(START + HOUR), *talks(HOUR + 1), **key_events(TALK, KeyEvent("@return"))
    ),
    "a passive return": known(
        *talks(0),
        page(START + HOUR, **PUSH),
        page(START + HOUR + 1, **PUSH),
        *talks(HOUR + 2, **PUSH),
        **key_events(TALK, KeyEvent("@return")),
    ),
    "a visit by its length": known(
        page(START),
        *talks(1, 2),
        page(START + 3),
        *talks(4),
        **key_events(TALK, KeyEvent("@visit", 1, (Condition("pages", ">", 1),))),
    ),
    "a passive bounce and what ends it": known(
        page(START, **PUSH),
        page(START + HOUR, **PUSH),
        *talks(HOUR + 1, **PUSH),
        page(START + 2 * HOUR, **PUSH),
        page(START + 2 * HOUR + 1, **PUSH),
    ),
    "passive, then chosen": known(
        page(START, **PUSH), page(START + HOUR, **WEB), page(START + HOUR + 1, **WEB)
    ),
    "tried in vain, then a visit": known(
        track(START, "Like", **POOR),
        page(START + HOUR),
        track(START + HOUR + 1, "Like", **STARS),
        **key_events(LIKE),
    ),
    "tried in vain, then in a visit of two pages": known(
        track(START, "Like", **POOR),
        page(START + HOUR),
        page(START + HOUR + 1),
        track(START + HOUR + 2, "Like", **STARS),
        **key_events(LIKE),
    ),
    "a return and a key event, both taken back": known(
        page(START),
        page(START + 1),
        *talks(2),
        track(START + 3, "Rated"),
        **key_events(KeyEvent("Talk", void=(Void("Rated"),)), KeyEvent("@return", void=(Void("Rated"),))),
    ),
    "another channel": known(
        page(START, **WEB), *talks(1, **APP), *talks(2, **WEB), page(START + 3, **APP), *talks(4)
    ),
    "a channel come back to": known(page(START, **WEB), page(START + HOUR, **APP), *talks(2 * HOUR, **WEB)),
    "over midnight": known(
        page(MIDNIGHT - 2 * MINUTE),
        track(MIDNIGHT - MINUTE, "Talk"),
        track(MIDNIGHT, "Talk"),
        track(MIDNIGHT + 1, "Talk"),
        page(MIDNIGHT + HOUR),
        track(MIDNIGHT + HOUR + 1, "Talk"),
    ),
    "engaged after midnight": known(
        page(MIDNIGHT - MINUTE), track(MIDNIGHT, "Talk"), track(MIDNIGHT + 1, "Talk")
    ),
    "first after midnight": known(page(MIDNIGHT), track(MIDNIGHT + 1, "Talk"), page(MIDNIGHT + 2)),
    "a rule that lifts": known(
        page(START),
        *talks(1, 2, 3, 4),
        key_events=(TALK,),
        tier_rules=(TierRule("medium", "Talk", 2, 30), TierRule("high", "Talk", 3, 30)),
    ),
    "another cell by its tier": known(page(START), *talks(1, 2, 3), page(START + 4), *talks(5, MINUTE)),
    "cells of one window": known(
        page(START, **WEB), *talks(1, **WEB), *talks(2, **APP), *talks(3, 4, **WEB), *talks(5, **APP)
    ),
    "promoted and not": known(
        page(START),
        *talks(1),
        track(START + 2, "Talk", **POOR),
        *talks(3),
        track(START + 4, "Talk", **POOR),
        engagement=Engagement(
            promotions=(Promotion(name="poor", where=(Condition("properties.stars", "=", 1),)),)
        ),
    ),
    "an anonymous person": (
        [
            page(START, **VISITOR),
            *talks(1, 2, **VISITOR),
            page(START + HOUR, **VISITOR),
            *talks(HOUR + 1, **VISITOR),
        ],
        {},
    ),
    "late for the window": known(
        page(START),
        page(START + 5 * MINUTE, userId="v"),
        *talks(1, 2),
        page(START + HOUR, userId="w"),
        *talks(40),
    ),
    "out of order between": known(page(START), *talks(20, 10, 30), page(START + 25), *talks(40)),
    "churned and back": known(
        page(START + 95 * DAY, userId="v"),
        page(START + 100 * DAY - 1, userId="v"),
        page(START + 100 * DAY),
        *talks(100 * DAY + 1),
        page(START + 196 * DAY, userId="v"),
        page(START + 197 * DAY - 1, userId="v"),
        page(START + 197 * DAY),
        engagement=LONG,
    ),
    "back by a key event": known(
        page(START + 95 * DAY, userId="v"),
        page(START + 100 * DAY - 1, userId="v"),
        *talks(100 * DAY, 100 * DAY + 1),
        engagement=LONG,
    ),
    "back by one visit after another": known(
        page(START + 95 * DAY, userId="v"),
        page(START + 100 * DAY - 1, userId="v"),
        page(START + 100 * DAY),
        page(START + 100 * DAY + HOUR),
        engagement=LONG,
    ),
    "a life that begins with a key event": known(
        page(START), *talks(1), track(START + 2, "Account Deleted"), *talks(3, **WEB), *talks(4)
    ),
    "a life after a deletion": known(
        page(START),
        *talks(1),
        track(START + 2, "Account Deleted"),
        page(START + 3),
        *talks(4, 5, 6),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_as_the_oracle(name: str) -> None:
    log, settings = CASES[name]
    definition = Definition(**{"key_events": (TALK,), **settings})
    size = definition.engagement.window_ms
    times = [reference.records.read(definition, record.value).time for record in log]
    until = max(times) + DAY + size
    oracle = reference.run(definition, log, until, engagement=True)
    found = adapter.run(definition, log, until)
    for kind, name in (("visits", "visit_id"), ("transitions", "transition_id"), ("people", "person")):
        ours, theirs = (sorted(getattr(result, kind), key=itemgetter(name)) for result in (found, oracle))
        assert ours == theirs, kind
    _, parts = adapter.partials(definition, log, until)
    assert comparable(merged(parts), definition) == expected(definition, oracle)
    days = [msgspec.to_builtins(daily) for daily in of_log(definition, log, until)]
    for ours, theirs in zip(days, oracle.daily, strict=True):
        for figure, value in theirs.items():
            if not figure.startswith("people_by_"):
                assert rounded(ours[figure]) == rounded(value), (ours["day"], figure)
