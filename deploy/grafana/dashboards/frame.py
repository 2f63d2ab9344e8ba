"""What all dashboards have: variables, links between them and to the live page, incidents as annotations."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.dashboards.panels import SOURCE
from deploy.grafana.dashboards.promql import incidents

TAG = "footfall"
PAGE = "${page}"


class IncidentAnnotation(Builder[models.AnnotationQuery]):
    """A span over each open incident's time, with its sentence."""

    def build(self) -> models.AnnotationQuery:
        """The query, with what Prometheus annotations have and the SDK's model lacks."""
        return _PrometheusAnnotation(
            name="Incidents",
            datasource=SOURCE,
            enable=True,
            icon_color="red",
            expr=incidents(),
        )


class _PrometheusAnnotation(models.AnnotationQuery):
    def to_json(self) -> dict[str, object]:
        return super().to_json() | {
            "step": "15s",
            "titleFormat": "{{direction}} of {{measure}}: {{series}}",
            "textFormat": "{{sentence}}",
            "tagKeys": "severity,owner",
        }


def board(uid: str, title: str, description: str, *, since: str, refresh: str) -> dashboard.Dashboard:
    """An empty dashboard that shows the time since `since`."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .time(since, "now")
        .refresh(refresh)
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .links([_links(), _page()])
        .with_variable(
            dashboard.DatasourceVariable("datasource")
            .label("Data source")
            .type("prometheus")
            .current(models.VariableOption(selected=True, text="Prometheus", value="prometheus"))
        )
        .with_variable(choice("job", "Product", "label_values(footfall_partitions, job)"))
        .with_variable(
            dashboard.TextBoxVariable("page")
            .label("Live page")
            .description("Where a worker's pages are, as your browser reaches them.")
            .default_value("http://localhost:6066")
        )
    )


def choice(name: str, label: str, query: str, *, regex: str = "", first: str = "") -> dashboard.QueryVariable:
    """A variable with the values that Prometheus knows; `first` is chosen until somebody chooses."""
    asked: dict[str, Any] = {"qryType": 1, "query": query, "refId": name}
    variable = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(asked)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if regex:
        variable.regex(regex)
    if first:
        variable.current(models.VariableOption(selected=True, text=first, value=first))
    return variable


def _links() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.include_vars(True).keep_time(True)


def _page() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Live page").type(models.DashboardLinkType.LINK).url(PAGE)
    return link.icon("external link").target_blank(True)
