"""What follows for a report from the days before, and from settings: phases, goals, channels, repeats."""

from __future__ import annotations

from typing import Any

import pytest

from stream.core.definition import Definition, Engagement, Goal
from stream.core.engagement.figures import Cell, Figures
from stream.core.engagement.partials import DayPart
from stream.core.engagement.report import Reports
from stream.core.records import Daily


def new(reports: Reports, day: int, *, registered: int = 0, churned: int = 0, source: int = 0) -> Daily:
    """The report of a day on which so many registered and churned, where a thousand are silent before all."""
    states = {"new": registered, "silent": -churned, "churned": churned}
    if day == 0:
        states["silent"] += 1_000
    reasons = {"registered": registered, "churned": churned}
    reports.part(DayPart(source, day, Figures(states=states, reasons=reasons)))
    return reports.close(day)


def settings(**engagement: Any) -> Definition:
    return Definition(engagement=Engagement(**engagement))


def test_growing_is_said_on_the_seventh_day_in_a_row() -> None:
    reports = Reports(Definition())
    assert [new(reports, day, registered=1).phase for day in range(8)] == ["stable"] * 6 + ["growing"] * 2


def test_declining_likewise_after_as_many_days_as_are_set() -> None:
    reports = Reports(settings(phase_days=2))
    found = [new(reports, day, churned=1).phase for day in range(3)]
    assert found == ["stable", "declining", "declining"]


def test_a_day_with_as_many_of_both_begins_anew() -> None:
    reports = Reports(settings(phase_days=2))
    assert new(reports, 0, registered=1).phase == "stable"
    assert new(reports, 1, registered=1).phase == "growing"
    assert new(reports, 2, churned=2).phase == "stable"
    assert new(reports, 3, registered=1).phase == "stable"
    assert new(reports, 4, registered=1).phase == "growing"


def test_ratios_look_back_over_thirty_days_and_not_over_thirty_one() -> None:
    reports = Reports(Definition())
    found = [new(reports, day, registered=10 if day == 0 else 0) for day in range(31)]
    assert [daily.registrations for daily in found[28:]] == [10, 10, 0]
    assert found[29].new_user_ratio == 10 / 1_010
    assert found[30].new_user_ratio == 0


def test_without_a_base_ratios_are_0() -> None:
    found = Reports(Definition()).close(7)
    assert (found.new_user_ratio, found.churn_rate, found.activity, found.retention) == (0, 0, 0, 0)
    assert (found.traffic.bounce_rate, found.traffic.pages_per_visit, found.traffic.seconds_per_visit) == (
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("base", 1_050),
        ("people_by_state.new", 50),
        ("new_user_ratio", 50 / 1_050),
        ("sources.activated", 0),
        ("traffic.visits", 0),
    ],
)
def test_a_goal_is_as_far_as_its_figure_is(metric: str, value: float) -> None:
    goal = Goal(metric, 200, "1970-01-11")
    (found,) = new(Reports(settings(goals=(goal,))), 0, registered=50).goals
    assert (found.value, found.reached, found.days_left) == (value, value / 200, 10)


def test_a_goal_of_yesterday_has_minus_one_day_left() -> None:
    goal = Goal("base", 1, "1969-12-31")
    (found,) = new(Reports(settings(goals=(goal,))), 0).goals
    assert found.days_left == -1


def channels(**visits: int) -> Figures:
    return Figures({name: Cell(people=1, visits=count, bounces=count) for name, count in visits.items()})


def test_the_largest_channels_have_their_own_figures_and_the_rest_is_other() -> None:
    reports = Reports(settings(max_values=2))
    reports.part(DayPart(0, 0, channels(web=2, app=1, tv=2, other=7)))
    reports.part(DayPart(1, 0, channels(app=5, radio=1)))
    found = reports.close(0).channels
    assert [(name, each.visits, each.people) for name, each in found.items()] == [
        ("app", 6, 2),
        ("tv", 2, 1),
        ("other", 10, 3),
    ]


def test_a_repeat_takes_the_place_of_the_first_and_is_nothing_after_the_report() -> None:
    reports = Reports(Definition())
    part = DayPart(0, 0, Figures(states={"active": 1}, reasons={"activated": 1}))
    reports.part(part)
    reports.part(part)
    assert reports.close(0).people_by_state["active"] == 1
    reports.part(part)
    assert reports.close(1).people_by_state["active"] == 1


def test_reports_go_on_after_a_restart_between_any_two_steps() -> None:
    kept: dict[str, bytes] = {}

    def again(reports: Reports) -> Reports:
        for key, value in reports.changes():
            if value is None:
                del kept[key]
            else:
                kept[key] = value
        restored = Reports(settings(phase_days=2))
        for key, value in kept.items():
            restored.restore(key, value)
        restored.restored()
        return restored

    plain, interrupted = Reports(settings(phase_days=2)), Reports(settings(phase_days=2))
    for day in range(40):
        figures = Figures(
            channels(web=day).channels,
            users={30: day, 3: 1},
            visitors={1: 2},
            states={"new": day},
            base={0: 1, 4: 2},
        )
        for reports in (plain, interrupted):
            reports.part(DayPart(day % 3, day, figures))
        interrupted = again(interrupted)
        assert interrupted.close(day) == plain.close(day)
        interrupted = again(interrupted)
    assert len(kept) == 1
