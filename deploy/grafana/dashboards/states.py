"""The lifecycle states and tiers as the dashboards show them: queries and colours."""

from __future__ import annotations

from deploy.grafana.dashboards.promql import Query, over_partitions

ACTIVE_PEOPLE = "footfall_active_people"
PEOPLE_NOW = Query(over_partitions("footfall_people", "state"), "{{state}}")
TIERS_NOW = Query(over_partitions("footfall_people_by_tier", "tier"), "{{tier}}")

STATES = {
    "prospect": "text",
    "new": "blue",
    "active": "green",
    "silent": "yellow",
    "churned": "orange",
    "hibernating": "red",
}
TIERS = {"none": "text", "low": "light-green", "medium": "green", "high": "dark-green"}
REASONS = {
    "activated": "blue",
    "reactivated": "green",
    "resurrected": "purple",
    "lapsed": "orange",
    "deleted": "red",
}
