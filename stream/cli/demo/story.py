"""What the demo's product lives through: how large it is, when it begins, and what befalls it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from stream.core.definition import DAY, HOUR
from stream.core.records import Daily
from stream.core.times import format_ms, parse_ms
from stream.simulate.asked import read
from stream.simulate.delivery import Faults
from stream.simulate.placing import place
from stream.simulate.plants import Outage, Plant, Viral

WINDOW_MS = HOUR
# After three weeks, in which the rhythm of the week is learned. That both are found whatever the seed, and
# what else is taken for an incident in a year, docs/demo.md has in figures.
PLANTED = ("outage:from=24d10h,for=4h,depth=100%", "viral:from=38d9h,for=14h,factor=3")
LEAST_DAYS = 45
LEAST_USERS = 5_000
"""Fewer make too few events an hour for the plants to stand out for sure."""
# A little of what a real stream has: repeats, events out of order, some too late, some that are none.
FAULTS = Faults(late=0.001, disorder=0.05, duplicates=0.01, bad=0.001)


class Story(Struct, frozen=True, kw_only=True):
    """`days` of history from `start_ms` (a Monday's midnight, UTC) at `seconds_per_day`, then the present."""

    users: int
    seed: int
    seconds_per_day: float
    start_ms: int
    days: int
    plants: Sequence[Plant]

    @property
    def minutes(self) -> float:
        """How long the history takes."""
        return self.days * self.seconds_per_day / 60

    def day(self, time_ms: int) -> int:
        """The number of the day since the beginning; the first is 0."""
        return (time_ms - self.start_ms) // DAY

    def moment(self, time_ms: int) -> str:
        """`day 24 10:00`."""
        return f"day {self.day(time_ms)} {_utc(time_ms):%H:%M}"

    def simulate(self, *, broker: str, topic: str, config: Path) -> list[str]:
        """The arguments by which `footfall simulate` plays it."""
        arguments = ["simulate", "--broker", broker, "--topic", topic, "--config", str(config)]
        arguments += ["--seed", str(self.seed), "--users", str(self.users)]
        arguments += ["--start", f"{_utc(self.start_ms):%Y-%m-%d}"]
        arguments += ["--speed", f"{DAY / 1000 / self.seconds_per_day:g}", "--live", "--compression", "gzip"]
        for plant in self.plants:
            arguments += ["--plant", plant.text]
        for fault, share in msgspec.structs.asdict(FAULTS).items():
            arguments += [f"--{fault}", str(share)]
        return arguments


def tell(*, users: int, days: int, seconds_per_day: float, seed: int, now_ms: int) -> Story:
    """The story that reaches the present after `days` or up to 6 more: weekdays, and with them all of a
    seed's records, stay the same for a week."""
    earliest = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(days=days)
    monday = (earliest - timedelta(days=earliest.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    start_ms = round(monday.timestamp() * 1000)
    return Story(
        users=users,
        seed=seed,
        seconds_per_day=seconds_per_day,
        start_ms=start_ms,
        days=(now_ms - start_ms) // DAY,
        plants=tuple(place([read(text) for text in PLANTED], seed=seed, start_ms=start_ms, end_ms=None)),
    )


def described(plant: Plant) -> str:
    """What befalls the product, in a few words."""
    if isinstance(plant, Outage):
        lost = f"channel {plant.channel}" if plant.channel else "all events"
        return f"an outage, −{plant.depth:.0%} of {lost}"
    if isinstance(plant, Viral):
        return f"a viral day, {plant.factor:g} times the usual visits, through {plant.channel}"
    return plant.text


def day_of(report: Daily) -> int:
    """The first instant of the day reported."""
    return parse_ms(f"{report.day}T00:00:00.000Z") or 0


def dated(time_ms: int) -> str:
    """`Thu 2026-01-29`."""
    return f"{_utc(time_ms):%a} {format_ms(time_ms)[:10]}"


def _utc(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
