"""The kinds of panels that the dashboards are made of, each with a title, a sentence, a unit and a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.dashboards.promql import Query

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24
HEIGHT = 8

Limits = Mapping[float, str]
"""Colours from a value on; below the first: green."""
Colours = Mapping[str, str]
"""Fixed colours of series, by name."""

NO_LIMITS: Limits = {}
NO_COLOURS: Colours = {}


def trend(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 8,
    limits: Limits = NO_LIMITS,
    colours: Colours = NO_COLOURS,
) -> timeseries.Panel:
    """Lines over time. `limits` are dashed lines."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(HEIGHT)
        .targets([_target(query, letter) for query, letter in zip(queries, ascii_uppercase, strict=False)])
        .legend(_legend())
        .tooltip(
            common.VizTooltipOptions()
            .mode(TooltipDisplayMode.MULTI)
            .sort(SortOrder.DESCENDING)
            .hide_zeros(True)
        )
        .line_width(2)
        .fill_opacity(8)
        .show_points(VisibilityMode.NEVER)
        .axis_soft_min(0)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    )
    if limits:
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel.thresholds(_thresholds(limits)).thresholds_style(style)
    for name, colour in colours.items():
        panel.override_by_name(name, [_fixed(colour)])
    return panel


def stacked(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 8,
    colours: Colours = NO_COLOURS,
) -> timeseries.Panel:
    """Areas on top of each other: parts of a whole over time."""
    panel = trend(title, description, unit, *queries, width=width, colours=colours)
    stacking = common.StackingConfig().mode(StackingMode.NORMAL).group("A")
    return panel.stacking(stacking).fill_opacity(45).line_width(1)


def bars(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 8,
    colours: Colours = NO_COLOURS,
) -> timeseries.Panel:
    """Bars on top of each other, losses (below 0) under the axis."""
    panel = stacked(title, description, unit, *queries, width=width, colours=colours)
    return panel.draw_style(GraphDrawStyle.BARS).fill_opacity(70)


def steps(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 8,
    colours: Colours = NO_COLOURS,
) -> timeseries.Panel:
    """Lines that hold a value until the next: what is said once a day."""
    panel = trend(title, description, unit, *queries, width=width, colours=colours)
    return panel.line_interpolation(LineInterpolation.STEP_AFTER)


def band(title: str, description: str, unit: str, value: str, expected: Sequence[str]) -> timeseries.Panel:
    """A value inside the bounds that were expected. `value` is an expression with `STATUS` in it;
    `expected` are those of what was expected, the lower and the upper bound."""
    middle, lower, upper = expected
    panel = trend(
        title,
        description,
        unit,
        Query(value.replace("STATUS", "final"), "value"),
        Query(value.replace("STATUS", "provisional"), "so far"),
        Query(middle, "expected"),
        Query(lower, "lower"),
        Query(upper, "upper"),
        width=WIDTH,
        colours={"value": "blue", "so far": "light-blue", "expected": "green"},
    )
    panel.fill_opacity(0).line_interpolation(LineInterpolation.STEP_AFTER)
    bound = [_fixed("green"), _custom("lineWidth", 0)]
    panel.override_by_name("lower", [*bound])
    panel.override_by_name("upper", [*bound, _custom("fillBelowTo", "lower"), _custom("fillOpacity", 18)])
    panel.override_by_name("expected", [_dashed()])
    panel.override_by_name("so far", [_dashed()])
    return panel


def number(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 4,
    limits: Limits = NO_LIMITS,
) -> stat.Panel:
    """The last value, large, with a line of how it came to it."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(4)
        .targets([_target(query, letter) for query, letter in zip(queries, ascii_uppercase, strict=False)])
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .text_mode(BigValueTextMode.AUTO if len(queries) == 1 else BigValueTextMode.VALUE_AND_NAME)
        .thresholds(_thresholds(limits) if limits else _plain())
    )


def numbers(title: str, description: str, unit: str, query: Query, width: int = 4) -> stat.Panel:
    """The last value of each series of one query, with its name."""
    return number(title, description, unit, query, width=width).text_mode(BigValueTextMode.VALUE_AND_NAME)


def name(title: str, description: str, unit: str, query: Query, width: int = 4) -> stat.Panel:
    """The name of the only series that there is."""
    panel = number(title, description, unit, query, width=width).text_mode(BigValueTextMode.NAME)
    panel.graph_mode(BigValueGraphMode.NONE)
    panel.targets([_target(query, "A").instant()])
    return panel


def gauges(
    title: str, description: str, unit: str, query: Query, width: int = 8, limits: Limits = NO_LIMITS
) -> bargauge.Panel:
    """Bars side by side: the last value of each series."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(HEIGHT)
        .targets([_target(query, "A").instant()])
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .display_mode(BarGaugeDisplayMode.BASIC)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .legend(_legend())
        .min(0)
        .thresholds(_thresholds(limits) if limits else _plain())
    )


def listing(
    title: str, description: str, query: str, columns: Mapping[str, str], link: tuple[str, str, str] | None
) -> table.Panel:
    """A table of the labels that a query answers with now: `columns` are labels and their headings.

    `link`: the label whose cells lead somewhere, what the link says, and where to.
    """
    order = {label: place for place, label in enumerate(columns)}
    organize: dict[str, Any] = {
        "excludeByName": {"Time": True, "Value": True},
        "indexByName": order,
        "renameByName": dict(columns),
    }
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("string")
        .span(WIDTH)
        .height(HEIGHT)
        .targets([_target(Query(query, ""), "A").instant().format(PromQueryFormat.TABLE)])
        .with_transformation(DataTransformerConfig(id_val="organize", options=organize))
        .filterable(True)
        .no_value("None.")
    )
    if link is not None:
        label, says, url = link
        data_link = dashboard.DashboardLink(says).type(DashboardLinkType.LINK).url(url).target_blank(True)
        panel.override_by_name(
            columns[label], [DynamicConfigValue(id_val="links", value=[data_link.build()])]
        )
    return panel


def _target(query: Query, letter: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).ref_id(letter).range().datasource(SOURCE)
    return target.legend_format(query.legend) if query.legend else target


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM)
    return legend.display_mode(LegendDisplayMode.LIST).calcs(["lastNotNull"])


def _thresholds(limits: Limits) -> dashboard.ThresholdsConfig:
    found = [Threshold(value=None, color="green")]
    found += [Threshold(value=value, color=colour) for value, colour in sorted(limits.items())]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def _plain() -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="blue")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _fixed(colour: str) -> DynamicConfigValue:
    return DynamicConfigValue(
        id_val="color", value={"mode": FieldColorModeId.FIXED.value, "fixedColor": colour}
    )


def _custom(key: str, value: object) -> DynamicConfigValue:
    return DynamicConfigValue(id_val=f"custom.{key}", value=value)


def _dashed() -> DynamicConfigValue:
    return _custom("lineStyle", {"fill": "dash", "dash": [6, 6]})
