"""The oracle's calendar, on days that are not 24 hours long."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.reference.days import EPOCH, MILLISECOND, Days


def ms(text: str) -> int:
    return (dt.datetime.fromisoformat(text) - EPOCH) // MILLISECOND


@pytest.mark.parametrize(
    ("zone", "date", "first_instant"),
    [
        ("UTC", "2024-03-01", "2024-03-01T00:00:00Z"),
        ("UTC", "1969-12-31", "1969-12-31T00:00:00Z"),
        ("Asia/Kathmandu", "2024-01-01", "2023-12-31T18:15:00Z"),
        ("Asia/Kathmandu", "1986-01-01", "1985-12-31T18:30:00Z"),  # 00:00 became 00:15 as the day began
        ("Europe/Berlin", "2024-03-31", "2024-03-30T23:00:00Z"),
        ("Europe/Berlin", "2024-04-01", "2024-03-31T22:00:00Z"),
        ("Europe/Berlin", "2024-10-28", "2024-10-27T23:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),  # the day begins at 01:00
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"),  # 24:00 was 23:00 once more
        ("America/St_Johns", "2006-10-29", "2006-10-29T02:30:00Z"),  # for one minute, and again later
        ("America/St_Johns", "2006-04-02", "2006-04-02T03:30:00Z"),
        ("Australia/Lord_Howe", "2024-04-07", "2024-04-06T13:00:00Z"),
        ("Australia/Lord_Howe", "2024-04-08", "2024-04-07T13:30:00Z"),
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
    ],
)
def test_midnight_is_the_first_instant_of_the_date(zone: str, date: str, first_instant: str) -> None:
    days = Days(zone)
    midnight = ms(first_instant)
    assert days.midnight(dt.date.fromisoformat(date)) == midnight
    assert days.date(midnight) == dt.date.fromisoformat(date)
    assert days.date(midnight - 1) < dt.date.fromisoformat(date)


def test_a_skipped_date_has_no_midnight() -> None:
    days = Days("Pacific/Apia")
    assert days.midnight(dt.date(2011, 12, 30)) is None
    before, after = ms("2011-12-29T09:00:00Z"), ms("2011-12-31T10:00:00Z")
    assert [str(date) for _, date in days.midnights(after=before, until=after)] == [
        "2011-12-29",
        "2011-12-31",
        "2012-01-01",
    ]


def test_a_midnight_is_found_from_just_after_the_last_to_exactly_the_next() -> None:
    days = Days("Europe/Berlin")
    first, second = ms("2024-03-30T23:00:00Z"), ms("2024-03-31T22:00:00Z")
    assert days.midnights(after=first, until=second - 1) == []
    assert days.midnights(after=first, until=second) == [(second, dt.date(2024, 4, 1))]
    assert [at for at, _ in days.midnights(after=first - 1, until=second)] == [first, second]


def test_the_date_of_an_hour_lived_twice_is_what_the_clock_shows() -> None:
    days = Days("America/St_Johns")
    assert days.date(ms("2006-10-29T02:30:59Z")) == dt.date(2006, 10, 29)
    assert days.date(ms("2006-10-29T02:31:00Z")) == dt.date(2006, 10, 28)
    assert days.reached(ms("2006-10-29T02:31:00Z")) == dt.date(2006, 10, 29)
    assert days.date(ms("2006-10-29T03:30:00Z")) == dt.date(2006, 10, 29)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Pacific/Apia", "America/Sao_Paulo"])
@pytest.mark.parametrize("year", [2006, 2011, 2018])
def test_midnights_equal_a_walk_by_the_minute(zone: str, year: int) -> None:
    days = Days(zone)
    for month, day in [(2, 16), (4, 1), (10, 28), (11, 3), (12, 29)]:
        begin = ms(f"{year}-{month:02}-{day:02}T00:00:00Z")
        walked: dict[dt.date, int] = {}
        for at in range(begin, begin + 3 * 24 * 3600_000, 60_000):
            walked.setdefault(days.date(at), at)
        for date, at in list(walked.items())[1:]:
            assert days.midnight(date) == at
