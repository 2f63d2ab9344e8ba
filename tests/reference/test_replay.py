"""The oracle on cases small enough to be worked out by hand from SPEC 1 to 5."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from stream.core.definition import DAY, HOUR, MINUTE, Condition, Definition, KeyEvent, TierRule, Void
from tests import reference
from tests.reference import LogRecord, Result
from tests.reference.logs import alias, identify, page, track

GAP = 30 * MINUTE
START = 1_704_103_200_000  # 2024-01-01T10:00:00Z
DAY_0 = START - 10 * HOUR
FAR = START + 400 * DAY


def run(log: Sequence[LogRecord], *, until: int | None = FAR, partitions: int = 1, **settings: Any) -> Result:
    return reference.run(Definition(**settings), list(log), until, partitions)


def spans(result: Result) -> list[tuple[int, int]]:
    """Visits as (events, duration in ms), in time order."""
    visits = sorted(result.visits, key=lambda visit: str(visit["start"]))
    return [(visit["events"], round(visit["duration_s"] * 1000)) for visit in visits]


def steps(result: Result) -> list[str]:
    """Transitions as `from>to reason date cause-kind n days`, in order."""
    return [
        f"{each['from']}>{each['to']} {each['reason']} {each['at'][5:16]} "
        f"{'day' if each['cause'] == 'day' else 'event'} {each['engaged_visits']} {each['days_in_previous']}"
        for each in result.transitions
    ]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, GAP], [(2, GAP)]),
        ([0, GAP + 1], [(1, 0), (1, 0)]),
        ([GAP, 0], [(2, GAP)]),
        ([0, 2 * GAP, GAP], [(3, 2 * GAP)]),
        ([0, 2 * GAP + 1, GAP], [(2, GAP), (1, 0)]),
        ([0, 2 * GAP + 1, GAP + 1], [(1, 0), (2, GAP)]),
        ([14 * HOUR - 1, 14 * HOUR], [(2, 1)]),
    ],
)
def test_the_gap_cuts_only_when_exceeded(times: list[int], expected: list[tuple[int, int]]) -> None:
    log = [track(START + at) for at in times]
    assert spans(run(log, allowed_lateness_ms=2 * HOUR)) == expected


@pytest.mark.parametrize(("last", "expected"), [(HOUR, [(4, HOUR)]), (HOUR + 1, [(3, 40 * MINUTE), (1, 0)])])
def test_max_cuts_only_when_exceeded(last: int, expected: list[tuple[int, int]]) -> None:
    log = [track(START + at) for at in (0, 20 * MINUTE, 40 * MINUTE, last)]
    assert spans(run(log, visit_max_ms=HOUR)) == expected


def test_a_visit_closes_when_the_watermark_is_strictly_past_its_end_plus_gap() -> None:
    log = [track(START)]
    assert run(log, until=START + GAP).visits == []
    assert len(run(log, until=START + GAP + 1).visits) == 1


def test_an_event_on_the_watermark_is_not_late_and_one_before_it_is() -> None:
    log = [track(START), track(START - 10 * MINUTE), track(START - 10 * MINUTE - 1)]
    assert run(log).destinations == ["applied", "applied", "late"]


def test_a_repeat_is_a_duplicate_until_it_is_late() -> None:
    first, other = track(START), track(START + 10 * MINUTE)
    log = [first, other, first, track(START + 10 * MINUTE + 1), first]
    assert run(log).destinations == ["applied", "applied", "duplicate", "applied", "late"]


def test_the_same_id_at_another_time_is_another_event() -> None:
    log = [track(START, messageId="m"), track(START + 1, messageId="m"), track(START, messageId="n")]
    assert run(log).destinations == ["applied"] * 3


ORDER = KeyEvent("Order Completed", 5, value="properties.total")


def test_engagement_sums_distinct_names_and_value_sums_occurrences() -> None:
    amounts = [{"total": 10}, {"total": 2.5}, {"total": True}, {"total": "9"}, {}]
    log = [track(START + at, "Order Completed", properties=each) for at, each in enumerate(amounts)]
    (visit,) = run([*log, track(START + 9, "Liked")], key_events=(ORDER, KeyEvent("Liked", 1))).visits
    assert (visit["key_events"], visit["engagement"], visit["value"]) == (
        {"Order Completed": 5, "Liked": 1},
        6,
        12.5,
    )


@pytest.mark.parametrize(
    ("operator", "value", "found", "expected"),
    [
        ("=", 1, 1.0, True),
        ("=", 1, True, False),
        ("!=", 1, True, True),
        ("!=", 1, None, False),
        (">=", 5, "6", False),
        (">=", "5", "6", True),
        ("<", 5, 5, False),
        ("<=", 5, 5, True),
        ("in", ("a", 2), 2, True),
        ("in", ("a", 2), "b", False),
    ],
)
def test_conditions_compare_within_one_kind(operator: Any, value: Any, found: Any, expected: bool) -> None:
    where = (Condition("properties.x.y", operator, value),)
    log = [track(START, "Liked", properties={"x": {"y": found}})]
    (visit,) = run(log, key_events=(KeyEvent("Liked", where=where),)).visits
    assert visit["engaged"] is expected


@pytest.mark.parametrize("order", [["Talk", "Rated"], ["Rated", "Talk"], ["Talk", "Rated", "Talk"]])
def test_a_void_cancels_earlier_and_later_occurrences(order: list[str]) -> None:
    talk = KeyEvent("Talk", void=(Void("Rated", (Condition("properties.stars", "=", 1),)),))
    log = [track(START + at, name, properties={"stars": 1}) for at, name in enumerate(order)]
    (visit,) = run(log, key_events=(talk,)).visits
    assert (visit["key_events"], visit["engaged"], visit["bounce"]) == ({}, False, True)


def test_return_waits_until_a_pushed_visit_does_not_bounce() -> None:
    push = {"campaign": {"medium": "push"}}
    log = [page(START), page(START + DAY, context=push), page(START + 2 * DAY, context=push)]
    visits = run([*log, page(START + 2 * DAY + 1)], key_events=(KeyEvent("@return"),)).visits
    assert [visit["engaged"] for visit in visits] == [False, False, True]
    assert [visit["bounce"] for visit in visits] == [True, True, False]


def test_visit_is_reached_at_the_first_event_that_meets_it() -> None:
    where = (Condition("pages", ">=", 2), Condition("nth", "=", 1))
    log = [page(START), page(START + 1), page(START + 2), page(START + DAY), page(START + DAY + 1)]
    result = run(log, key_events=(KeyEvent("@visit", 3, where=where),))
    assert [visit["key_events"] for visit in result.visits] == [{"@visit": 1}, {}]
    assert steps(result)[1] == "new>active activated 01-01T10:00 event 1 0"
    assert result.transitions[1]["cause"] == json.loads(log[1].value or b"")["messageId"]


def test_a_whole_life_step_by_step() -> None:
    log = [
        track(START),
        track(START + 2 * DAY, "Order Completed"),
        track(START + 200 * DAY),
        track(START + 200 * DAY + HOUR, "Order Completed"),
        track(START + 210 * DAY, "Account Deleted"),
        track(START + 211 * DAY),
    ]
    result = run(log, until=START + 245 * DAY)
    assert steps(result) == [
        "None>new registered 01-01T10:00 event 0 None",
        "new>active activated 01-03T10:00 event 1 2",
        "none>low tier_up 01-03T10:00 event 1 2",
        "active>silent lapsed 02-02T00:00 day 0 30",
        "low>none tier_down 02-02T00:00 day 0 30",
        "silent>churned churned 04-02T00:00 day 0 60",
        "churned>hibernating hibernated 07-01T00:00 day 0 90",
        "hibernating>silent returned 07-19T10:00 event 0 18",
        "silent>active resurrected 07-19T11:00 event 1 0",
        "none>low tier_up 07-19T11:00 event 1 168",
        "active>deleted deleted 07-29T10:00 event 0 10",
        "deleted>new registered 07-30T10:00 event 0 None",
        "new>silent stalled 08-29T00:00 day 0 30",
    ]
    assert [each["transition_id"] for each in result.transitions] == [f"u#{k}" for k in range(1, 14)]
    assert [(each["state"], each["transitions"]) for each in result.people] == [("silent", 13)]


@pytest.mark.parametrize(("offset", "state"), [(-1, "new"), (0, "silent")])
def test_new_ends_exactly_at_the_local_midnight(offset: int, state: str) -> None:
    midnight = 1_711_839_600_000  # 2024-03-31 at 00:00 in Berlin, 30 days after March 1
    log = [track("2024-03-01T23:59:59.999+01:00")]
    result = run(log, until=midnight + offset, timezone="Europe/Berlin")
    assert result.people[0]["state"] == state


@pytest.mark.parametrize(
    ("created", "known_before", "expected"),
    [
        (None, None, "None>new registered"),
        (None, "2024-01-01", "None>new registered"),
        (None, "2024-01-02", "None>silent imported"),
        ("2023-12-03", "2024-01-02", "None>new registered"),
        ("2023-12-02", None, "None>silent imported"),
        ("2023-12-02T23:59:59Z", None, "None>silent imported"),
        ("last year", None, "None>new registered"),
        ("2023-12-02T23:59:59", None, "None>new registered"),
        (START - 30 * DAY, None, "None>silent imported"),
    ],
)
def test_old_users_are_not_newcomers(created: Any, known_before: str | None, expected: str) -> None:
    log = [identify(START, "u", traits={"createdAt": created})]
    assert steps(run(log, until=None, known_before=known_before))[0].startswith(expected)


def test_an_event_out_of_order_is_evaluated_at_the_time_already_reached() -> None:
    log = [track(DAY_0 + 1), track(DAY_0 - 1, "Order Completed")]
    result = run(log, until=None)
    assert steps(result) == [
        "None>new registered 01-01T00:00 event 0 None",
        "new>active activated 01-01T00:00 event 1 0",
        "none>low tier_up 01-01T00:00 event 1 1",
    ]
    assert result.people[0]["registered"] == "2023-12-31"


def test_a_tier_rule_lifts_on_the_days_of_its_occurrences() -> None:
    rule = TierRule("high", "Order Completed", 2, 2)
    log = [track(START + at, "Order Completed") for at in (0, DAY)]
    result = run(log, until=START + 2 * DAY, tier_rules=(rule,))
    assert [each["to"] for each in result.transitions if each["kind"] == "tier"] == ["low", "high", "low"]


def test_joining_moves_a_prospect_to_the_user() -> None:
    log = [
        page(START, userId=None, anonymousId="a"),
        identify(START + MINUTE, "u", "a"),
        page(START + 2 * MINUTE, userId=None, anonymousId="a"),
    ]
    result = run(log, until=START + DAY)
    assert [(visit["person"], visit["events"], visit["pages"]) for visit in result.visits] == [("u", 3, 2)]
    assert steps(result) == ["prospect>new registered 01-01T10:01 event 0 None"]


def test_a_redirect_ends_after_hibernate_days() -> None:
    for days, person in ((179, "u"), (180, "anonymous:a")):
        log = [identify(START, "u", "a"), page(START + days * DAY, userId=None, anonymousId="a")]
        assert run(log).visits[-1]["person"] == person


def test_what_lies_before_the_users_last_published_visit_stays() -> None:
    anonymous = [page(START + at * MINUTE, userId=None, anonymousId="a") for at in (0, 20, 40, 60, 80)]
    log = [anonymous[0], track(START + 10 * MINUTE), track(START + 20 * MINUTE), *anonymous[1:]]
    result = run([*log, identify(START + 90 * MINUTE, "u", "a")])
    found = [(visit["person"], visit["events"], visit["start"][11:16]) for visit in result.visits]
    assert found == [("u", 2, "10:10"), ("anonymous:a", 2, "10:00"), ("u", 4, "10:40")]


def test_a_user_is_not_joined_by_alias() -> None:
    log = [page(START, userId=None, anonymousId="v"), track(START, userId="v"), alias(START + 1, "u", "v")]
    assert [visit["person"] for visit in run(log).visits] == ["anonymous:v", "v", "u"]


def test_ids_on_different_partitions_are_not_joined() -> None:
    log = [page(START, userId=None, anonymousId="a"), identify(START + 1, "u", "a")]
    assert len(run(log, partitions=1).visits) == 1
    assert len(run(log, partitions=8).visits) == 2


def test_a_prospect_is_forgotten_at_midnight_and_first_again() -> None:
    for days, first in ((29, False), (30, True)):
        log = [page(START, userId=None, anonymousId="a")]
        log.append(page(START + days * DAY, userId=None, anonymousId="a"))
        visits = run(log, key_events=(KeyEvent("@return"),)).visits
        assert visits[1]["engaged"] is not first


def test_deletion_drops_the_open_visit_and_what_still_comes_of_that_life() -> None:
    log = [track(START), track(START + 10, "Account Deleted"), track(START + 5), track(START + 20)]
    result = run(log, until=START + DAY)
    assert result.destinations == ["applied"] * 4
    assert spans(result) == [(1, 0)]
    assert [each["to"] for each in result.transitions] == ["new", "deleted", "new"]


def test_a_prospects_deletion_leaves_nothing() -> None:
    log = [track(START, userId=None, anonymousId="a")]
    log.append(track(START + 1, "Account Deleted", userId=None, anonymousId="a"))
    assert run(log)[:3] == ([], [], [])


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Tokyo", ["active>silent lapsed 12-29T15:00", "silent>churned churned 12-30T15:00"]),
        ("Pacific/Apia", ["active>silent lapsed 12-30T10:00", "silent>churned churned 12-30T10:00"]),
    ],
)
def test_a_state_that_a_skipped_day_passes_over_is_passed_step_by_step(
    zone: str, expected: list[str]
) -> None:
    log = [
        track("2011-12-29T14:00:00Z" if zone == "Asia/Tokyo" else "2011-12-30T09:00:00Z", "Order Completed")
    ]
    settings = {"active_days": 1, "new_days": 1, "churn_days": 2, "hibernate_days": 30}
    result = run(log, until=START, timezone=zone, **settings)
    lifecycle = [each for each in result.transitions if each["kind"] == "lifecycle"]
    found = [f"{each['from']}>{each['to']} {each['reason']} {each['at'][5:16]}" for each in lifecycle]
    assert found[2:4] == expected
