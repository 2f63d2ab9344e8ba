"""Counts what the merger publishes, for the metrics."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from stream.core import records
from stream.metrics import Metrics


class _Window(Struct):
    status: records.WindowStatus


class _Incident(Struct):
    direction: records.Direction
    severity: records.Severity
    status: records.IncidentStatus
    provisional: bool


class Published:
    """Reads of each record what is counted of it; a few hundred a window, so that is no cost."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._windows = msgspec.json.Decoder(_Window)
        self._incidents = msgspec.json.Decoder(_Incident)

    def saw(self, output: str, value: bytes) -> None:
        """One record of an output is about to be published."""
        if output == "engagement":
            self._metrics.windows.labels(self._windows.decode(value).status).inc()
        elif output == "incidents":
            incident = self._incidents.decode(value)
            if incident.status == "opened" and not incident.provisional:
                self._metrics.incidents.labels(incident.direction, incident.severity).inc()
        else:
            self._metrics.daily_reports.inc()
