"""What is remembered of one incident while it is open, and some time after."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from stream.core.engagement.judged import Judged
from stream.core.records import Measure, Severity


class Member(Struct, array_like=True):
    """A measure of a series that moves in an incident, with the latest window in which it did."""

    direction: int
    value: float
    expected: float
    last_ms: int


class Tracked(Struct, array_like=True):
    """An incident. Times are the starts of windows (of days: their first instants), in ms.

    `since_ms` is the first window of the deviation, `last_ms` the latest that deviated, `calm` how many have
    been inside since. `worst_*` is the window in which the lead was furthest from what was expected.
    `ended_ms` is the window in which it was resolved.
    """

    incident_id: str
    series: str
    measure: Measure
    direction: int
    since_ms: int
    since_number: int
    opened_ms: int
    last_ms: int
    worst_ms: int
    worst_value: float
    worst_expected: float
    severity: Severity = "ticket"
    calm: int = 0
    ended_ms: int | None = None
    acknowledged: bool = False
    refuted: bool = False
    notes: list[str] = []
    members: dict[str, dict[Measure, Member]] = {}

    def leads(self, series: str, measure: Measure) -> bool:
        """Whether this very measure is what the incident is of."""
        return series == self.series and measure == self.measure

    def member(self, series: str, measure: Measure) -> Member | None:
        """What is known of a measure that moves in it."""
        return self.members.get(series, {}).get(measure)

    def join(self, series: str, measure: Measure, direction: int, judged: Judged, start_ms: int) -> None:
        """Lists a measure as moved, or that it has moved again."""
        self.members.setdefault(series, {})[measure] = Member(
            direction, judged.value, judged.expected, start_ms
        )

    def worsen(self, judged: Judged, start_ms: int) -> None:
        """Takes the lead's value, where it is further away than any before."""
        if (judged.value - judged.expected - self.worst_value + self.worst_expected) * self.direction > 0:
            self.worst_ms, self.worst_value, self.worst_expected = start_ms, judged.value, judged.expected


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Tracked).decode
