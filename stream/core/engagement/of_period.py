"""The incidents of windows, or those of days: history, state and records of one period together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from stream.core.definition import Definition
from stream.core.engagement.control import Control
from stream.core.engagement.history import History
from stream.core.engagement.in_force import InForce
from stream.core.engagement.incident_records import Scribe
from stream.core.engagement.rows import Row
from stream.core.engagement.track import Fact, JudgedRows, Moment, Pace, Track
from stream.core.engagement.tracked import Tracked
from stream.core.records import Incident, IncidentStatus, Period

Notes = Callable[[Tracked], Sequence[str]]
"""What is to be said of an incident, all in all."""


class Keys(NamedTuple):
    """What the keys of the state begin with."""

    incidents: str
    history: str
    records: str


class OfPeriod:
    """Keeps the last record of each incident, so that what people say of it can be published with it."""

    def __init__(
        self, definition: Definition, in_force: InForce, pace: Pace, *, keys: Keys, period: Period
    ) -> None:
        self._keys = keys
        self._history = History(keys.history)
        self.track = Track(
            pace,
            in_force,
            self._history,
            sensitivity=definition.detection.sensitivity,
            prefix=keys.incidents,
        )
        self._scribe = Scribe(definition, self._history, step_ms=pace.step_ms, period=period)
        self._records: dict[str, Incident] = {}
        self._unsaved: dict[str, None] = {}
        self._announced: str | None = None

    def step(self, now: Moment, rows: Mapping[str, Row], judged: JudgedRows, notes: Notes) -> list[Incident]:
        """The records of a final window, or of a day."""
        self._history.add(now.number, now.start_ms, rows, judged)
        return [self._record(fact, now, judged, notes) for fact in self.track.step(now, judged)]

    def peek(self, now: Moment, rows: Mapping[str, Row], judged: JudgedRows, notes: Notes) -> list[Incident]:
        """The provisional record of what would open, once an incident."""
        with self._history.peeking(now.number, now.start_ms, rows, judged):
            incident = self.track.peek(now, judged)
            if incident is None or incident.incident_id == self._announced:
                return []
            self._announced = incident.incident_id
            fact = Fact(incident, "opened", "opened")
            return [self._scribe.record(fact, now, judged, notes=notes(incident), provisional=True)]

    def control(self, incident: Tracked, control: Control, note: str, now_ms: int) -> list[Incident]:
        """The record that says what was done: with a false alarm, an open incident is resolved."""
        incident.notes = [*incident.notes, note]
        self.track.touch(incident)
        status: IncidentStatus = "updated" if incident.ended_ms is None else "resolved"
        what = f"{control.action}-{control.control_id}"
        if control.action == "false" and incident.ended_ms is None:
            fact = self.track.end(incident, now_ms)
            status, what = fact.status, fact.what
        return self._again(incident, status, what)

    def open(self) -> list[Incident]:
        """The last record of each incident that is open, in the order opened."""
        ids = (incident.incident_id for incident in self.track.open())
        return [self._records[incident_id] for incident_id in ids if incident_id in self._records]

    def end_all(self, now_ms: int, note: str) -> list[Incident]:
        """Resolves what is open, and forgets the history: what comes is judged in another way."""
        records = []
        for fact in self.track.end_all(now_ms):
            fact.incident.notes = [*fact.incident.notes, note]
            records += self._again(fact.incident, fact.status, fact.what)
        self._history.clear()
        return records

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        for incident_id in sorted(self._unsaved):
            record = self._records.get(incident_id)
            yield (
                self._keys.records + incident_id,
                None if record is None else msgspec.msgpack.encode(record),
            )
        self._unsaved.clear()
        yield from self.track.changes()
        yield from self._history.changes()

    def restore(self, key: str, value: bytes) -> bool:
        """Whether the key is one of these, and has been taken up."""
        if key.startswith(self._keys.records):
            record = msgspec.msgpack.decode(value, type=Incident)
            self._records[record.incident_id] = record
        elif key.startswith(self._keys.history):
            self._history.restore(value)
        elif key.startswith(self._keys.incidents):
            self.track.restore(value)
        else:
            return False
        return True

    def restored(self) -> None:
        self._history.restored()

    def _record(self, fact: Fact, now: Moment, judged: JudgedRows, notes: Notes) -> Incident:
        record = self._scribe.record(fact, now, judged, notes=notes(fact.incident))
        self._keep(record)
        return record

    def _again(self, incident: Tracked, status: IncidentStatus, what: str) -> list[Incident]:
        """The last record once more, with what was said since."""
        last = self._records.get(incident.incident_id)
        if last is None:
            return []
        said = [*([last.note] if last.note else []), incident.notes[-1]]
        record = msgspec.structs.replace(
            last,
            record_id=f"{incident.incident_id}/{what}",
            status=status,
            severity=incident.severity,
            note="; ".join(said),
        )
        self._keep(record)
        return [record]

    def _keep(self, record: Incident) -> None:
        self._records[record.incident_id] = record
        self._unsaved[record.incident_id] = None
        for incident_id in [i for i in self._records if self.track.find(i) is None]:
            del self._records[incident_id]
            self._unsaved[incident_id] = None
