"""What the feed keeps of what the group has published: the latest of each kind, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from stream.core.engagement.rows import TOTAL

MOST_TRANSITIONS = 1_000
MOST_REPORTS = 400
MOST_SERIES = 1_000
MOST_INCIDENTS = 300
# Of one series, at most; of all together; and of one series whatever the others have.
MOST_WINDOWS, MOST_WINDOWS_OF_ALL, LEAST_WINDOWS = 1_500, 40_000, 40


class Published(NamedTuple):
    """A record as it stands in its topic: where, when Kafka got it (ms since 1970), and its JSON."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    value: bytes

    @property
    def order(self) -> tuple[int, str, int, int]:
        """By Kafka's time."""
        return self.at_ms, self.topic, self.partition, self.offset


class _Transition(Struct, gc=False):
    transition_id: str


class _Window(Struct, gc=False):
    series: str
    status: str
    start: str


class _Incident(Struct, gc=False):
    incident_id: str
    record_id: str
    status: str
    at: str


class _Daily(Struct, gc=False):
    day: str


_transition = msgspec.json.Decoder(_Transition).decode
_window = msgspec.json.Decoder(_Window).decode
_incident = msgspec.json.Decoder(_Incident).decode
_daily = msgspec.json.Decoder(_Daily).decode


class Windows(Struct):
    """Of one series: final windows by their start, in order, and the latest open one."""

    final: dict[str, Published] = field(default_factory=dict)
    provisional: tuple[str, Published] | None = None


class Incident(Struct):
    """The records of one incident by their ids, in order, and what the last one says."""

    records: dict[str, Published] = field(default_factory=dict)
    status: str = ""
    at: str = ""


class Kept:
    """The latest records of each output. A repeat takes the first one's place."""

    def __init__(self) -> None:
        self.transitions: dict[str, Published] = {}
        self.reports: dict[str, Published] = {}
        self.incidents: dict[str, Incident] = {}
        self.series: dict[str, Windows] = {}
        self._windows = 0

    def take(self, output: str, record: Published) -> str | None:
        """Keep a record of this output, and return its series where it has one.

        Raises msgspec.DecodeError for what is no record of Footfall's.
        """
        if output == "transitions":
            self._latest(self.transitions, _transition(record.value).transition_id, record, MOST_TRANSITIONS)
        elif output == "daily":
            self._latest(self.reports, _daily(record.value).day, record, MOST_REPORTS)
        elif output == "incidents":
            self._incident(record)
        else:
            return self._window(record)
        return None

    @staticmethod
    def _latest(kept: dict[str, Published], name: str, record: Published, most: int) -> None:
        kept[name] = record
        while len(kept) > most:
            del kept[next(iter(kept))]

    def _incident(self, record: Published) -> None:
        told = _incident(record.value)
        incident = self.incidents.pop(told.incident_id, None) or Incident()
        self.incidents[told.incident_id] = incident
        incident.records[told.record_id] = record
        incident.status, incident.at = told.status, told.at
        while len(self.incidents) > MOST_INCIDENTS:
            # What has happened to it longest ago; those that are open stay as long as there are others.
            settled = (name for name, one in self.incidents.items() if one.status == "resolved")
            del self.incidents[next(settled, next(iter(self.incidents)))]

    def _window(self, record: Published) -> str:
        told = _window(record.value)
        windows = self.series.pop(told.series, None) or Windows()
        self.series[told.series] = windows
        if told.status != "final":
            if windows.provisional is None or told.start >= windows.provisional[0]:
                windows.provisional = told.start, record
            return told.series
        self._windows += told.start not in windows.final
        windows.final[told.start] = record
        if windows.provisional is not None and windows.provisional[0] <= told.start:
            windows.provisional = None
        most = max(LEAST_WINDOWS, min(MOST_WINDOWS, MOST_WINDOWS_OF_ALL // len(self.series)))
        while len(windows.final) > most:
            del windows.final[next(iter(windows.final))]
            self._windows -= 1
        self._forget_series()
        return told.series

    def _forget_series(self) -> None:
        while len(self.series) > MOST_SERIES or self._windows > MOST_WINDOWS_OF_ALL:
            oldest = next((name for name in self.series if name != TOTAL), None)
            if oldest is None:
                return
            self._windows -= len(self.series.pop(oldest).final)

    def all(self) -> Iterator[tuple[str, str | None, Published]]:
        """Output, series where it has one, and record of all that is kept, by Kafka's time."""
        found: list[tuple[str, str | None, Published]] = []
        found += [("transitions", None, record) for record in self.transitions.values()]
        found += [("daily", None, record) for record in self.reports.values()]
        for incident in self.incidents.values():
            found += [("incidents", None, record) for record in incident.records.values()]
        for series, windows in self.series.items():
            found += [("engagement", series, record) for record in windows.final.values()]
            if windows.provisional is not None:
                found.append(("engagement", series, windows.provisional[1]))
        return iter(sorted(found, key=lambda one: one[2].order))
