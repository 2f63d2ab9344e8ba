"""ISO 8601 text to whole milliseconds since 1970 and back, cached by the hour."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

EARLIEST = -62_135_596_800_000  # 0001-01-01T00:00:00.000Z
LATEST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)
_CACHED = 100_000

_SECOND = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
_TAIL = re.compile(r"(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_MS = [f".{ms:03d}Z" for ms in range(1000)]
_SECONDS = [f":{second // 60:02d}:{second % 60:02d}" for second in range(3600)]  # of an hour
_SECOND_MS = {text: second * 1000 for second, text in enumerate(_SECONDS)}

_HOURS = {f"{hour:02d}": hour * 3_600_000 for hour in range(24)}

_dates: dict[str, int] = {}
_hours: dict[str, int] = {}
_tails: dict[str, int] = {text: ms for ms, text in enumerate(_MS)} | {"Z": 0}
_texts: dict[int, str] = {}


def parse_ms(text: str) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 time with an offset; finer digits are floored.

    None for anything else: a bare date, a time without an offset, week dates, years outside 1 to 9999.
    """
    try:
        t = _hours[text[:13]] + _SECOND_MS[text[13:19]] + _tails[text[19:]]
    except KeyError:
        return _parse_uncached(text)
    return t if EARLIEST <= t <= LATEST else None


def _parse_uncached(text: str) -> int | None:
    midnight, hour_text = _dates.get(text[:11]), text[11:13]
    if midnight is not None and hour_text in _HOURS and text[13:19] in _SECOND_MS and text[19:] in _tails:
        if len(_hours) >= _CACHED:
            _hours.clear()
        _hours[text[:13]] = midnight + _HOURS[hour_text]
        return parse_ms(text)
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
    offset = (offset_hours * 60 + offset_minutes) * 60_000 * (-1 if tail[2] == "-" else 1)
    rest = int((tail[1] or "0")[:3].ljust(3, "0")) - offset
    if second.end() == 19:
        if len(_hours) >= _CACHED:
            _hours.clear()
        if len(_tails) >= _CACHED:
            _tails.clear()
        _hours[text[:13]] = base - (minute * 60 + sec) * 1000
        if len(_dates) >= _CACHED:
            _dates.clear()
        _dates[text[:11]] = base - ((hour * 60 + minute) * 60 + sec) * 1000
        if len(text) < 40:
            _tails[text[19:]] = rest
    return base + rest if EARLIEST <= base + rest <= LATEST else None


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
