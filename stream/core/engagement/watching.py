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
from stream.core.engagement.journal import Journal
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
_WINDOWS = "watch:window:"
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
    Detectors are kept in turns, once an hour, with the windows since.
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
        self._journal = Journal(step_ms=step_ms)
        self._swept = 0
        self._outdated = False

    def window(self, start_ms: int, rows: Mapping[str, Row]) -> Verdict:
        """Judge a final window by what came before it, then learn it."""
        incidents = self._begin_anew() if self._outdated else []
        local_ms = start_ms + self._calendar.offset(start_ms)
        judged: dict[str, dict[Measure, Judged]] = {}
        bands: dict[str, dict[str, Band]] = {}
        for series in sorted(rows):
            row = rows[series]
            watched = self._series.get(series)
            if watched is None:
                if not row.is_seen():
                    continue
                watched = self._watched(series, start_ms)
            elif not watched.needs(row):
                continue
            bar = self._incidents.bar(series, start_ms)
            judged[series] = found = watched.window(start_ms, row, local_ms=local_ms, bar=bar)
            of_series: dict[str, Band] = {
                measure: Band(one.expected, one.lower, one.upper, one.score)
                for measure, one in found.items()
                if watched.may_alert(measure)
            }
            if of_series:
                bands[series] = of_series
        self._forget(start_ms)
        for series in self._journal.add(start_ms, {series: rows[series] for series in judged}):
            self._dirty[_SERIES + series] = None
        incidents += self._incidents.window(start_ms, rows, judged)
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
        incidents = self._begin_anew() if self._outdated else []
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
        return incidents + self._incidents.day(daily.day, judged)

    def control(self, control: Control) -> list[Incident]:
        """What somebody said of an incident."""
        return self._incidents.control(control)

    def open(self) -> list[Incident]:
        """The last record of each open incident."""
        return self._incidents.open()

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """State that has changed since the last call, by key; None where it is gone."""
        for key in self._dirty:
            yield key, self._state(key)
        self._dirty.clear()
        for start_ms, rows in self._journal.changes():
            yield f"{_WINDOWS}{start_ms}", rows
        yield from self._incidents.changes()

    def restore(self, key: str, value: bytes) -> None:
        """One of the keys that `changes` gave, as it was last; in any order."""
        if key.startswith(_INCIDENTS):
            self._incidents.restore(key, value)
        elif key == _DEFINITION:
            self._outdated = self._outdated or value.decode() != self._hash
        elif key.startswith(_SERIES):
            series = key.removeprefix(_SERIES)
            try:
                self._series[series] = Watched.restore(series, value, self._detection, step_ms=self._step_ms)
            except ValueError:  # of another version: that is as if the settings had changed
                self._outdated = True
                self._watched(series, 0)
        elif key.startswith(_DAYS):
            self._figures[key.removeprefix(_DAYS)] = _decode_figure(value)
        elif key.startswith(_WINDOWS):
            self._journal.restore(int(key.removeprefix(_WINDOWS)), value)

    def restored(self) -> None:
        """After the last key: learns again what was learned since the detectors were kept."""
        self._incidents.restored()
        self._dirty.clear()
        self._journal.restored()
        if self._outdated:
            return
        for start_ms, rows in self._journal.windows():
            local_ms = start_ms + self._calendar.offset(start_ms)
            for series, row in rows.items():
                watched = self._series.get(series) or self._watched(series, start_ms)
                if watched.last < start_ms:
                    watched.window(start_ms, row, local_ms=local_ms, bar=0.0)
                    self._journal.is_behind(series, start_ms)

    def _watched(self, series: str, start_ms: int) -> Watched:
        """A new one."""
        watched = Watched(series, start_ms, self._detection, step_ms=self._step_ms)
        self._series[series] = watched
        return watched

    def _begin_anew(self) -> list[Incident]:
        """The settings are others than those of what was restored: forgets that, and resolves what is open.

        With the first window, or day, after it, so that what is published and what is kept go together.
        """
        for series in list(self._series):
            self._drop(series)
        for name in self._figures:
            self._dirty[_DAYS + name] = None
        self._figures.clear()
        self._journal.clear()
        self._outdated = False
        self._dirty[_DEFINITION] = None
        return self._incidents.begin_anew(SETTINGS_CHANGED)

    def _state(self, key: str) -> bytes | None:
        if key == _DEFINITION:
            return self._hash.encode()
        if key.startswith(_SERIES):
            watched = self._series.get(key.removeprefix(_SERIES))
            return None if watched is None else watched.state()
        figure = self._figures.get(key.removeprefix(_DAYS))
        return None if figure is None else msgspec.msgpack.encode(figure)

    def _forget(self, start_ms: int) -> None:
        """With the first window of a day (UTC), the series that have not been seen for long."""
        day = start_ms // DAY
        if day != self._swept:
            self._swept = day
            for series in [
                name for name, one in self._series.items() if one.seen <= day * DAY - FORGOTTEN_MS
            ]:
                self._drop(series)

    def _drop(self, series: str) -> None:
        del self._series[series]
        self._journal.forget(series)
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
