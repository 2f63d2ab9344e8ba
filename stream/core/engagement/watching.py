"""Watches final windows of all series for spikes and drops, and daily figures for declines (SPEC 7)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

import msgspec

from stream.core.calendar import Calendar
from stream.core.definition import DAY, Definition
from stream.core.engagement.control import Control
from stream.core.engagement.decline import Figure, Trend
from stream.core.engagement.incidents import Incidents
from stream.core.engagement.judged import Judged, Sign
from stream.core.engagement.rows import TOTAL, Row
from stream.core.engagement.watched import Watched
from stream.core.records import Band, Daily, Incident, Measure

FORGOTTEN_MS = 8 * DAY
"""A series that nobody has been seen in for so long loses its detectors: it is new when it comes again."""
FIGURE = "figure:"
"""What the daily figures are called that have no series: `figure:visits`, `figure:active`."""
SETTINGS_CHANGED = "settings changed"

_DEFINITION = "watch"
_SERIES = "watch:series:"
_DAYS = "watch:days:"
_INCIDENTS = "incident"
_EPOCH = date(1970, 1, 1).toordinal()


class Verdict(NamedTuple):
    """Of a window: bands by series and measure, of those that may alert, and the records of incidents."""

    bands: dict[str, dict[str, Band]]
    incidents: list[Incident]


class Watch:
    """The detectors of all series and the incidents that come of them. Windows come in order, once each.

    `step_ms` is the length of a window. State goes through `changes` and `restore`; after a restart under
    another definition the detectors begin anew, and what was open is resolved with the next window.
    """

    def __init__(self, definition: Definition, *, step_ms: int) -> None:
        self._definition, self._step_ms = definition, step_ms
        self._hash = definition.engagement_hash()
        self._detection = definition.detection
        self._calendar = Calendar(definition.timezone)
        self._incidents = Incidents(definition, step_ms=step_ms)
        self._series: dict[str, Watched] = {}
        self._figures: dict[str, Figure] = {}
        self._dirty: dict[str, None] = {_DEFINITION: None}
        self._swept = 0
        self._known_hash = self._hash
        self._anew: list[Incident] = []

    def window(self, start_ms: int, rows: Mapping[str, Row]) -> Verdict:
        """Judge a final window by what came before it, then learn it."""
        local_ms = start_ms + self._calendar.offset(start_ms)
        judged: dict[str, dict[Measure, Judged]] = {}
        bands: dict[str, dict[str, Band]] = {}
        for series in sorted(rows):
            row = rows[series]
            watched = self._series.get(series)
            if watched is None:
                if not row.is_seen():
                    continue
                watched = Watched(series, start_ms, self._detection, step_ms=self._step_ms)
                self._series[series] = watched
            elif not watched.needs(row):
                continue
            bar = self._incidents.bar(series, start_ms)
            found = watched.window(start_ms, row, local_ms=local_ms, bar=bar)
            self._dirty[_SERIES + series] = None
            judged[series] = found
            of_series: dict[str, Band] = {
                measure: Band(one.expected, one.lower, one.upper, one.score)
                for measure, one in found.items()
                if watched.may_alert(measure)
            }
            if of_series:
                bands[series] = of_series
        self._forget(start_ms)
        incidents = [*self._anew, *self._incidents.window(start_ms, rows, judged)]
        self._anew = []
        return Verdict(bands, incidents)

    def peek(self, start_ms: int, rows: Mapping[str, Row]) -> list[Incident]:
        """Incidents that a window opens although it is not over: spikes only. Learns nothing."""
        local_ms = start_ms + self._calendar.offset(start_ms)
        judged = {
            series: watched.peek(
                start_ms, rows[series], local_ms=local_ms, bar=self._incidents.bar(series, start_ms)
            )
            for series in sorted(rows)
            if (watched := self._series.get(series)) is not None
        }
        return self._incidents.peek(start_ms, rows, judged)

    def day(self, daily: Daily) -> list[Incident]:
        """Incidents of the daily figures, of which a slow decline opens one. Days come in order."""
        day = date.fromisoformat(daily.day).toordinal() - _EPOCH
        judged: dict[str, dict[Measure, Judged]] = {}
        for name, value in sorted(_figures_of(daily).items()):
            figure = self._figures.setdefault(name, Figure())
            trend = figure.learn(day, value)
            self._dirty[_DAYS + name] = None
            if trend is not None:
                judged[name] = {"people": self._of_day(trend)}
        for name in [
            name for name, figure in self._figures.items() if figure.days[-1] <= day - FORGOTTEN_MS // DAY
        ]:
            del self._figures[name]
            self._dirty[_DAYS + name] = None
        return self._incidents.day(daily.day, judged)

    def control(self, control: Control) -> list[Incident]:
        """What somebody said of an incident."""
        return self._incidents.control(control)

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """State that has changed since the last call, by key; None where it is gone."""
        for key in self._dirty:
            yield key, self._state(key)
        self._dirty.clear()
        yield from self._incidents.changes()

    def restore(self, key: str, value: bytes) -> None:
        """One of the keys that `changes` gave, as it was last; in any order."""
        if key.startswith(_INCIDENTS):
            self._incidents.restore(key, value)
        elif key == _DEFINITION:
            self._known_hash = value.decode()
        elif key.startswith(_SERIES):
            series = key.removeprefix(_SERIES)
            self._series[series] = Watched.restore(series, value, self._detection, step_ms=self._step_ms)
        elif key.startswith(_DAYS):
            self._figures[key.removeprefix(_DAYS)] = _decode_figure(value)

    def restored(self) -> None:
        """After the last key: begins anew if the settings were others."""
        self._incidents.restored()
        self._dirty.clear()
        if self._known_hash != self._hash:
            for key in (
                *(_SERIES + name for name in self._series),
                *(_DAYS + name for name in self._figures),
            ):
                self._dirty[key] = None
            self._series.clear()
            self._figures.clear()
            self._anew = self._incidents.begin_anew(SETTINGS_CHANGED)
            self._known_hash = self._hash
            self._dirty[_DEFINITION] = None

    def _state(self, key: str) -> bytes | None:
        if key == _DEFINITION:
            return self._hash.encode()
        if key.startswith(_SERIES):
            watched = self._series.get(key.removeprefix(_SERIES))
            return None if watched is None else watched.state()
        figure = self._figures.get(key.removeprefix(_DAYS))
        return None if figure is None else msgspec.msgpack.encode(figure)

    def _forget(self, start_ms: int) -> None:
        """Once a day, the series that have not been seen for long."""
        if start_ms // DAY == self._swept:
            return
        self._swept = start_ms // DAY
        for series in [name for name, one in self._series.items() if one.seen <= start_ms - FORGOTTEN_MS]:
            del self._series[series]
            self._dirty[_SERIES + series] = None

    def _of_day(self, trend: Trend) -> Judged:
        beyond: Sign = -1 if trend.declining and trend.expected >= self._detection.min_volume else 0
        score = math.erf(abs(trend.deviations) / math.sqrt(2))
        return Judged(trend.value, trend.expected, trend.lower, trend.upper, score, beyond, beyond)


def _figures_of(daily: Daily) -> dict[str, float]:
    """What of a daily report is watched."""
    return {
        TOTAL: daily.traffic.people,
        FIGURE + "visits": daily.traffic.visits,
        FIGURE + "active": daily.active.days_1,
        **{f"channel:{name}": traffic.people for name, traffic in daily.channels.items()},
    }


_decode_figure = msgspec.msgpack.Decoder(Figure).decode
