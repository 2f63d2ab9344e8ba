"""Replay against figures that others have published for the same purchases (CDNOW, package lifetimes)."""

from __future__ import annotations

import csv
import importlib.util
import os
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stream.core.definition import DAY, Definition, Engagement
from stream.replay import Input, replay
from stream.sources.columns import read_columns
from stream.sources.table import WHITESPACE, TableFormat, TableOptions
from stream.sources.times import TimeReader
from tests.replay.streams_of_events import records

ZONE = ZoneInfo("America/New_York")
END_OF_CALIBRATION = date(1997, 9, 30)


@pytest.fixture(scope="module")
def datasets() -> Path:
    """The folder of lifetimes' data, without importing lifetimes."""
    found = importlib.util.find_spec("lifetimes")
    if found is None or found.origin is None:
        reason = "the package lifetimes, which has the data, is not installed (extra `dev`)"
        if os.environ.get("FOOTFALL_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(found.origin).parent / "datasets"


def test_repeat_purchases_of_every_customer_are_those_of_the_published_summary(
    datasets: Path, tmp_path: Path
) -> None:
    table = TableOptions(
        columns=read_columns(("userId=2,timestamp=3,event==Order Completed",)),
        times=TimeReader("%Y%m%d", ZONE),
        delimiter=WHITESPACE,
        header=False,
    )
    source = Input(
        files=(str(datasets / "CDNOW_sample.txt"),), format=TableFormat(table), topic="orders", sort=True
    )
    # The table has dates and no times: a minute says nothing there.
    definition = Definition(timezone=ZONE.key, engagement=Engagement(window_ms=DAY))
    until_ms = int(datetime(1998, 7, 2, tzinfo=ZONE).timestamp() * 1000)
    summary = replay(source, tmp_path / "out", definition, until_ms=until_ms)
    assert summary.applied == summary.events == 6_919
    days: dict[int, set[date]] = defaultdict(set)
    for visit in records(tmp_path / "out", "visits"):
        day = datetime.fromisoformat(visit["start"]).astimezone(ZONE).date()
        if day <= END_OF_CALIBRATION:
            days[int(visit["person"])].add(day)
    with open(datasets / "cdnow_customers_summary.csv", encoding="ascii", newline="") as file:
        published = {int(row["ID"]): int(float(row["frequency"])) for row in csv.DictReader(file)}
    assert len(published) == 2_357
    assert {person: len(bought_on) - 1 for person, bought_on in days.items()} == published
