"""The oracle's daily reports on cases small enough to be worked out by hand from SPEC 6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stream.core.definition import DAY, HOUR, MINUTE, Definition, KeyEvent, Void
from tests import reference
from tests.reference import LogRecord
from tests.reference.logs import page, track

PUSH: dict[str, Any] = {"context": {"campaign": {"medium": "push"}, "channel": "app"}}


def days(log: Sequence[LogRecord], until: int, **settings: Any) -> list[dict[str, Any]]:
    return list(reference.run(Definition(**settings), log, until, engagement=True).daily)


def test_a_day_is_reported_when_its_midnight_has_passed() -> None:
    assert days([page(HOUR)], DAY - 1) == []
    assert [each["day"] for each in days([page(HOUR)], 2 * DAY)] == ["1970-01-01", "1970-01-02"]


def test_traffic_as_it_stood_at_midnight() -> None:
    log = [page(DAY - MINUTE), page(DAY + MINUTE), page(DAY + 2 * MINUTE)]
    first, second = days(log, 2 * DAY)
    assert first["traffic"] == {
        "pageviews": 1,
        "people": 1,
        "visits": 1,
        "bounce_rate": 1,
        "pages_per_visit": 1,
        "seconds_per_visit": 0,
    }
    assert (second["traffic"]["pageviews"], second["traffic"]["visits"]) == (2, 0)


def test_the_active_balance() -> None:
    log = [
        track(HOUR, "Order Completed"),
        track(DAY + HOUR, "Order Completed", userId="v"),
        track(DAY + 2 * HOUR, "Account Deleted"),
    ]
    first, second = days(log, 2 * DAY)
    assert (first["people_by_state"], first["sources"]["activated"]) == ({"active": 1}, 1)
    assert second["active_before"] == 1
    assert (second["sources"]["activated"], second["losses"]["deleted"]) == (1, 1)
    assert second["sources"]["retained"] == 0
    assert second["people_by_state"] == {"active": 1}


def test_distinct_persons_over_days() -> None:
    log = [page(0), page(3 * DAY), page(3 * DAY, userId="v"), page(9 * DAY, userId="v")]
    found = days(log, 10 * DAY)
    assert found[3]["active"] == {"days_1": 2, "days_7": 2, "days_30": 2}
    assert found[8]["active"] == {"days_1": 0, "days_7": 2, "days_30": 2}
    assert found[9]["active"] == {"days_1": 1, "days_7": 2, "days_30": 2}


def test_who_was_only_pushed_or_only_angry_is_pseudo_active() -> None:
    talk = (KeyEvent("Talk", void=(Void("Rated"),)),)
    log = [
        page(0, userId="pushed", **PUSH),
        page(0, userId="angry"),
        track(1, "Talk", userId="angry"),
        track(2, "Rated", userId="angry"),
        page(0, userId="came"),
    ]
    assert days(log, DAY, key_events=talk)[0]["pseudo_active"] == 2


def test_ratios_over_those_who_are_not_gone() -> None:
    log = [page(0), *(page(each * DAY, userId="v") for each in range(100))]
    last = days(log, 100 * DAY)[-1]
    assert last["people_by_state"] == {"churned": 1, "silent": 1}
    assert (last["base"], last["churned"], last["churn_rate"], last["retention"]) == (1, 1, 1, 1)
