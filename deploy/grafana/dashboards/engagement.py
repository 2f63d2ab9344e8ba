"""The dashboard *Engagement*: a series against what was expected of it, what it is made of, and incidents."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.dashboards.frame import IncidentAnnotation, board, choice
from deploy.grafana.dashboards.incidents import open_incidents
from deploy.grafana.dashboards.panels import band, bars, number, numbers, trend
from deploy.grafana.dashboards.promql import Query, largest, of_merger, per_minute, within

FINAL = 'status="final"'
CHOSEN = 'series="$series"'
KEY_EVENTS = f'series=~"key:.*", {FINAL}'
DIMENSION = f'series=~"$dimension:.*", {FINAL}'


def engagement() -> dashboard.Dashboard:
    """Refreshed every ten seconds; shows the last six hours."""
    found = board(
        "footfall-engagement",
        "Footfall: Engagement",
        "The product's engagement, window by window, against what was expected, and what it is made of.",
        since="now-6h",
        refresh="10s",
    )
    known = 'label_values(footfall_engagement_people{job="$job"}, series)'
    found.with_variable(choice("series", "Series", known, first="total"))
    # `channel` of `channel:web`; the series `total` and those of key events belong to no dimension.
    found.with_variable(choice("dimension", "Dimension", known, regex="/^(?!key:)([^:]+):/", first="channel"))
    found.annotation(IncidentAnnotation())
    found.with_row(dashboard.Row("$series"))
    _bands(found)
    _windows(found)
    _parts(found)
    _incidents(found)
    return found


def _bands(found: dashboard.Dashboard) -> None:
    for title, measure, metric, unit, says in (
        ("Index", "index", "index_ratio", "percentunit", "Engaged people / people of each window"),
        ("People", "people", "people", "short", "Distinct people of each window"),
        ("Volume", "volume", "volume", "short", "The weights of all key events of each window"),
    ):
        value = of_merger(f"footfall_engagement_{metric}", where=f'{CHOSEN}, status="STATUS"')
        bounds = [
            of_merger(f"footfall_engagement_{bound}", where=f'{CHOSEN}, measure="{measure}"')
            for bound in ("expected", "lower", "upper")
        ]
        found.with_panel(
            band(
                f"{title}: $series",
                f"{says}, final and so far, in the band in which it was expected; outside is an incident "
                "where it lasts, and a series too small or too young has no band.",
                unit,
                value,
                bounds,
            )
        )


def _windows(found: dashboard.Dashboard) -> None:
    found.with_panel(
        trend(
            "Score",
            "How unusual each measure of the series was in its last final window, 0 to 1; near 0, and an "
            "alarm from `detection.sensitivity` on.",
            "percentunit",
            Query(of_merger("footfall_engagement_score", "measure", where=CHOSEN), "{{measure}}"),
            limits={0.95: "red"},
        )
    )
    found.with_panel(
        trend(
            "Events and visits",
            "Events of the last final window of the series, and visits begun in it; they move together.",
            "short",
            Query(of_merger("footfall_engagement_events", where=f"{CHOSEN}, {FINAL}"), "events"),
            Query(of_merger("footfall_engagement_visits", where=f"{CHOSEN}, {FINAL}"), "visits"),
        )
    )
    found.with_panel(
        trend(
            "Engaged people",
            "Distinct people with a key event in the last final window, beside all of them; their ratio "
            "is the index.",
            "short",
            Query(of_merger("footfall_engagement_people", where=f"{CHOSEN}, {FINAL}"), "people"),
            Query(of_merger("footfall_engagement_engaged_people", where=f"{CHOSEN}, {FINAL}"), "engaged"),
        )
    )


def _parts(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("By key event, and by $dimension"))
    found.with_panel(
        bars(
            "Volume by key event",
            "The weights of the ten largest key events of the last final window; each has its usual share.",
            "short",
            Query(largest("footfall_engagement_volume", "series", where=KEY_EVENTS), "{{series}}"),
        )
    )
    found.with_panel(
        trend(
            "People by key event",
            "Distinct people with each of the ten most used key events in the last final window; they "
            "fall and rise together, unless one is broken.",
            "short",
            Query(largest("footfall_engagement_people", "series", where=KEY_EVENTS), "{{series}}"),
        )
    )
    found.with_panel(
        trend(
            "Key events per minute",
            "Occurrences of the ten most frequent key events, as they arrive; a line at 0 is an event "
            "that the product no longer sends.",
            "cpm",
            Query(f"topk(10, {per_minute('footfall_key_events_total', 'key_event')})", "{{key_event}}"),
        )
    )
    for title, metric, unit, says in (
        ("People by $dimension", "people", "short", "Distinct people"),
        ("Volume by $dimension", "volume", "short", "The weights of key events"),
        ("Index by $dimension", "index_ratio", "percentunit", "Engaged people / people"),
    ):
        found.with_panel(
            trend(
                title,
                f"{says} of the last final window, of the ten highest values of the dimension; one that "
                "leaves the others is where to look.",
                unit,
                Query(largest(f"footfall_engagement_{metric}", "series", where=DIMENSION), "{{series}}"),
            )
        )


def _incidents(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Incidents"))
    found.with_panel(open_incidents())
    found.with_panel(
        numbers(
            "Open, by severity",
            "Incidents that are open, by severity; normally 0.",
            "short",
            Query(of_merger("footfall_open_incidents", "severity"), "{{severity}}"),
            width=8,
        )
    )
    found.with_panel(
        number(
            "Opened in a day",
            "Incidents opened in the last 24 hours, spikes and drops; a few a week are normal.",
            "short",
            Query(within("24h", "footfall_incidents_total"), "incidents"),
            width=8,
            limits={5: "yellow", 20: "red"},
        )
    )
    found.with_panel(
        number(
            "Last final window",
            "The end, in event time, of the last window that is final; normally a window and its lateness "
            "ago.",
            "dateTimeFromNow",
            Query(
                f"1000 * {of_merger('footfall_engagement_window_end_timestamp_seconds', where=FINAL)}", "end"
            ),
            width=8,
        )
    )
