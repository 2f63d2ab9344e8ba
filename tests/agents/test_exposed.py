"""The merger's gauges: what was published last, so many series and incidents at most, and nothing stale."""

from __future__ import annotations

import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.agents.exposed import Exposed
from stream.agents.published import Published
from stream.core import records
from stream.core.times import format_ms
from stream.metrics import Metrics

MINUTE = 60_000
NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


class Shown:
    """What is published to it is shown by gauges; a scrape clears them, and sets them anew."""

    def __init__(self, most_series: int = 50) -> None:
        self.metrics = Metrics()
        self._published = Published(self.metrics)
        self._exposed = Exposed(self.metrics, most_series=most_series)
        self.incidents: list[records.Incident] = []
        self.daily: records.Daily | None = None

    def publish(self, *rows: records.Engagement) -> None:
        for row in rows:
            self._published.saw("engagement", records.encode(row))

    def foretell(self, incident: records.Incident) -> None:
        self._published.saw("incidents", records.encode(incident))

    def scrape(self, name: str) -> list[tuple[dict[str, str], float]]:
        """The samples of a metric."""
        self._exposed.clear()
        self._exposed.windows(self._published.latest)
        self._exposed.incidents([*self._published.latest.foretold.values(), *self.incidents])
        if self.daily is not None:
            self._exposed.daily(self.daily)
        return samples(self.metrics, name)


def samples(metrics: Metrics, name: str) -> list[tuple[dict[str, str], float]]:
    families = text_string_to_metric_families(metrics.render().decode())
    return [
        (sample.labels, sample.value)
        for family in families
        for sample in family.samples
        if sample.name == f"footfall_{name}"
    ]


def row(
    series: str = "total",
    minute: float = 0,
    status: records.WindowStatus = "final",
    **fields: Any,
) -> records.Engagement:
    """Of the window that begins at some minute past noon."""
    start = NOON + round(minute * MINUTE)
    return records.Engagement(
        **{
            "definition": "d",
            "window_id": f"{series}@{start}",
            "series": series,
            "status": status,
            "start": format_ms(start),
            "end": format_ms(start + MINUTE),
            "events": 0,
            "pageviews": 0,
            "people": 0,
            "visits": 0,
            "engaged": 0,
            "key_events": {},
            "volume": 0.0,
            "index": 0.0,
            "promoted": 0.0,
            "promoted_people": 0,
            "bands": {},
        }
        | fields
    )


def incident(name: str, **fields: Any) -> records.Incident:
    return records.Incident(
        **{
            "definition": "d",
            "record_id": f"{name}/opened",
            "incident_id": name,
            "series": "total",
            "measure": "volume",
            "direction": "drop",
            "severity": "page",
            "status": "opened",
            "period": "window",
            "provisional": False,
            "since": "2026-01-01T12:00:00.000Z",
            "at": "2026-01-01T12:01:00.000Z",
            "value": 1.0,
            "expected": 2.0,
            "lower": 1.5,
            "upper": 2.5,
            "score": 0.99,
            "moved": [],
            "causes": [],
            "owners": [],
            "promoted": 0.0,
            "sentence": "It dropped.",
            "note": None,
            "chart": "",
        }
        | fields
    )


def report(**fields: Any) -> records.Daily:
    traffic = records.Traffic(
        pageviews=70, people=12, visits=20, bounce_rate=0.25, pages_per_visit=3.5, seconds_per_visit=60.0
    )
    return records.Daily(
        **{
            "definition": "d",
            "day": "2026-01-31",
            "traffic": traffic,
            "channels": {},
            "active": records.Reached(1, 2, 3),
            "visitors": records.Reached(4, 5, 6),
            "people_by_state": {"active": 7, "silent": 8},
            "people_by_tier": {"low": 9},
            "active_before": 6,
            "sources": {"activated": 1},
            "losses": {"lapsed": 2},
            "registrations": 10,
            "churned": 11,
            "pseudo_active": 12,
            "base": 40,
            "new_user_ratio": 0.25,
            "activity": 0.5,
            "retention": 0.75,
            "churn_rate": 0.125,
            "phase": "growing",
            "goals": [records.GoalReached("active.days_30", 100.0, "2026-06-01", 3.0, 0.03, 121)],
        }
        | fields
    )


