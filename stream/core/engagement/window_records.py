"""A series in a window as the record that is published (SPEC 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stream.core import records
from stream.core.engagement.rows import EMPTY, Row
from stream.core.publishing import Output
from stream.core.times import format_ms

Bands = Mapping[str, Mapping[str, records.Band]]
"""By series and measure."""

_SERIES_KEPT = 10_000
_HEAD = b'{"schema":"footfall.engagement/1","definition":"%b","window_id":'
_EMPTY = (
    b'"events":0,"pageviews":0,"people":0,"visits":0,"engaged":0,"key_events":{},'
    b'"volume":0.0,"index":0.0,"promoted":0.0,"promoted_people":0,"bands":{}}'
)


class WindowRecords:
    """Writes records.Engagement. Bands have six digits, so that they are the same everywhere."""

    def __init__(self, definition: str, window_ms: int) -> None:
        self._definition = definition
        self._head = _HEAD % definition.encode()
        self._window_ms = window_ms
        self._quoted: dict[str, tuple[bytes, bytes]] = {}

    def of(
        self, start_ms: int, rows: Mapping[str, Row], bands: Bands, *, status: records.WindowStatus
    ) -> Iterator[Output]:
        """The records of one window, in the order of the rows."""
        start, end = format_ms(start_ms), format_ms(start_ms + self._window_ms)
        ending = f'@{start_ms}","series":'.encode()
        times = f',"status":"{status}","start":"{start}","end":"{end}",'.encode()
        for series, row in rows.items():
            of_series = bands.get(series)
            if row is EMPTY and not of_series:
                # most windows of a small product are such, and half the time would go into them
                key, quoted = self._quoted.get(series) or self._quote(series)
                value = b"".join((self._head, quoted[:-1], ending, quoted, times, _EMPTY))
                yield Output("engagement", key, value)
                continue
            record = records.Engagement(
                definition=self._definition,
                window_id=f"{series}@{start_ms}",
                series=series,
                status=status,
                start=start,
                end=end,
                events=row.events,
                pageviews=row.pageviews,
                people=row.people,
                visits=row.visits,
                engaged=row.engaged,
                key_events=row.key_events,
                volume=row.volume,
                index=row.index,
                promoted=row.promoted,
                promoted_people=row.promoted_people,
                bands={measure: _rounded(band) for measure, band in (of_series or {}).items()},
            )
            yield Output("engagement", series.encode(), records.encode(record))

    def _quote(self, series: str) -> tuple[bytes, bytes]:
        if len(self._quoted) >= _SERIES_KEPT:
            self._quoted.clear()
        quoted = self._quoted[series] = series.encode(), records.encode(series)
        return quoted


def _rounded(band: records.Band) -> records.Band:
    return records.Band(_six(band.expected), _six(band.lower), _six(band.upper), _six(band.score))


def _six(value: float) -> float:
    return float(f"{value:.6g}")
