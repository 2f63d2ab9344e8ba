"""Local days, where clocks are odd."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.calendar import Calendar
from stream.core.times import format_ms, parse_day, parse_ms

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Cairo",
]


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("UTC", "2026-03-29", "2026-03-29T00:00:00.000Z"),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00.000Z"),
        ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00.000Z"),
        ("Asia/Kathmandu", "2026-03-29", "2026-03-28T18:15:00.000Z"),
        # the clock went from 23:59:59 to 01:00:00
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00.000Z"),
        # the clock went back at 00:01 to 23:01 of the day before: the first of its two midnights counts
        ("America/St_Johns", "2006-10-29", "2006-10-29T02:30:00.000Z"),
    ],
)
def test_a_day_begins_at_the_first_instant_of_its_date(zone: str, day: str, begins: str) -> None:
    number = parse_day(day)
    assert number is not None
    instant, occurs = Calendar(zone).midnight(number)
    assert (format_ms(instant), occurs) == (begins, number)


def test_a_date_that_does_not_occur_has_no_midnight() -> None:
    skipped = parse_day("2011-12-30")
    assert skipped is not None
    instant, occurs = Calendar("Pacific/Apia").midnight(skipped)
    assert occurs == skipped + 1
    assert format_ms(instant) == "2011-12-30T10:00:00.000Z"


def test_an_hour_lived_twice_keeps_its_local_date() -> None:
    calendar = Calendar("America/St_Johns")
    before, after = parse_ms("2006-10-29T02:30:30Z"), parse_ms("2006-10-29T02:31:30Z")
    assert before is not None
    assert after is not None
    assert calendar.day_of(before) == calendar.day_of(after) + 1


@pytest.mark.parametrize("zone", ZONES)
@given(moment=st.datetimes(datetime(1950, 1, 1), datetime(2060, 1, 1), timezones=st.just(ZoneInfo("UTC"))))
def test_days_agree_with_zoneinfo(zone: str, moment: datetime) -> None:
    ms = (moment - datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))) // timedelta(milliseconds=1)
    local = moment.astimezone(ZoneInfo(zone)).date()
    assert Calendar(zone).day_of(ms) == (local - date(1970, 1, 1)).days


@pytest.mark.parametrize("zone", ZONES)
@given(day=st.integers(-7000, 32000))
def test_midnight_is_the_first_instant(zone: str, day: int) -> None:
    calendar = Calendar(zone)
    instant, occurs = calendar.midnight(day)
    assert calendar.day_of(instant) == occurs >= day
    assert calendar.day_of(instant - 1) != occurs


def test_the_ends_of_time_have_days() -> None:
    calendar = Calendar("Pacific/Apia")
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        ms = parse_ms(text)
        assert ms is not None
        assert isinstance(calendar.day_of(ms), int)


def test_the_date_reached_never_goes_back() -> None:
    calendar = Calendar("America/St_Johns")
    start = parse_ms("2006-10-28T12:00:00Z")
    assert start is not None
    reached = [calendar.reached(start + minute * 60_000) for minute in range(48 * 60)]
    assert reached == sorted(reached)
    assert calendar.reached(start + 14 * 3_600_000 + 31 * 60_000) == calendar.day_of(start) + 1
