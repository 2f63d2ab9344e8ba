"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.settings import format_duration, parse_duration
from stream.settings.durations import LONGEST_MS


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("10m", 600_000),
        ("30s", 30_000),
        ("500ms", 500),
        ("24h", 86_400_000),
        ("7d", 604_800_000),
        ("1h30m", 5_400_000),
        ("1h 30m", 5_400_000),
        (" 1d2h3m4s5ms ", 93_784_005),
        ("1.5h", 5_400_000),
        ("0.5s", 500),
        ("0s", 0),
        ("90", 90_000),
        (90, 90_000),
        (0, 0),
        (0.25, 250),
        (0.29, 290),
        ("36500d", LONGEST_MS),
    ],
)
def test_reads(written: object, milliseconds: int) -> None:
    assert parse_duration(written) == milliseconds


@pytest.mark.parametrize(
    "written",
    [
        "", " ", "m",
        "10 minutes", "half an hour", "30m1h", "5m5m", "-5m", "1,5h", "1e3", "٣m", "10M",
        "0.0001s", 0.0001, -1, True, False, None, float("nan"), float("inf"), 1e300, 1e-12,
        10**400, "36501d", ["10m"], {},
    ],
)  # fmt: skip
def test_refuses(written: object) -> None:
    assert parse_duration(written) is None


@given(st.integers(0, LONGEST_MS))
def test_reads_back_what_it_writes(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds)) == milliseconds
