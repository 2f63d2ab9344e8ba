"""Runs what compares whole logs in each of the ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.core.adapter import in_way
from tests.core.ways import WAYS

COMPARED = (
    "test_against_reference",
    "test_properties",
    "test_real_log",
    "test_windows_against_reference",
)
NOT_COMPARED = (
    "test_any_bytes_go_to_exactly_one_destination_each",
    "test_any_record_has_the_destination_and_reason_that_the_oracle_gives_it",
    "test_every_applied_event_is_in_exactly_one_visit",
    "test_the_ends_of_the_calendar_break_nothing",
)
# slices show in the order of different persons' records, and in nothing else: see test_due.py
ORDERED = ("test_the_cut_into_batches_changes_nothing",)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    name = metafunc.function.__name__
    if metafunc.module.__name__.rpartition(".")[2] in COMPARED and name not in NOT_COMPARED:
        ways = [key for key, way in WAYS.items() if way.most_due is None or name not in ORDERED]
        metafunc.parametrize("in_each_way", ways, indirect=True)


@pytest.fixture(autouse=True)
def in_each_way(request: pytest.FixtureRequest) -> Iterator[None]:
    with in_way(WAYS[getattr(request, "param", "at once, in memory")]):
        yield
