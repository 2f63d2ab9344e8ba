"""What Footfall finds in a simulated product, held against the truth about it: from events to incidents."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from click.testing import CliRunner

from stream.cli import main
from stream.core.times import parse_ms
from tests.conftest import REQUIRE_ALL
from tests.simulate.shop import DAY_MS, HOUR_MS

SIZE = ["--users", "10000", "--days", "24"]
PLANTS = [
    "outage:from=17d14h,for=3h,depth=95%",
    "promotion:from=19d,for=3d,factor=2,name=winter",
    "viral:from=20d14h,for=3h,factor=3",
]
SETTINGS = """
ignore_events = ["Email *"]

[engagement]
window = "1h"
dimensions = ["channel"]

"""
WEEKS = 24 / 7


class Found(NamedTuple):
    """The truth, and what a replay made of the events."""

    plants: dict[str, dict[str, Any]]
    opened: list[dict[str, Any]]
    days: list[dict[str, Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return replayed(tmp_path_factory.mktemp("found"), SIZE, PLANTS)


def replayed(folder: Path, size: list[str], plants: list[str]) -> Found:
    """Simulates a product with plants, and replays it as the truth says it should be configured."""
    planting = [part for plant in plants for part in ("--plant", plant)]
    events, truth = str(folder / "events.jsonl"), folder / "truth.json"
    run("simulate", *size, *planting, "--truth", str(truth), "--out", events)
    said = {plant["kind"]: plant for plant in orjson.loads(truth.read_bytes())["plants"]}
    settings = folder / "footfall.toml"
    settings.write_text(SETTINGS + "".join(plant["configuration"] or "" for plant in said.values()))
    run("replay", events, "--config", str(settings), "--out", str(folder / "out"))
    incidents = lines(folder / "out" / "incidents.jsonl")
    return Found(
        said,
        [incident for incident in incidents if incident["status"] == "opened"],
        list(lines(folder / "out" / "daily.jsonl")),
    )


def run(*arguments: str) -> None:
    done = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output


def lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        yield orjson.loads(line)


def during(opened: list[dict[str, Any]], plant: dict[str, Any]) -> list[dict[str, Any]]:
    """The incidents that began in the plant's time, or in the hour after."""
    start, end = parse_ms(plant["start"]), parse_ms(plant["end"])
    assert start is not None
    assert end is not None
    return [one for one in opened if start <= (parse_ms(one["since"]) or 0) < end + HOUR_MS]


def test_an_outage_opens_one_incident_that_blames_nobody_in_particular(found: Found) -> None:
    [incident] = during(found.opened, found.plants["outage"])
    assert (incident["series"], incident["direction"]) == ("total", "drop")
    # All channels fell alike: the largest has the largest share, but not most of it.
    assert found.plants["outage"]["cause"] is None
    assert all(cause["share"] < 0.7 for cause in incident["causes"] if cause["series"].startswith("channel:"))


def test_an_organic_spike_during_a_promotion_opens_one_incident_with_its_cause(found: Found) -> None:
    viral = found.plants["viral"]
    [incident] = during(found.opened, viral)
    assert (incident["direction"], incident["measure"]) == ("spike", viral["measures"][0])
    assert incident["causes"][0]["series"] == viral["cause"] == "channel:social"
    assert incident["promoted"] > 0


def test_a_promotion_opens_none(found: Found) -> None:
    promotion, viral = found.plants["promotion"], found.plants["viral"]
    touched = {move["series"] for move in promotion["moved"] if move["measure"] == "promoted"}
    opened = [one for one in during(found.opened, promotion) if one["series"] in touched]
    assert not promotion["incident"]
    assert {"total", "channel:referral", "key:Order Completed"} <= touched
    assert opened == during(found.opened, viral)


@pytest.mark.skipif(os.environ.get(REQUIRE_ALL) != "1", reason=f"takes a minute; {REQUIRE_ALL}=1 runs it")
def test_a_slow_decline_is_reported_within_ten_days(tmp_path: Path) -> None:
    found = replayed(tmp_path, ["--users", "4000", "--days", "51"], ["decline:from=40d,rate=2%"])
    decline = found.plants["decline"]
    opened = [one for one in found.opened if one["period"] == decline["period"] == "day"]
    assert opened
    days = [(parse_ms(one["at"]) or 0) - (parse_ms(decline["start"]) or 0) for one in opened]
    assert 0 < min(days) / DAY_MS <= 10
    assert {one["direction"] for one in opened} == {decline["direction"]}
    check_balance(found.days)


def test_hardly_anything_else_is_reported(found: Found) -> None:
    planted = [one for plant in found.plants.values() for one in during(found.opened, plant)]
    assert len([one for one in found.opened if one not in planted]) <= WEEKS


def test_active_persons_balance_on_every_day(found: Found) -> None:
    assert len(found.days) >= 23
    check_balance(found.days)
    assert sum(day["sources"]["activated"] for day in found.days) > 100


def check_balance(days: list[dict[str, Any]]) -> None:
    for before, day in zip([None, *days], days, strict=False):
        sources, losses = day["sources"], day["losses"]
        gained = sources["activated"] + sources["reactivated"] + sources["resurrected"]
        lost = losses["lapsed"] + losses["deleted"]
        assert day["people_by_state"]["active"] == day["active_before"] + gained - lost, day["day"]
        if before is not None:
            assert day["active_before"] == before["people_by_state"]["active"], day["day"]
