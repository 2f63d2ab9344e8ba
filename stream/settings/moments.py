"""Kinds of values that are about time: durations, days, instants and zones."""

from __future__ import annotations

import datetime
import re
import zoneinfo

from stream.core.definition import DAY
from stream.settings.durations import format_duration, parse_duration
from stream.settings.kinds import DURATION_EXAMPLES, Kind, as_text, did_you_mean, refuse


def duration(least_ms: int = 1, most_ms: int | None = None) -> Kind:
    """A duration from `least_ms` to `most_ms`, read into whole milliseconds."""
    takes = f"a duration{DURATION_EXAMPLES}"
    takes += f", at least {format_duration(least_ms)}" if least_ms else ""
    takes += f", at most {format_duration(most_ms)}" if most_ms else ""

    def read(value: object) -> int:
        duration_ms = parse_duration(value)
        if duration_ms is None or duration_ms < least_ms or (most_ms and duration_ms > most_ms):
            raise refuse(value, takes)
        return duration_ms

    return Kind("duration", takes, read, as_text)


def days_long() -> Kind:
    """A duration of whole days, read into their number."""
    takes = 'a duration of whole days such as "7d"'

    def read(value: object) -> int:
        duration_ms = parse_duration(value)
        if duration_ms is None or duration_ms % DAY:
            raise refuse(value, takes)
        return duration_ms // DAY

    return Kind("whole days", takes, read, as_text)


def zone() -> Kind:
    """The name of an IANA time zone. `localtime` and the like mean different things on different machines."""
    takes = 'an IANA time zone such as "UTC" or "Asia/Shanghai"'

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise refuse(value, takes)
        try:
            zoneinfo.ZoneInfo(value)
            known = value not in ("localtime", "posixrules") and not value.startswith(("posix/", "right/"))
        except (KeyError, ValueError, OSError):
            known = False
        if not known:
            raise refuse(value, takes + _did_you_mean_zone(value))
        return value

    return Kind("time zone", takes, read, as_text)


def _did_you_mean_zone(name: str) -> str:
    zones = sorted(zoneinfo.available_timezones())
    city = name.strip().replace(" ", "_").casefold()
    for candidate in zones:
        if city in (candidate.casefold(), candidate.rpartition("/")[2].casefold()):
            return f'; did you mean "{candidate}"?'
    return did_you_mean(name, zones)


def day(takes: str = "a date such as 2024-05-01") -> Kind:
    """A calendar date, from TOML's own or from text; held as ISO 8601."""

    def read(value: object) -> str:
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value.isoformat()
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            try:
                return datetime.date.fromisoformat(value).isoformat()
            except ValueError:
                pass
        raise refuse(value, takes)

    return Kind("date", takes, read, as_text)


def instant() -> Kind:
    """A date, or a time with an offset; held as ISO 8601."""
    takes = "a date such as 2024-11-11, or a time with an offset such as 2024-11-11T10:00:00+08:00"
    read_day = day(takes).read

    def read(value: object) -> str:
        if isinstance(value, str) and len(value) > 10:
            try:
                value = datetime.datetime.fromisoformat(value)
            except ValueError:
                raise refuse(value, takes) from None
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            return value.isoformat()
        return str(read_day(value))

    return Kind("date or time", takes, read, as_text)