def test_a_window_is_shown_as_published() -> None:
    shown = Shown()
    band = records.Band(expected=9.0, lower=5.0, upper=12.5, score=0.75)
    shown.publish(
        row(events=7, people=5, engaged=2, visits=3, volume=6.5, index=0.4, bands={"people": band}),
        row(minute=1, status="provisional", events=1, people=1),
    )
    final, provisional = {"series": "total", "status": "final"}, {"series": "total", "status": "provisional"}
    assert shown.scrape("engagement_events") == [(final, 7), (provisional, 1)]
    assert shown.scrape("engagement_people") == [(final, 5), (provisional, 1)]
    assert shown.scrape("engagement_engaged_people") == [(final, 2), (provisional, 0)]
    assert shown.scrape("engagement_visits") == [(final, 3), (provisional, 0)]
    assert shown.scrape("engagement_volume") == [(final, 6.5), (provisional, 0)]
    assert shown.scrape("engagement_index_ratio") == [(final, 0.4), (provisional, 0)]
    people = {"series": "total", "measure": "people"}
    assert shown.scrape("engagement_expected") == [(people, 9)]
    assert shown.scrape("engagement_lower") == [(people, 5)]
    assert shown.scrape("engagement_upper") == [(people, 12.5)]
    assert shown.scrape("engagement_score") == [(people, 0.75)]
    ends = [({"status": "final"}, NOON / 1000 + 60), ({"status": "provisional"}, NOON / 1000 + 120)]
    assert shown.scrape("engagement_window_end_timestamp_seconds") == ends


def events(shown: Shown) -> dict[tuple[str, str], float]:
    return {
        (labels["series"], labels["status"]): value for labels, value in shown.scrape("engagement_events")
    }


def test_what_is_no_longer_true_is_gone() -> None:
    shown = Shown()
    band = {"volume": records.Band(1.0, 0.5, 2.0, 0.1)}
    shown.publish(row(events=1, bands=band), row("channel:web", events=1, bands=band))
    shown.publish(row(minute=1, status="provisional"), row("channel:app", 1, "provisional"))
    assert len(events(shown)) == 4
    assert len(shown.scrape("engagement_expected")) == 2
    # The window closes, and nobody has been seen in the channels for a day.
    shown.publish(row(minute=1, events=2))
    assert events(shown) == {("total", "final"): 2}
    assert shown.scrape("engagement_expected") == []
    assert shown.scrape("engagement_window_end_timestamp_seconds") == [
        ({"status": "final"}, NOON / 1000 + 120)
    ]


def test_of_open_windows_the_newest_is_shown() -> None:
    shown = Shown()
    shown.publish(row(minute=2, status="provisional", events=5), row("channel:web", 2, "provisional"))
    shown.publish(row(minute=1, status="provisional", events=3))
    assert events(shown)["total", "provisional"] == 5
    shown.publish(row(minute=1, events=4))
    assert events(shown) == {
        ("total", "final"): 4,
        ("total", "provisional"): 5,
        ("channel:web", "provisional"): 0,
    }
    # Shown once more ten seconds later: without what has turned out to be nothing.
    shown.publish(row(minute=2, status="provisional", events=6))
    assert events(shown) == {("total", "final"): 4, ("total", "provisional"): 6}


def test_a_window_that_only_a_wrong_clock_has_begun_is_not_the_newest() -> None:
    shown = Shown()
    now = (time.time() * 1000 - NOON) / MINUTE
    shown.publish(
        row(minute=now + 30, status="provisional", events=1), row("channel:web", now + 30, "provisional")
    )
    assert events(shown) == {}
    shown.publish(row(minute=now - 1, status="provisional", events=500))
    assert events(shown) == {("total", "provisional"): 500}


def test_shown_are_the_total_key_events_and_the_largest() -> None:
    shown = Shown(most_series=4)
    small = [row(f"channel:{n}", volume=float(n)) for n in range(10)]
    shown.publish(row(), row("key:Share"), row("key:Order", volume=0.5), *small)
    assert {series for series, _ in events(shown)} == {"total", "key:Order", "key:Share", "channel:9"}
    # Of equal ones the first by name; and never more, although the open window has others.
    shown.publish(*(row(f"channel:{n}", 1) for n in range(10)))
    shown.publish(*(row(f"campaign:{n}", 2, "provisional") for n in range(10)))
    assert {series for series, _ in events(shown)} == {f"campaign:{n}" for n in range(4)}


@pytest.mark.parametrize("mean", ['a"b\\c\nd', "🙂" * 3, "\r\t\x00"])
def test_names_may_be_anything(mean: str) -> None:
    shown = Shown()
    shown.publish(row(f"channel:{mean}", events=3))
    assert events(shown) == {(f"channel:{mean}", "final"): 3}


def test_long_names_are_cut_and_stay_apart_where_they_can() -> None:
    shown = Shown()
    long = "channel:" + "x" * 300
    shown.publish(row(long + "small", volume=1.0, events=1), row(long + "large", volume=2.0, events=2))
    [((series, _), value)] = events(shown).items()
    assert (len(series), series[:10], series[-1], value) == (200, "channel:xx", "…", 2)


