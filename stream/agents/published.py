"""What the merger publishes: counted record by record, and kept as long as it is of the latest windows."""

from __future__ import annotations

import time
from typing import NamedTuple, get_args

import msgspec
from msgspec import Struct

from stream.core import records
from stream.core.engagement.rows import TOTAL
from stream.core.times import format_ms
from stream.metrics import Metrics


class _Window(Struct):
    series: str
    status: records.WindowStatus
    start: str
    volume: float


class Row(NamedTuple):
    """A record of engagement, and the volume in it."""

    volume: float
    record: bytes


class LatestWindows:
    """The records, by series, of the last window that is final, and of the newest that is still open.

    A window that begins after the wall clock's now is that of a wrong clock, not the newest.
    `foretold` are the incidents, by id, that open windows will open: spikes, which can only grow.
    """

    def __init__(self) -> None:
        self.final: dict[str, Row] = {}
        self.open: dict[str, Row] = {}
        self.foretold: dict[str, records.Incident] = {}
        # ISO 8601 in UTC: these are in the order of time.
        self._final_start = ""
        self._open_start = ""
        self._too_new = ""
        self._shown_start = ""
        self._foretold_start: dict[str, str] = {}

    def add(self, window: _Window, record: bytes) -> None:
        """One record; those of a window come one after the other."""
        start = window.start
        row = Row(window.volume, record)
        if window.status == "final":
            if start != self._final_start:
                self.final, self._final_start = {}, start
                self._close(start)
            self.final[window.series] = row
            return
        self._shown_start = start
        if start == self._open_start:
            if window.series == TOTAL:  # the first of them: it is shown once more
                self.open = {}
            self.open[window.series] = row
        elif start > max(self._open_start, self._final_start) and start != self._too_new:
            if start > format_ms(int(time.time() * 1000)):
                self._too_new = start
            else:
                self.open, self._open_start = {window.series: row}, start

    def foretell(self, incident: records.Incident) -> None:
        """The open window whose records came last will open it."""
        self.foretold[incident.incident_id] = incident
        self._foretold_start[incident.incident_id] = self._shown_start

    def _close(self, start: str) -> None:
        """The window that begins then is final, and with it what it has opened."""
        if self._open_start <= start:
            self.open, self._open_start = {}, ""
        for incident_id in [i for i, at in self._foretold_start.items() if at <= start]:
            del self.foretold[incident_id], self._foretold_start[incident_id]


class Published:
    """Decodes a few fields of each row; a few hundred a window, so that is no cost."""

    def __init__(self, metrics: Metrics) -> None:
        self.latest = LatestWindows()
        self._metrics = metrics
        self._counted = {status: metrics.windows.labels(status) for status in get_args(records.WindowStatus)}
        self._windows = msgspec.json.Decoder(_Window)
        self._incidents = msgspec.json.Decoder(records.Incident)

    def saw(self, output: str, value: bytes) -> None:
        """One record of an output is about to be published."""
        if output == "engagement":
            window = self._windows.decode(value)
            self._counted[window.status].inc()
            self.latest.add(window, value)
        elif output == "incidents":
            incident = self._incidents.decode(value)
            if incident.provisional:
                self.latest.foretell(incident)
            elif incident.status == "opened":
                self._metrics.incidents.labels(incident.direction, incident.severity).inc()
        else:
            self._metrics.daily_reports.inc()
