"""ISO 8601 text to whole milliseconds since 1970 and back, cached by the hour."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

EARLIEST = -62_135_596_800_000  # 0001-01-01T00:00:00.000Z
LATEST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)
_DAY = 86_400_000
_CACHED = 10_000
_SECONDS_CACHED = 20_000  # some five hours of an input that is in order

_SECOND = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
_TAIL = re.compile(r"(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)", re.ASCII)
_DIGITS = "0123456789"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_MS = [f".{ms:03d}Z" for ms in range(1000)]
_SECONDS = [f":{second // 60:02d}:{second % 60:02d}" for second in range(3600)]  # of an hour
_SECOND_MS = {text: second * 1000 for second, text in enumerate(_SECONDS)}
_TAIL_MS = {text: ms for ms, text in enumerate(_MS)} | {"Z": 0}
_FRACTION_MS = {text[:4]: ms for ms, text in enumerate(_MS)}

_hours: dict[str, int] = {}
_zones: dict[str, int] = {"Z": 0}
_texts: dict[int, str] = {}

seconds: dict[str, int] = {}
"""Times to the second that have been read lately: with `tails`, the hot part of `parse_ms`."""
tails: dict[str, int] = dict(_TAIL_MS)
"""What follows the second, as milliseconds; the sum of both lies in the years 1 to 9999."""


def parse_ms(text: str) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 time with an offset; finer digits are floored.

    None for anything else: a bare date, a time without an offset, week dates, years outside 1 to 9999.
    """
    second = seconds.get(text[:19])
    if second is None:
        hour, rest = _hours.get(text[:13]), _SECOND_MS.get(text[13:19])
        if hour is None or rest is None:
            return _parse_uncached(text)
        if len(seconds) >= _SECONDS_CACHED:
            seconds.clear()
        second = seconds[text[:19]] = hour + rest
    tail = tails.get(text[19:])
    if tail is not None:
        return second + tail
    fraction, zone = _FRACTION_MS.get(text[19:23]), _zones.get(text[23:].lstrip(_DIGITS))
    return _parse_uncached(text) if fraction is None or zone is None else second + fraction + zone


def _parse_uncached(text: str) -> int | None:
    second = _SECOND.match(text)
    if second is None:
        return None
    tail = _TAIL.fullmatch(text, second.end())
    if tail is None or (tail[1] and second[6] is None):
        return None
    year, month, day, hour, minute, sec = (int(part or 0) for part in second.groups())
    try:
        whole = datetime(year, month, day, hour, minute, sec, tzinfo=UTC)
    except ValueError:
        return None
    offset_hours, offset_minutes = int(tail[3] or 0), int(tail[4] or 0)
    if offset_hours > 23 or offset_minutes > 59:
        return None
    base = (whole - _EPOCH) // timedelta(milliseconds=1)
    zone = (offset_hours * 60 + offset_minutes) * 60_000 * (1 if tail[2] == "-" else -1)
    fraction = tail[1] or ""
    t = base + int(fraction[:3].ljust(3, "0")) + zone
    if second.end() == 19:
        if EARLIEST + 2 * _DAY < base < LATEST - 2 * _DAY:
            _remember(_hours, text[:13], base - (minute * 60 + sec) * 1000)
        if len(fraction) <= 3:
            _remember(tails, text[19:], t - base)
        _remember(_zones, text[tail.end(1) if fraction else 19 :], zone)
    return t if EARLIEST <= t <= LATEST else None


def _remember(cache: dict[str, int], text: str, ms: int) -> None:
    if len(cache) >= _CACHED:
        cache.clear()
        if cache is tails:
            cache |= _TAIL_MS
    cache[text] = ms


def within_years(t: int | None) -> int | None:
    """`t` where it lies in the years 1 to 9999, else None."""
    return t if t is not None and EARLIEST <= t <= LATEST else None


def format_ms(t: int) -> str:
    """ISO 8601 in UTC with milliseconds: `2026-01-31T08:00:00.000Z`."""
    hour, rest = divmod(t, 3_600_000)
    text = _texts.get(hour)
    if text is None:
        if len(_texts) >= _CACHED:
            _texts.clear()
        text = _texts[hour] = (_EPOCH + timedelta(hours=hour)).isoformat()[:13]
    second, ms = divmod(rest, 1000)
    return text + _SECONDS[second] + _MS[ms]


def format_day(day: int) -> str:
    """`2026-01-31` for days since 1970-01-01."""
    return (_EPOCH_DAY + timedelta(days=day)).isoformat()


def parse_day(text: str) -> int | None:
    """Days since 1970-01-01 of a bare date `2026-01-31`, else None."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return (date.fromisoformat(text) - _EPOCH_DAY).days
    except ValueError:
        return None
