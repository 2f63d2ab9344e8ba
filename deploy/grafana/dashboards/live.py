"""The dashboard *Live*: who is there now, and what they do."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.dashboards.frame import IncidentAnnotation, board
from deploy.grafana.dashboards.incidents import open_incidents
from deploy.grafana.dashboards.panels import bars, gauges, number, numbers, trend
from deploy.grafana.dashboards.promql import (
    Query,
    largest,
    of_merger,
    over_partitions,
    per_minute,
    within,
)
from deploy.grafana.dashboards.states import ACTIVE_PEOPLE, PEOPLE_NOW

THERE_NOW = Query(over_partitions("footfall_open_visits"), "people there now")
APPLIED = 'destination="applied"'
UNDER_WAY = 'series="total", status="provisional"'


def live() -> dashboard.Dashboard:
    """Refreshed every five seconds; shows the last half hour."""
    found = board(
        "footfall-live",
        "Footfall: Live",
        "Who is there now, what they do, and who has just changed stage.",
        since="now-30m",
        refresh="5s",
    )
    found.annotation(IncidentAnnotation())
    _now(found)
    _traffic(found)
    _window(found)
    _stages(found)
    return found.with_row(dashboard.Row("Incidents")).with_panel(open_incidents())


def _now(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Now"))
    found.with_panel(
        number(
            "There now",
            "Visits that are open: people with an event in the last half hour, or what `visit.gap` says; "
            "it follows the time of day.",
            "short",
            THERE_NOW,
        )
    )
    for days, title, when in (
        (1, "Active today", "today"),
        (7, "Active in 7 days", "in the last 7 local days, today among them"),
        (30, "Active in 30 days", "in the last 30 local days, today among them"),
    ):
        found.with_panel(
            numbers(
                title,
                f"Distinct people with an event {when}: registered persons, and visitors who have no "
                "account; it grows through the day.",
                "short",
                Query(over_partitions(ACTIVE_PEOPLE, "kind", where=f'days="{days}"'), "{{kind}}"),
            )
        )
    found.with_panel(
        number(
            "Events per minute",
            "Events applied to persons, all workers together; it follows the time of day, and 0 means that "
            "nothing arrives.",
            "epm",
            Query(per_minute("footfall_events_total", where=APPLIED), "events"),
        )
    )
    found.with_panel(
        number(
            "Incidents open",
            "How many incidents are open, tickets and pages together; normally 0.",
            "short",
            Query(f"sum({of_merger('footfall_open_incidents', 'severity')})", "incidents"),
            limits={1: "orange"},
        )
    )


def _traffic(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Traffic"))
    found.with_panel(
        trend(
            "People there now",
            "Open visits over time: how full the product is; steps down are visits that ended together.",
            "short",
            THERE_NOW,
        )
    )
    found.with_panel(
        trend(
            "Events and visits per minute",
            "Events applied, and visits that ended and were published; their ratio is how much happens in a "
            "visit, and hardly changes.",
            "cpm",
            Query(per_minute("footfall_events_total", where=APPLIED), "events"),
            Query(per_minute("footfall_visits_total"), "visits"),
        )
    )
    found.with_panel(
        bars(
            "Key events per minute",
            "The ten most frequent of the key events that make people active; each has its usual share.",
            "cpm",
            Query(f"topk(10, {per_minute('footfall_key_events_total', 'key_event')})", "{{key_event}}"),
        )
    )


def _window(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("The window under way"))
    for title, metric, unit, says in (
        ("People", "people", "short", "Distinct people in the window under way, as far as it has come"),
        (
            "Engaged people",
            "engaged_people",
            "short",
            "Those of them with a key event, as far as it has come",
        ),
        ("Events", "events", "short", "Applied events in the window under way, as far as it has come"),
        (
            "Visits begun",
            "visits",
            "short",
            "Visits that began in the window under way, as far as it has come",
        ),
        ("Volume", "volume", "short", "The weights of its key events together, as far as it has come"),
        (
            "Index",
            "index_ratio",
            "percentunit",
            "Engaged people / people, meaningful from its first minutes on",
        ),
    ):
        found.with_panel(
            number(
                title,
                f"{says}; it grows until the window closes and should then be near the last one's."
                if unit == "short"
                else f"{says}; normally near the last window's.",
                unit,
                Query(of_merger(f"footfall_engagement_{metric}", where=UNDER_WAY), metric),
            )
        )
    found.with_panel(
        trend(
            "People: so far, and in the last whole window",
            "How many people the window under way has had so far, beside the last final one and what was "
            "expected of that; a saw below a line.",
            "short",
            Query(of_merger("footfall_engagement_people", where=UNDER_WAY), "so far"),
            Query(of_merger("footfall_engagement_people", where='series="total", status="final"'), "last"),
            Query(
                of_merger("footfall_engagement_expected", where='series="total", measure="people"'),
                "expected",
            ),
            width=12,
            colours={"so far": "light-blue", "last": "blue", "expected": "green"},
        )
    )
    found.with_panel(
        bars(
            "Volume so far, by key event",
            "Which key events make the volume of the window under way, the ten largest; they should all "
            "be there.",
            "short",
            Query(
                largest(
                    "footfall_engagement_volume", "series", where='series=~"key:.*", status="provisional"'
                ),
                "{{series}}",
            ),
            width=12,
        )
    )


def _stages(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Changing stage"))
    found.with_panel(
        bars(
            "Transitions per minute",
            "Persons who have just changed their lifecycle state or tier, by reason; many at a midnight, "
            "when days without an event are counted.",
            "cpm",
            Query(per_minute("footfall_transitions_total", "reason"), "{{reason}}"),
        )
    )
    found.with_panel(
        gauges(
            "Transitions in the last hour",
            "The same, counted over an hour: what has happened most comes first.",
            "short",
            Query(f"sort_desc({within('1h', 'footfall_transitions_total', 'reason')} > 0)", "{{reason}}"),
        )
    )
    found.with_panel(
        gauges(
            "People by state",
            "Where everybody is now; states change slowly, so a jump means that something was counted anew.",
            "short",
            PEOPLE_NOW,
        )
    )
