"""Daily reports of a simulated product, as far as anomalies look at them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from stream.core import records
from stream.core.engagement.rows import TOTAL, Row

CHANNEL = "channel:"
WINDOWS_A_PERSON = 2.5
"""In so many windows of a day a person is seen, about: what persons a day follow from."""
REGISTERED = 0.6


class Days:
    """Adds the windows of a day up."""

    def __init__(self) -> None:
        self._people: dict[str, int] = {}
        self._visits: dict[str, int] = {}
        self._active: list[float] = []

    def add(self, rows: Mapping[str, Row]) -> None:
        for series, row in rows.items():
            if series == TOTAL or series.startswith(CHANNEL):
                self._people[series] = self._people.get(series, 0) + row.people
                self._visits[series] = self._visits.get(series, 0) + row.visits

    def report(self, start_ms: int) -> records.Daily:
        """Of the day that began at `start_ms`; then a new one begins."""
        traffic = {series: self._traffic(series) for series in self._people}
        self._people, self._visits = {}, {}
        self._active.append(REGISTERED * traffic[TOTAL].people)
        reached = records.Reached(*(int(sum(self._active[-days:]) / days * days**0.5) for days in (1, 7, 30)))
        return records.Daily(
            definition="",
            day=datetime.fromtimestamp(start_ms / 1000, UTC).date().isoformat(),
            traffic=traffic[TOTAL],
            channels={name.removeprefix(CHANNEL): one for name, one in traffic.items() if name != TOTAL},
            active=reached,
            visitors=reached,
            people_by_state={},
            people_by_tier={},
            active_before=0,
            sources={},
            losses={},
            registrations=0,
            churned=0,
            pseudo_active=0,
            base=0,
            new_user_ratio=0.0,
            activity=0.0,
            retention=0.0,
            churn_rate=0.0,
            phase="stable",
            goals=[],
        )

    def _traffic(self, series: str) -> records.Traffic:
        visits = self._visits[series]
        people = int(self._people[series] / WINDOWS_A_PERSON)
        return records.Traffic(
            pageviews=2 * visits,
            people=people,
            visits=visits,
            bounce_rate=0.4,
            pages_per_visit=2.0,
            seconds_per_visit=240.0,
        )
