"""ISO 8601 in and out."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.times import EARLIEST, LATEST, format_day, format_ms, parse_day, parse_ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("2026-03-29T02:30:00+02:00", 1774744200000),
        ("2026-03-29T00:30:00.5Z", 1774744200500),
        ("2026-03-29T00:30:00.1239999Z", 1774744200123),
        ("2026-03-28T19:00:00-0530", 1774744200000),
        ("2026-03-29T00:30Z", 1774744200000),
        ("2026-03-29 00:30:00Z", 1774744200000),
        ("2026-03-29T00:30:00.123456Z", 1774744200123),
        ("2026-03-29T00:30:00.123999999+08:00", 1774715400123),
        ("2026-03-29T00:30:00,5z", 1774744200500),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("0001-01-01T00:00:00.000Z", EARLIEST),
        ("9999-12-31T23:59:59.999Z", LATEST),
    ],
)
def test_times_are_read_and_finer_digits_floored(text: str, ms: int) -> None:
    assert parse_ms(text) == ms
    assert parse_ms(text) == ms, "the second reading comes from the caches"


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-29",
        "2026-03-29T00:30:00",
        "2026-W13-7T00:30:00Z",
        "2026-02-30T00:00:00Z",
        "2026-03-29T24:00:00Z",
        "2026-03-29T00:60:00Z",
        "2026-03-29T00:00:60Z",
        "2026-03-29T00:00:00+24:00",
        "2026-03-29T00:00:00.Z",
        "2026-03-29T00:00:00Z ",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-00:01",
        "2026-03-29T00:30:00.123456",
        "2026-03-29T00:30:00.123.456Z",
        "2026-03-29T00:30:00.١٢٣Z",
        "٢٠٢٦-03-29T00:00:00Z",
        "",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    assert parse_ms(text) is None
    assert parse_ms(text) is None


@given(st.integers(EARLIEST, LATEST))
def test_what_is_written_reads_back(ms: int) -> None:
    assert parse_ms(format_ms(ms)) == ms


@given(st.datetimes(timezones=st.timezones()))
def test_times_agree_with_the_standard_library(moment: datetime) -> None:
    offset = moment.utcoffset()
    assert offset is not None
    if offset % timedelta(minutes=1):
        return  # ISO 8601 offsets have whole minutes
    expected = (moment - datetime.fromisoformat("1970-01-01T00:00:00+00:00")) // timedelta(milliseconds=1)
    if EARLIEST <= expected <= LATEST:
        assert parse_ms(moment.isoformat()) == expected


@given(st.integers(EARLIEST, LATEST), st.integers(-1439, 1439), st.integers(0, 10**9 - 1))
def test_no_time_outside_the_years_comes_from_the_caches(t: int, offset: int, finer: int) -> None:
    hours, minutes = divmod(abs(offset), 60)
    text = f"{format_ms(t)[:19]}.{finer:09d}{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"
    expected = t // 1000 * 1000 + finer // 10**6 - offset * 60_000
    for _ in range(2):
        assert parse_ms(text) == (expected if EARLIEST <= expected <= LATEST else None)


@given(st.text(max_size=40))
def test_no_text_is_an_error(text: str) -> None:
    assert parse_ms(text) is None or isinstance(parse_ms(text), int)


def test_days() -> None:
    assert format_day(0) == "1970-01-01"
    assert parse_day("2026-11-22") == 20779
    assert format_day(20779) == "2026-11-22"
    assert parse_day("2026-02-30") is None
    assert parse_day("20261122") is None
