"""Reads the time column of a table: ISO 8601, seconds or milliseconds since 1970, or a strptime pattern."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

CACHED_TIMES = 65_536


class TimeReader:
    """Turns a cell's text into ISO 8601 in UTC with milliseconds, or None where it is no such time.

    `pattern` is None or `iso` (ISO 8601, a space for the `T` too, a bare date is its midnight), `epoch`
    (seconds since 1970), `epoch_ms`, or a strptime pattern. A time without an offset is local to `zone`.
    """

    def __init__(self, pattern: str | None, zone: ZoneInfo) -> None:
        self._pattern = pattern or "iso"
        self._zone = zone
        # A table of history repeats its times (dates, above all), and strptime costs microseconds.
        self.read = lru_cache(CACHED_TIMES)(self._read)

    def _read(self, text: str) -> str | None:
        try:
            time = self._parse(text)
            if time.tzinfo is None:
                time = time.replace(tzinfo=self._zone)
            return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        except (ValueError, OverflowError, OSError):
            return None

    def _parse(self, text: str) -> datetime:
        if self._pattern == "iso":
            return datetime.fromisoformat(text)
        if self._pattern == "epoch":
            return datetime.fromtimestamp(float(text), UTC)
        if self._pattern == "epoch_ms":
            whole, part = divmod(int(text), 1000)
            return datetime.fromtimestamp(whole, UTC).replace(microsecond=part * 1000)
        return datetime.strptime(text, self._pattern)
