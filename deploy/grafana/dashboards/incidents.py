"""The table of open incidents, which two dashboards show."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table

from deploy.grafana.dashboards.frame import PAGE
from deploy.grafana.dashboards.panels import listing
from deploy.grafana.dashboards.promql import incidents

COLUMNS = {
    "severity": "Severity",
    "sentence": "What happened",
    "causes": "Most of it from",
    "since": "Since",
    "owner": "Owner",
    "series": "Series",
    "measure": "Measure",
    "direction": "Direction",
    "incident": "Incident",
}


def open_incidents() -> table.Panel:
    """What is wrong now, in words."""
    return listing(
        "Open incidents",
        "What of the product's engagement is far from what was expected, in words, with where most of it "
        "comes from; normally empty, and a line leads to its page.",
        incidents(),
        COLUMNS,
        link=("incident", "Open it on the live page", f"{PAGE}/#incident=${{__data.fields.Incident}}"),
    )
