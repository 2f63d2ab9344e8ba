"""Daily reports agree with a count of the whole log, however it is partitioned, delayed or interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from stream.core.records import Daily, Traffic
from stream.core.times import parse_day
from tests.core.checks import FEW, for_many
from tests.core.engagement.counted import Counted, Visit
from tests.core.engagement.daily import closed, end_of, reports
from tests.core.strategies import Case, Shape, make_case
from tests.core.ways import WAYS

EVERYTHING = Shape(late=True, joins=True, deletions=True, garbage=True)
PERSONS = {
    "plain": Shape(),
    "late": Shape(late=True, garbage=True),
    "joins": Shape(joins=True, late=True),
    "deletions": Shape(deletions=True),
    "everything": EVERYTHING,
}
VISITS = {
    "plain": Shape(forgetting=False),
    "late": Shape(late=True, garbage=True, forgetting=False),
    "joins": Shape(joins=True, disorder=False, forgetting=False),
}


def checked(case: Case, check: Callable[[Counted, int, Daily], None]) -> None:
    case = closed(case)
    counted = Counted(case.definition, case.log, end_of(case))
    found = {parse_day(daily.day): daily for daily in reports(case)}
    expected = [day for day in counted.days if counted.occurs(day)]
    assert list(found) == expected
    for day, daily in found.items():
        assert day is not None
        check(counted, day, daily)


@pytest.mark.parametrize("name", PERSONS)
def test_persons(name: str) -> None:
    def check(counted: Counted, day: int, daily: Daily) -> None:
        for days in (1, 7, 30):
            assert getattr(daily.active, f"days_{days}") == counted.people(day, days, visitors=False)
            assert getattr(daily.visitors, f"days_{days}") == counted.people(day, days, visitors=True)
        pages = counted.pageviews(day)
        assert daily.traffic.pageviews == pages.total()
        assert Counter({name: each.pageviews for name, each in daily.channels.items()}) == pages

    @for_many(PERSONS[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        checked(case, check)

    agree()


@pytest.mark.parametrize("name", PERSONS)
def test_population(name: str) -> None:
    def check(counted: Counted, day: int, daily: Daily) -> None:
        states = Counter(counted.states(day).values())
        found = Counter(daily.people_by_state)
        del found["prospect"]
        assert +found == states
        assert +Counter(daily.people_by_tier) == counted.tiers(day)
        reasons, month = counted.reasons(day), counted.reasons(day, 30)
        for reason in ("activated", "reactivated", "resurrected"):
            assert daily.sources[reason] == reasons[reason]
        assert daily.losses == {"lapsed": reasons["lapsed"], "deleted": reasons["deleted"]}
        assert daily.sources["retained"] == counted.retained(day)
        assert (daily.registrations, daily.churned) == (month["registered"], month["churned"])
        base = sum(states[state] for state in ("new", "active", "silent"))
        assert daily.base == base
        if base:
            assert daily.retention == counted.back(day) / base
            assert daily.activity == states["active"] / base
            assert daily.new_user_ratio == month["registered"] / base
            assert daily.churn_rate == month["churned"] / base

    @for_many(PERSONS[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        checked(case, check)

    agree()


def traffic(visits: list[Visit]) -> tuple[int, float, float, float]:
    n = len(visits) or 1
    return (
        len(visits),
        sum(visit.bounce for visit in visits) / n,
        sum(visit.pages for visit in visits) / n,
        sum(visit.ms for visit in visits) / (n * 1000),
    )


def of_visits(found: Traffic) -> tuple[int, float, float, float]:
    return found.visits, found.bounce_rate, found.pages_per_visit, found.seconds_per_visit


@pytest.mark.parametrize("name", VISITS)
def test_visits(name: str) -> None:
    def check(counted: Counted, day: int, daily: Daily) -> None:
        visits = counted.visits(day)
        assert of_visits(daily.traffic) == traffic(visits)
        for channel, found in daily.channels.items():
            assert of_visits(found) == traffic([each for each in visits if each.channel == channel])
        assert {visit.channel for visit in visits} <= set(daily.channels)

    @for_many(VISITS[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        checked(case, check)

    agree()


@pytest.mark.parametrize("name", ["plain", "late"])
def test_pseudo_activity_prospects_and_people_by_channel(name: str) -> None:
    def check(counted: Counted, day: int, daily: Daily) -> None:
        assert daily.pseudo_active == counted.pseudo(day)
        assert daily.people_by_state["prospect"] == counted.prospects(day)
        people = Counter({name: each.people for name, each in daily.channels.items()})
        assert +people == counted.people_by_channel(day)

    @for_many(VISITS[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        checked(case, check)

    agree()


@for_many(Shape(disorder=False), generated=6, seeds=FEW)
def test_prospects_who_are_forgotten(case: Case) -> None:
    def check(counted: Counted, day: int, daily: Daily) -> None:
        assert daily.people_by_state["prospect"] == counted.prospects(day)

    checked(case, check)


@for_many(EVERYTHING, generated=6, seeds=FEW)
def test_the_balance_holds_on_every_day(case: Case) -> None:
    case, before = closed(case), 0
    for daily in reports(case):
        assert daily.active_before == before
        before = daily.people_by_state["active"]
        gained = sum(daily.sources[name] for name in ("activated", "reactivated", "resurrected"))
        assert before == daily.active_before + gained - daily.losses["lapsed"] - daily.losses["deleted"]
        assert 0 <= daily.sources["retained"] <= daily.active_before
        assert min(daily.people_by_state.values()) >= 0
        assert min(daily.people_by_tier.values()) >= 0
        assert 0 <= daily.retention <= 1


@for_many(Shape(deletions=True, ignored=False), generated=6, seeds=FEW)
def test_one_two_and_eight_partitions_make_the_same_reports(case: Case) -> None:
    case = closed(case)
    expected = reports(case)
    for partitions in (2, 8):
        assert reports(case, partitions) == expected


@pytest.mark.parametrize("way", WAYS)
def test_a_restart_anywhere_and_slices_change_nothing(way: str) -> None:
    @for_many(EVERYTHING, generated=6, seeds=FEW)
    def same(case: Case) -> None:
        case = closed(case)
        assert reports(case, restarts=Random(len(case.log)), way=WAYS[way]) == reports(case)

    same()


def test_the_cases_have_days_in_them() -> None:
    """That the tests above compare something."""
    cases = [closed(make_case(Random(seed), EVERYTHING)) for seed in range(30)]
    found = [daily for case in cases for daily in reports(case)]
    assert len(found) > 300
    assert sum(daily.pseudo_active > 0 for daily in found) > 10
    assert sum(daily.sources["retained"] > 0 for daily in found) > 30
    assert sum(daily.people_by_state["prospect"] > 0 for daily in found) > 30
