"""Daily reports of an invented product, whose figures fit together."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from stream.core import records
from stream.core.records import Daily, GoalReached, Phase, Reached, Traffic

FIRST = date(2026, 2, 1)


def traffic(visits: int) -> Traffic:
    return Traffic(
        pageviews=visits * 3,
        people=visits - visits // 10,
        visits=visits,
        bounce_rate=0.25,
        pages_per_visit=3.04,
        seconds_per_visit=185,
    )


def days(count: int = 40, *, channel: str = "web") -> list[Daily]:
    """Reports of so many days from 1 February 2026 on."""
    found = []
    active = 1_000
    for number in range(count):
        sources = {"activated": 20 + number % 7, "reactivated": 5 + number % 3, "resurrected": number % 2}
        losses = {"lapsed": 12 + number % 5, "deleted": number % 4 == 0}
        before = active
        active += sum(sources.values()) - sum(losses.values())
        phase: Phase = "stable" if number < 15 else "growing" if number < 30 else "declining"
        found.append(
            Daily(
                definition="0123456789ab",
                day=(FIRST + timedelta(days=number)).isoformat(),
                traffic=traffic(700 + 10 * number),
                channels={channel: traffic(500 + 10 * number), "app": traffic(150), "(none)": traffic(50)},
                active=Reached(400 + number, 900 + number, 1_500 + number),
                visitors=Reached(100, 300, 800),
                people_by_state={
                    "new": 200 + number,
                    "active": active,
                    "silent": 600,
                    "churned": 300,
                    "hibernating": 150,
                },
                people_by_tier={"none": 1_250 + number, "low": 700, "medium": 200, "high": active - 900},
                active_before=before,
                sources={**sources, "retained": before - sum(losses.values())},
                losses={name: int(lost) for name, lost in losses.items()},
                registrations=25,
                churned=9,
                pseudo_active=17,
                base=800 + number + active,
                new_user_ratio=0.12 + number / 1_000,
                activity=0.55,
                retention=0.71,
                churn_rate=0.14,
                phase=phase,
                goals=[
                    GoalReached("people_by_state.active", 2_000, "2026-06-30", active, active / 2_000, 111)
                ],
            )
        )
    return found


def write(path: Path, reports: list[Daily]) -> Path:
    """As a replay writes them."""
    path.write_bytes(b"".join(records.encode(report) + b"\n" for report in reports))
    return path
