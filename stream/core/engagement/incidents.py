"""Incidents: from what was judged in a window, or on a day, to the records that say who should look at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from stream.core.calendar import Calendar
from stream.core.definition import DAY, Definition
from stream.core.engagement.control import Control
from stream.core.engagement.in_force import InForce
from stream.core.engagement.of_period import Keys, OfPeriod
from stream.core.engagement.rows import TOTAL, Row
from stream.core.engagement.track import JudgedRows, Moment, Pace
from stream.core.engagement.tracked import Tracked
from stream.core.engagement.wording import Wording
from stream.core.records import Incident
from stream.core.times import format_day, format_ms, parse_day

RESOLVE_AFTER_DAYS = 2
QUIET_DAYS = 7
SAY_ANEW_FOR_MS = 7 * DAY

_IN_FORCE = "incident/in-force"
_CLOCK = "incident/clock"


class Incidents:
    """One for the product. State is taken with `changes` after a step and given back with `restore`."""

    def __init__(self, definition: Definition, *, step_ms: int) -> None:
        detection = definition.detection
        self._step_ms = step_ms
        self._calendar = Calendar(definition.timezone)
        self._clock = Wording(definition.timezone, step_ms=step_ms)
        self._in_force = InForce()
        self._now_ms = 0  # end of the last final window
        self._anew: str | None = None
        self._anew_until_ms = 0
        self._clock_changed = False
        self._windows = OfPeriod(
            definition,
            self._in_force,
            Pace(step_ms, detection.resolve_after, detection.cooldown_ms, lambda i: str(i * step_ms)),
            keys=Keys("incident/window/", "incident/window-history/", "incident/window-record/"),
            period="window",
        )
        self._days = OfPeriod(
            definition,
            self._in_force,
            Pace(DAY, RESOLVE_AFTER_DAYS, QUIET_DAYS * DAY, format_day),
            keys=Keys("incident/day/", "incident/day-history/", "incident/day-record/"),
            period="day",
        )

    def window(self, start_ms: int, rows: Mapping[str, Row], judged: JudgedRows) -> list[Incident]:
        """The records of a final window; windows come in order. The mappings are kept: do not change them."""
        self._now_ms = start_ms + self._step_ms
        self._clock_changed = True
        self._in_force.expire(start_ms)
        now = Moment(start_ms // self._step_ms, start_ms, start_ms + self._step_ms)
        return self._windows.step(now, rows, judged, self._notes)

    def peek(self, start_ms: int, rows: Mapping[str, Row], judged: JudgedRows) -> list[Incident]:
        """The provisional record of a spike of `total` that an open window will end as; changes nothing.

        Of `total` only: it leads whatever moves, so the final record that follows is of the same incident.
        """
        now = Moment(start_ms // self._step_ms, start_ms, start_ms + self._step_ms)
        return self._windows.peek(now, rows, judged, self._notes)

    def day(self, day: str, judged: JudgedRows) -> list[Incident]:
        """The records of a day (`2026-01-31`), from what was judged of its figures."""
        number = parse_day(day)
        if number is None:
            raise ValueError(f"not a day: {day!r}")
        start_ms, _ = self._calendar.midnight(number)
        end_ms, _ = self._calendar.midnight(number + 1)
        return self._days.step(Moment(number, start_ms, end_ms), {}, judged, self._notes)

    def control(self, control: Control) -> list[Incident]:
        """Takes up what somebody says of an incident; a repeat, or an unknown incident, changes nothing."""
        for line in (self._windows, self._days):
            incident = line.track.find(control.incident_id)
            if incident is not None:
                if not self._in_force.is_new(control):
                    return []
                return line.control(incident, control, self._apply(incident, control), self._now_ms)
        return []

    def begin_anew(self, note: str) -> list[Incident]:
        """Settings changed: resolves what is open, and says so there and in what opens within seven days."""
        self._anew = f"{note}: baselines began anew at {format_ms(self._now_ms)}"
        self._anew_until_ms = self._now_ms + SAY_ANEW_FOR_MS
        self._clock_changed = True
        records = []
        for line in (self._windows, self._days):
            records += line.end_all(self._now_ms, note)
        return records

    def bar(self, series: str, start_ms: int) -> float:
        """Decades that a value must be rarer than usual to be `out`, after false alarms; 0 without any."""
        return self._in_force.bar(series, start_ms)

    def open(self) -> list[Incident]:
        """The last record of each that is open; provisional ones are not among them."""
        return [*self._windows.open(), *self._days.open()]

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """What to keep, since last taken; None deletes."""
        yield from self._windows.changes()
        yield from self._days.changes()
        in_force = self._in_force.change()
        if in_force is not None:
            yield _IN_FORCE, in_force
        if self._clock_changed:
            self._clock_changed = False
            yield _CLOCK, msgspec.msgpack.encode((self._now_ms, self._anew, self._anew_until_ms))

    def restore(self, key: str, value: bytes) -> None:
        """One of those back, in any order; then `restored`."""
        if key == _IN_FORCE:
            self._in_force.restore(value)
        elif key == _CLOCK:
            self._now_ms, self._anew, self._anew_until_ms = msgspec.msgpack.decode(
                value, type=tuple[int, str | None, int]
            )
        elif not (self._windows.restore(key, value) or self._days.restore(key, value)):
            raise ValueError(f"no state of incidents: {key!r}")

    def restored(self) -> None:
        self._windows.restored()
        self._days.restored()

    def _apply(self, incident: Tracked, control: Control) -> str:
        """Puts a control in force; gives the note."""
        who = f"{control.by} at {self._date_time(control.at_ms)}"
        reason = f" ({control.reason})" if control.reason else ""
        if control.action == "ack":
            incident.acknowledged = True
            return f"acknowledged by {who}{reason}"
        if control.action == "snooze":
            until_ms = self._now_ms + (control.for_ms or 0)
            self._in_force.snooze(incident.series, until_ms)
            return f"snoozed by {who} until {self._date_time(until_ms)}{reason}"
        incident.refuted = True
        until_ms = self._in_force.raise_bar(incident.series, self._now_ms, control)
        bar = self._in_force.bar(incident.series, self._now_ms)
        return (
            f"false alarm, says {who}{reason}: until {self._date_time(until_ms)} this series must be "
            f"{10**bar:,.0f} times less usual to open an incident"
        )

    def _notes(self, incident: Tracked) -> list[str]:
        """What is to be said of an incident beside what people said of it itself."""
        notes = list(incident.notes)
        if not any("false alarm" in note for note in notes):
            notes += self._raised_notes(incident)
        if self._anew is not None and incident.opened_ms < self._anew_until_ms:
            notes.append(self._anew)
        return notes

    def _raised_notes(self, incident: Tracked) -> list[str]:
        """Earlier false alarms of the series, or of all, that are in force when the incident opens."""
        times = 10 ** self._in_force.bar(incident.series, incident.opened_ms)
        return [
            f"after a false alarm of {series} (by {raised[-1].by}), opening takes a value {times:,.0f} times "
            f"less usual, until {self._date_time(raised[-1].until_ms)}"
            for series in dict.fromkeys((incident.series, TOTAL))
            if (raised := self._in_force.raised(series, incident.opened_ms))
        ]

    def _date_time(self, t: int) -> str:
        return f"{self._clock.day(t)} {self._clock.time(t)}"
