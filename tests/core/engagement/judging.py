"""Judged rows by hand: a band of a fifth of what was expected on both sides, and out where beyond it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stream.core.definition import Definition, Detection, KeyEvent
from stream.core.engagement.incidents import Incidents
from stream.core.engagement.judged import Judged, Sign
from stream.core.engagement.rows import Row
from stream.core.records import Incident, Measure

MINUTE = 60_000
START_MS = 1_772_323_200_000  # 2026-03-01T00:00:00Z
BAND = 0.2
RARE = 1 - 1e-9

DEFINITION = Definition(
    key_events=(
        KeyEvent("Order Completed", 5, owner="payments"),
        KeyEvent("Product Added", 2, owner="catalogue"),
    ),
    detection=Detection(resolve_after=3, cooldown_ms=10 * MINUTE),
)

USUAL = {
    "total": 400.0,
    "channel:app": 120.0,
    "channel:web": 280.0,
    "key:Order Completed": 150.0,
    "key:Product Added": 250.0,
    "tier:low": 100.0,
    "tier:none": 300.0,
}
"""Volume a minute by series."""

Values = Mapping[str, float]


def judged(value: float, expected: float, *, out: Sign | None = None, band: float = BAND) -> Judged:
    lower, upper = expected * (1 - band), expected * (1 + band)
    beyond: Sign = 1 if value > upper else -1 if value < lower else 0
    return Judged(
        value, expected, lower, upper, RARE if beyond else 0.0, beyond, beyond if out is None else out
    )


def window(values: Values | None = None, **options: float) -> dict[str, dict[Measure, Judged]]:
    """A window in which the given series have these volumes, and the others the usual ones."""
    return {
        series: {"volume": judged((values or {}).get(series, expected), expected, **options)}  # type: ignore[arg-type]
        for series, expected in USUAL.items()
    }


def scaled(factor: float, series: Iterable[str] = tuple(USUAL)) -> dict[str, float]:
    return {name: USUAL[name] * factor for name in series}


class Run:
    """Gives windows to incidents, one a minute, and keeps the records."""

    def __init__(self, definition: Definition = DEFINITION) -> None:
        self.definition = definition
        self.incidents = Incidents(definition, step_ms=MINUTE)
        self.now_ms = START_MS
        self.records: list[Incident] = []
        self.state: dict[str, bytes] = {}

    def add(
        self,
        *windows: Mapping[str, Mapping[Measure, Judged]],
        times: int = 1,
        rows: Mapping[str, Row] | None = None,
    ) -> list[Incident]:
        """The records of these windows, all of them so many times."""
        new: list[Incident] = []
        for one in list(windows) * times:
            new += self.incidents.window(self.now_ms, rows or {}, one)
            self.now_ms += MINUTE
        self.records += new
        return new

    def restart(self) -> None:
        """What a crash leaves: the state as it was taken, in another order."""
        for key, value in self.incidents.changes():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        self.incidents = Incidents(self.definition, step_ms=MINUTE)
        for key in sorted(self.state, reverse=True):
            self.incidents.restore(key, self.state[key])
        self.incidents.restored()


def told(records: Iterable[Incident]) -> list[str]:
    """Records in short: what became of which series, and as what."""
    return [f"{r.record_id.rpartition('/')[2]} {r.series} {r.direction} {r.severity}" for r in records]
