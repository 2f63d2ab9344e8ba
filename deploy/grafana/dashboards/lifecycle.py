"""The dashboard *Lifecycle*: where people are, where the active come from and go to, and the ratios."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.dashboards.frame import board
from deploy.grafana.dashboards.panels import bars, gauges, name, number, numbers, stacked, steps, trend
from deploy.grafana.dashboards.promql import Query, of_merger, over_partitions, per_minute
from deploy.grafana.dashboards.states import (
    ACTIVE_PEOPLE,
    PEOPLE_NOW,
    REASONS,
    STATES,
    TIERS,
    TIERS_NOW,
)

TRANSITIONS = "footfall_transitions_total"
LIFECYCLE = 'kind="lifecycle"'
INTO = f'{LIFECYCLE}, reason=~"activated|reactivated|resurrected"'
OUT_OF = f'{LIFECYCLE}, reason=~"lapsed|deleted"'
GAINED = of_merger("footfall_daily_active_gained", "source", where='source!="retained"')
LOST = of_merger("footfall_daily_active_lost", "reason")


def lifecycle() -> dashboard.Dashboard:
    """Refreshed every half minute; shows the last week."""
    found = board(
        "footfall-lifecycle",
        "Footfall: Lifecycle",
        "Where people are in their life with the product, where the active come from, and where they go.",
        since="now-7d",
        refresh="30s",
    )
    _people(found)
    _balance(found)
    _ratios(found)
    _traffic(found)
    return found


def _people(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("People, now"))
    found.with_panel(
        stacked(
            "People by state",
            "Everybody by lifecycle state, now: a healthy product's active band widens, and churned and "
            "hibernating grow no faster than it.",
            "short",
            PEOPLE_NOW,
            colours=STATES,
        )
    )
    found.with_panel(
        stacked(
            "Registered persons by tier",
            "How active registered persons are, now: from high, with ten engaged visits in 30 days, to none.",
            "short",
            TIERS_NOW,
            colours=TIERS,
        )
    )
    found.with_panel(
        trend(
            "Active people",
            "Distinct registered persons with an event in 1, 7 and 30 days, now; that of 1 day begins "
            "anew at each midnight.",
            "short",
            Query(over_partitions(ACTIVE_PEOPLE, "days", where='kind="registered"'), "{{days}} d"),
        )
    )


def _balance(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("The active: sources and losses"))
    found.with_panel(
        bars(
            "Becoming active and ceasing, per minute",
            "Live transitions into active, and out of it below the axis (deleted: from any state); lapses "
            "come together at midnight.",
            "cpm",
            Query(per_minute(TRANSITIONS, "reason", where=INTO), "{{reason}}"),
            Query("-" + per_minute(TRANSITIONS, "reason", where=OUT_OF), "{{reason}}"),
            colours=REASONS,
        )
    )
    found.with_panel(
        steps(
            "Sources and losses of a day",
            "The last daily report's: who became active, by how, and below the axis who ceased; in balance "
            "where both sides are equally far from 0.",
            "short",
            Query(GAINED, "{{source}}"),
            Query(f"-{LOST}", "{{reason}}"),
            colours=REASONS,
        )
    )
    found.with_panel(
        trend(
            "All lifecycle transitions per minute",
            "Every change of state by its reason, the ten most frequent; registrations follow the day, the "
            "others mostly midnights.",
            "cpm",
            Query(f"topk(10, {per_minute(TRANSITIONS, 'reason', where=LIFECYCLE)})", "{{reason}}"),
        )
    )
    found.with_panel(
        number(
            "Day's balance",
            "Persons gained by the active less those lost in the last daily report; above 0 the product "
            "grows.",
            "short",
            Query(f"sum({GAINED}) - sum({LOST})", "balance"),
        )
    )
    found.with_panel(
        number(
            "Retained",
            "Persons active at both midnights of the last daily report: by far most of the active.",
            "short",
            Query(of_merger("footfall_daily_active_gained", where='source="retained"'), "retained"),
        )
    )
    found.with_panel(
        numbers(
            "Tiers per minute",
            "Persons whose tier has just gone up or down; about as many up as down.",
            "cpm",
            Query(per_minute(TRANSITIONS, "reason", where='kind="tier"'), "{{reason}}"),
        )
    )
    for title, metric, says in (
        (
            "Registrations",
            "registrations",
            "Persons who registered in the 30 days up to the last daily report",
        ),
        ("Churned", "churned_people", "Persons who churned in the 30 days up to the last daily report"),
        (
            "Pseudo-active",
            "pseudo_active_people",
            "Persons who were there on the last reported day, but not really: every visit a passive bounce, "
            "or every key event taken back",
        ),
    ):
        found.with_panel(
            number(
                title,
                f"{says}; normal is what it was last week.",
                "short",
                Query(of_merger(f"footfall_daily_{metric}"), metric),
            )
        )


def _ratios(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Ratios of the last daily report"))
    found.with_panel(
        steps(
            "Retention and activity",
            "Of the base (new, active and silent persons), the share with an event in 30 days, and the share "
            "that is active; both are steady in a settled product.",
            "percentunit",
            Query(of_merger("footfall_daily_retention_ratio"), "retention"),
            Query(of_merger("footfall_daily_activity_ratio"), "activity"),
        )
    )
    found.with_panel(
        steps(
            "New users and churn",
            "Registrations and churned persons of 30 days, each as a share of the base: the product grows "
            "while the first is above the second.",
            "percentunit",
            Query(of_merger("footfall_daily_new_user_ratio"), "new users"),
            Query(of_merger("footfall_daily_churn_ratio"), "churn"),
            colours={"new users": "green", "churn": "red"},
        )
    )
    found.with_panel(
        gauges(
            "Goals",
            "How far each goal of the configuration is: 100 % is reached; empty without goals.",
            "percentunit",
            Query(f"topk(10, {of_merger('footfall_daily_goal_ratio', 'metric')})", "{{metric}}"),
            limits={0: "orange", 0.8: "yellow", 1: "green"},
        )
    )
    found.with_panel(
        name(
            "Phase",
            "Growing, stable or declining: whether new users have been above churn for `phase_days`.",
            "none",
            Query(f"{of_merger('footfall_daily_phase', 'phase')} > 0", "{{phase}}"),
            width=8,
        )
    )
    found.with_panel(
        number(
            "Reported day",
            "The local date of the last daily report; normally yesterday.",
            "dateTimeAsIso",
            Query(f"1000 * {of_merger('footfall_daily_day_timestamp_seconds')}", "day"),
            width=8,
        )
    )
    found.with_panel(
        number(
            "Bounces",
            "The share of the reported day's visits that were bounces; normal is what it was last week.",
            "percentunit",
            Query(of_merger("footfall_daily_bounce_ratio"), "bounces"),
            width=8,
        )
    )


def _traffic(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Days"))
    found.with_panel(
        steps(
            "Active people at the end of a day",
            "Distinct registered persons with an event in 1, 7 and 30 days in the last daily report; the "
            "first over the last is how often people come.",
            "short",
            Query(
                of_merger("footfall_daily_active_people", "days", where='kind="registered"'),
                "{{days}} d",
            ),
            width=6,
        )
    )
    found.with_panel(
        steps(
            "Visits and page views of a day",
            "Visits begun and pages viewed in the last daily report; weekdays and Sundays differ.",
            "short",
            Query(of_merger("footfall_daily_visits"), "visits"),
            Query(of_merger("footfall_daily_pageviews"), "page views"),
            width=6,
        )
    )
    found.with_panel(
        steps(
            "People at the end of a day",
            "Persons by state in the last daily report: the figures that the balance is about.",
            "short",
            Query(of_merger("footfall_daily_people", "state"), "{{state}}"),
            width=6,
            colours=STATES,
        )
    )
    found.with_panel(
        steps(
            "Tiers at the end of a day",
            "Registered persons by tier in the last daily report; each has its usual share.",
            "short",
            Query(of_merger("footfall_daily_people_by_tier", "tier"), "{{tier}}"),
            width=6,
            colours=TIERS,
        )
    )
