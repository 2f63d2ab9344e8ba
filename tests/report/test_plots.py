"""Plots of whatever there is: gaps, nothing at all, many channels."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import msgspec
import pytest

from stream.core.records import Daily
from stream.report.days import Report, choose
from stream.report.plots import (
    OTHERS,
    active_plot,
    activity_plot,
    channels_of,
    channels_plot,
    ratios_plot,
    states_plot,
)
from tests.report.days import days, traffic

PLOTS = (active_plot, activity_plot, channels_plot, ratios_plot, states_plot)


def of_nothing() -> Report:
    """A product on the day before anybody came."""
    nothing = msgspec.structs.replace(
        days(1)[0],
        traffic=traffic(0),
        channels={},
        people_by_state={},
        people_by_tier={},
        active_before=0,
        sources={},
        losses={},
        base=0,
        new_user_ratio=0,
        activity=0,
        retention=0,
        churn_rate=0,
    )
    return choose([nothing], None)


def with_gaps() -> list[Daily]:
    found = days()
    del found[20:25]
    return found


@pytest.mark.parametrize("report", [choose(days(), None), choose(with_gaps(), None), of_nothing()])
@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_is_well_formed_and_has_a_title_and_a_description(plot: object, report: Report) -> None:
    assert callable(plot)
    drawn = ET.fromstring(plot(report))
    assert drawn.findtext("title")
    assert drawn.findtext("desc")
    assert "nan" not in plot(report)


def test_a_gap_breaks_a_line_and_is_said() -> None:
    drawn = ET.fromstring(activity_plot(choose(with_gaps(), None)))
    assert len(drawn.findall("polyline")) == 2 * 2
    assert "5 of the 30 days have no report" in (drawn.findtext("desc") or "")


def test_gains_stand_above_zero_and_losses_hang_below() -> None:
    drawn = ET.fromstring(active_plot(choose(days(), None)))
    zero = float(drawn.findall("line[@class='zero']")[-1].attrib["y1"])

    def of(kind: str) -> list[ET.Element]:
        return drawn.findall(f"rect[@class='c-{kind}']")

    assert all(float(one.attrib["y"]) + float(one.attrib["height"]) <= zero + 0.2 for one in of("activated"))
    assert all(float(one.attrib["y"]) >= zero - 0.2 for one in of("lapsed"))
    assert len(of("activated")) == len(of("lapsed")) == 30
    assert len(of("deleted")) < 30


def test_the_phases_are_named_in_their_order() -> None:
    drawn = ET.fromstring(ratios_plot(choose(days(), None)))
    assert [one.text for one in drawn.findall("text[@class='phase']")] == ["stable", "growing", "declining"]


def test_of_many_channels_the_smallest_are_drawn_as_one() -> None:
    found = days(1)
    found[0].channels.update({f"c{number}": traffic(number) for number in range(10)})
    report = choose(found, None)
    names = channels_of(report)
    assert names == ["web", "app", "(none)", "c9", "c8", OTHERS]
    counted = ET.fromstring(channels_plot(report)).findtext("desc") or ""
    assert f"28 by {OTHERS}" in counted