def test_an_incident_has_a_label_set_for_each_owner() -> None:
    shown = Shown()
    causes = [
        records.Cause("channel:web", 0.824, 1.0, 2.0),
        records.Cause("key:Order Completed", 0.4, 1.0, 2.0),
    ]
    shown.incidents = [
        incident("total@1", owners=["checkout", "web"], causes=causes),
        incident("total@2", severity="ticket"),
    ]
    found = [(labels["incident"], labels["owner"]) for labels, _ in shown.scrape("incident_open")]
    assert found == [("total@1", "checkout"), ("total@1", "web"), ("total@2", "")]
    infos = {labels["incident"]: labels for labels, _ in shown.scrape("incident_info")}
    assert infos["total@1"] == {
        "incident": "total@1",
        "sentence": "It dropped.",
        "causes": "channel:web 82 %, key:Order Completed 40 %",
        "since": "2026-01-01T12:00:00.000Z",
    }
    assert shown.scrape("open_incidents") == [({"severity": "ticket"}, 1), ({"severity": "page"}, 1)]
    shown.incidents = []
    assert shown.scrape("incident_open") == shown.scrape("incident_info") == []
    assert shown.scrape("open_incidents") == [({"severity": "ticket"}, 0), ({"severity": "page"}, 0)]


def test_a_spike_is_shown_as_soon_as_its_window_cannot_but_open_it() -> None:
    shown = Shown()
    shown.publish(row(), row(minute=2, status="provisional"))
    shown.foretell(incident("total@2", direction="spike", provisional=True))
    assert [labels["incident"] for labels, _ in shown.scrape("incident_open")] == ["total@2"]
    assert shown.scrape("open_incidents") == [({"severity": "ticket"}, 0), ({"severity": "page"}, 1)]
    assert not any(count for _, count in shown.scrape("incidents_total"))
    shown.publish(row(minute=1))
    assert len(shown.scrape("incident_open")) == 1
    # The window is final: now the merger knows of it, or it was none.
    shown.publish(row(minute=2))
    assert shown.scrape("incident_open") == []


def test_of_many_incidents_the_gravest_are_shown() -> None:
    shown = Shown()
    shown.incidents = [incident(f"ticket@{n}", severity="ticket", score=0.999) for n in range(30)]
    shown.incidents += [incident(f"page@{n}", score=n / 100) for n in range(40)]
    named = [labels["incident"] for labels, _ in shown.scrape("incident_open")]
    assert len(named) == len(shown.scrape("incident_info")) == 50
    assert named[0] == "page@39"
    assert sum(name.startswith("page") for name in named) == 40
    assert shown.scrape("open_incidents") == [({"severity": "ticket"}, 30), ({"severity": "page"}, 40)]


def test_the_daily_report_is_shown_once_there_is_one() -> None:
    shown = Shown()
    assert shown.scrape("daily_visits") == shown.scrape("daily_people") == []
    shown.daily = report()
    assert shown.scrape("daily_day_timestamp_seconds") == [({}, 1_769_817_600)]
    assert shown.scrape("daily_people") == [({"state": "active"}, 7), ({"state": "silent"}, 8)]
    assert shown.scrape("daily_people_by_tier") == [({"tier": "low"}, 9)]
    active = [(labels["kind"], labels["days"], n) for labels, n in shown.scrape("daily_active_people")]
    assert active == [
        *(("registered", "1", 1), ("registered", "7", 2), ("registered", "30", 3)),
        *(("visitor", "1", 4), ("visitor", "7", 5), ("visitor", "30", 6)),
    ]
    assert shown.scrape("daily_visits") == [({}, 20)]
    assert shown.scrape("daily_pageviews") == [({}, 70)]
    assert shown.scrape("daily_bounce_ratio") == [({}, 0.25)]
    assert shown.scrape("daily_active_gained") == [({"source": "activated"}, 1)]
    assert shown.scrape("daily_active_lost") == [({"reason": "lapsed"}, 2)]
    assert shown.scrape("daily_registrations") == [({}, 10)]
    assert shown.scrape("daily_churned_people") == [({}, 11)]
    assert shown.scrape("daily_pseudo_active_people") == [({}, 12)]
    assert shown.scrape("daily_new_user_ratio") == [({}, 0.25)]
    assert shown.scrape("daily_activity_ratio") == [({}, 0.5)]
    assert shown.scrape("daily_retention_ratio") == [({}, 0.75)]
    assert shown.scrape("daily_churn_ratio") == [({}, 0.125)]
    assert shown.scrape("daily_phase") == [({"phase": "growing"}, 1)]
    assert shown.scrape("daily_goal_ratio") == [({"metric": "active.days_30"}, 0.03)]
    shown.daily = report(phase="declining", goals=[])
    assert shown.scrape("daily_phase") == [({"phase": "declining"}, 1)]
    assert shown.scrape("daily_goal_ratio") == []
    shown.daily = None
    assert shown.scrape("daily_visits") == shown.scrape("daily_phase") == []
