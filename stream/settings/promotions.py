"""`[[campaign]]`: promotions, with their periods in the product's time zone."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from stream.core.calendar import Calendar
from stream.core.definition import Promotion

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FIRST_DAY = datetime.date(1970, 1, 1).toordinal()


def promotion(row: Mapping[str, Any], calendar: Calendar) -> Promotion:
    """The promotion of a `[[campaign]]`, whose `from` and `to` are ISO 8601: dates, or instants.

    A date as `to` includes that day.
    """
    start, end = row.get("from"), row.get("to")
    return Promotion(
        name=row["name"],
        start_ms=_instant_ms(start, calendar, days=0) if start else None,
        end_ms=_instant_ms(end, calendar, days=1) if end else None,
        where=row.get("where", ()),
    )


def _instant_ms(text: str, calendar: Calendar, *, days: int) -> int:
    """An instant; of a date, the midnight at which the day `days` later begins."""
    if len(text) == len("2024-11-11"):
        day = datetime.date.fromisoformat(text).toordinal() - _FIRST_DAY
        return calendar.midnight(day + days)[0]
    return (datetime.datetime.fromisoformat(text) - _EPOCH) // datetime.timedelta(milliseconds=1)
