"""Sets the merger's gauges at a scrape: engagement of the latest windows, open incidents, the last report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

import msgspec

from stream.agents.published import LatestWindows
from stream.core import records
from stream.core.definition import DAY
from stream.core.engagement.rows import KEY_PREFIX, TOTAL
from stream.core.times import parse_day, parse_ms
from stream.metrics import Metrics

MOST_INCIDENTS = 50
LONGEST_NAME = 200
"""Characters of a label that carries what users have sent: names of series, and lists of them."""
LONGEST_TEXT = 1_000
"""Of a label that must not lose its end, or is a sentence: names in it are users', too."""

_decode = msgspec.json.Decoder(records.Engagement).decode


class Exposed:
    """Of one worker. Whatever is not shown is gone: a label set lives for one scrape.

    At most `most_series` series are shown: `total`, key events, then the largest of the last final window.
    """

    def __init__(self, metrics: Metrics, *, most_series: int) -> None:
        self._metrics = metrics
        self._most_series = most_series

    def clear(self) -> None:
        """Show nothing: the merger is elsewhere, or is about to be shown."""
        for gauge in self._metrics.of_the_merger():
            gauge.clear()

    def windows(self, latest: LatestWindows) -> None:
        """Engagement of the last final window, and of the newest open one."""
        metrics = self._metrics
        shown = self._chosen(latest)
        for status, rows in (("final", latest.final), ("provisional", latest.open)):
            for label, series in shown.items():
                if series in rows:
                    self._row(label, status, _decode(rows[series].record))
            if rows:
                end = _decode(next(iter(rows.values())).record).end
                metrics.engagement_window_end.labels(status).set((parse_ms(end) or 0) / 1000)

    def _chosen(self, latest: LatestWindows) -> dict[str, str]:
        """The series to show, by label. Of two whose names begin with the same 200 characters, the first."""
        final = latest.final

        def place(series: str) -> tuple[int, float, str]:
            kind = 0 if series == TOTAL else 1 if series.startswith(KEY_PREFIX) else 2
            return kind, -final[series].volume if series in final else 0.0, series

        chosen: dict[str, str] = {}
        for series in sorted(final.keys() | latest.open.keys(), key=place)[: self._most_series]:
            chosen.setdefault(_cut(series), series)
        return chosen

    def _row(self, label: str, status: str, row: records.Engagement) -> None:
        metrics = self._metrics
        metrics.engagement_events.labels(label, status).set(row.events)
        metrics.engagement_people.labels(label, status).set(row.people)
        metrics.engagement_engaged_people.labels(label, status).set(row.engaged)
        metrics.engagement_visits.labels(label, status).set(row.visits)
        metrics.engagement_volume.labels(label, status).set(row.volume)
        metrics.engagement_index_ratio.labels(label, status).set(row.index)
        for measure, band in row.bands.items():
            metrics.engagement_expected.labels(label, measure).set(band.expected)
            metrics.engagement_lower.labels(label, measure).set(band.lower)
            metrics.engagement_upper.labels(label, measure).set(band.upper)
            metrics.engagement_score.labels(label, measure).set(band.score)

    def incidents(self, open_: Sequence[records.Incident]) -> None:
        """How many there are, and the gravest: pages first, then the least usual, then the latest."""
        metrics = self._metrics
        for severity in get_args(records.Severity):
            count = sum(incident.severity == severity for incident in open_)
            metrics.open_incidents.labels(severity).set(count)
        latest_first = sorted(
            open_, key=lambda incident: (incident.since, incident.incident_id), reverse=True
        )
        gravest = sorted(latest_first, key=lambda incident: (incident.severity != "page", -incident.score))
        for incident in gravest[:MOST_INCIDENTS]:
            name = _cut(incident.incident_id, LONGEST_TEXT)
            of = (_cut(incident.series), incident.measure, incident.direction, incident.severity)
            for owner in incident.owners or [""]:
                metrics.incident_open.labels(name, *of, _cut(owner)).set(1)
            sentence = _cut(incident.sentence, LONGEST_TEXT)
            metrics.incident_info.labels(name, sentence, _told(incident.causes), incident.since).set(1)

    def daily(self, report: records.Daily) -> None:
        """The last report."""
        metrics = self._metrics
        metrics.daily_day.set((parse_day(report.day) or 0) * DAY / 1000)
        for state, people in report.people_by_state.items():
            metrics.daily_people.labels(state).set(people)
        for tier, people in report.people_by_tier.items():
            metrics.daily_people_by_tier.labels(tier).set(people)
        for kind, reached in (("registered", report.active), ("visitor", report.visitors)):
            for days, people in (("1", reached.days_1), ("7", reached.days_7), ("30", reached.days_30)):
                metrics.daily_active_people.labels(kind, days).set(people)
        metrics.daily_visits.set(report.traffic.visits)
        metrics.daily_pageviews.set(report.traffic.pageviews)
        metrics.daily_bounce_ratio.set(report.traffic.bounce_rate)
        for source, people in report.sources.items():
            metrics.daily_active_gained.labels(source).set(people)
        for reason, people in report.losses.items():
            metrics.daily_active_lost.labels(reason).set(people)
        metrics.daily_registrations.set(report.registrations)
        metrics.daily_churned.set(report.churned)
        metrics.daily_pseudo_active.set(report.pseudo_active)
        metrics.daily_new_user_ratio.set(report.new_user_ratio)
        metrics.daily_activity_ratio.set(report.activity)
        metrics.daily_retention_ratio.set(report.retention)
        metrics.daily_churn_ratio.set(report.churn_rate)
        metrics.daily_phase.labels(report.phase).set(1)
        for goal in report.goals:
            metrics.daily_goal_ratio.labels(_cut(goal.metric)).set(goal.reached)


def _told(causes: Iterable[records.Cause]) -> str:
    """`channel:web 82 %, key:Order Completed 40 %`."""
    return _cut(", ".join(f"{_cut(cause.series, 80)} {round(100 * cause.share)} %" for cause in causes))


def _cut(text: str, most: int = LONGEST_NAME) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
