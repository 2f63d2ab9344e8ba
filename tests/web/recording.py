"""What a worker would answer, from a replay of a simulated shop: real records, without a broker."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import orjson
from click.testing import CliRunner

from stream.cli import main
from stream.core.records import Explanation
from stream.replay import Input, Stream, drive
from stream.settings import Settings
from stream.sources.segment import SegmentFormat

HOUR_MS = 3_600_000
PLANTS = ("outage:from=15d10h,for=6h,depth=80%", "viral:from=18d15h,for=6h,factor=4")


class Recording:
    """Three weeks of a shop with an outage and a viral day, in windows of an hour."""

    def __init__(self, folder: Path) -> None:
        events = folder / "events.jsonl"
        plants = [word for plant in PLANTS for word in ("--plant", plant)]
        made = CliRunner().invoke(
            main, ["simulate", "--users", "1500", "--days", "21", "--out", str(events), *plants]
        )
        assert made.exit_code == 0, made.output
        defaults = Settings().definition
        definition = msgspec.structs.replace(
            defaults,
            ignore_events=("Email *",),
            engagement=msgspec.structs.replace(defaults.engagement, window_ms=HOUR_MS),
        )
        self.published: dict[str, list[dict[str, Any]]] = {}

        def keep(published: Any) -> None:
            for name, values in published.items():
                self.published.setdefault(name, []).extend(orjson.loads(value) for value in values)

        source = Input(files=(str(events),), format=SegmentFormat(), topic="app-events")
        self._stream: Stream = drive(source, definition, publish=keep)
        self.states = self._count()

    def of(self, output: str) -> list[dict[str, Any]]:
        """What was published to an output, oldest first."""
        return self.published[output]

    def windows(self, series: str) -> list[dict[str, Any]]:
        """Final windows of a series, oldest first."""
        return [one for one in self.of("engagement") if one["series"] == series]

    def series(self) -> list[str]:
        """All of which there are windows, the product first."""
        names = dict.fromkeys(one["series"] for one in self.of("engagement"))
        return ["total", *(name for name in names if name != "total")]

    def explain(self, person: str) -> Explanation | None:
        """A person's state at the end."""
        return self._stream.explain(person)

    def _count(self) -> dict[str, Any]:
        persons = list(self._stream.people())
        states, tiers = Counter(one.state for one in persons), Counter(one.tier for one in persons)
        last = self.of("daily")[-1]
        return {
            "as_of": self.windows("total")[-1]["end"],
            "partitions": 4,
            "counted": 4,
            "people": {
                **{name: states[name] for name in ("new", "active", "silent", "churned", "hibernating")},
                "prospect": last["people_by_state"].get("prospect", 0),
            },
            "tiers": {name: tiers[name] for name in ("none", "low", "medium", "high")},
            "registered": last["active"],
            "visitors": last["visitors"],
            "open_visits": last["traffic"]["visits"] // 20,
        }


def later(at: str, by: timedelta) -> str:
    """A time as published, so much later."""
    return (datetime.fromisoformat(at) + by).isoformat(timespec="milliseconds").replace("+00:00", "Z")
