"""`footfall incidents false ID`, the whole way: by the control topic to the merger, which raises the bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from stream.core.times import parse_ms
from tests.broker.log import read
from tests.engine.process import Process
from tests.worker.stage import DAY_MS, FOOTFALL, NERVOUS, START_MS, Stage, closing, final, holding, simulated

HOUR_MS = 3_600_000
SAID_MS = START_MS + 11 * DAY_MS
UNTIL_MS = START_MS + 17 * DAY_MS

Row = dict[str, Any]


def opened(lines: Sequence[bytes], series: str) -> list[Row]:
    """Incidents of a series as they were opened."""
    rows = [orjson.loads(line) for line in final(list(lines))]
    return [row for row in rows if row["series"] == series and row["status"] == "opened"]


def before(rows: list[Row]) -> list[Row]:
    """Those that were known for long when the false alarm was said."""
    return [row for row in rows if (parse_ms(row["at"]) or 0) < SAID_MS - DAY_MS // 4]


def after(rows: list[Row]) -> list[Row]:
    """Those that came later."""
    return [row for row in rows if (parse_ms(row["since"]) or 0) > SAID_MS + DAY_MS // 4]


async def says_false(here: Stage, incident_id: str, by: str) -> str:
    command = ("incidents", "false", incident_id, "--config", str(here.config), "--by", by)
    async with Process(*FOOTFALL, *command) as said:
        assert await said.ends() == 0, said.output
        return said.output


@pytest.mark.kafka
async def test_a_false_alarm_raises_the_bar_on_kafka(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    await a_false_alarm_raises_the_bar(kafka, topic_name("feedback"), tmp_path)


async def test_a_false_alarm_raises_the_bar_on_the_embedded_broker(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    await a_false_alarm_raises_the_bar(tansu, topic_name("feedback"), tmp_path)


async def a_false_alarm_raises_the_bar(address: str, name: str, folder: Path) -> None:
    here = Stage(address, name, folder, partitions=2, extra='idle_after = "1h"\n' + NERVOUS)
    await here.create_topics()
    first = simulated(users=300, days=11, seed=2)
    events = simulated(users=300, days=17, seed=2) + closing(2, UNTIL_MS)
    assert events[: len(first)] == first
    replayed = await here.replay(events, folder / "replayed", until_ms=UNTIL_MS)
    alarms = replayed["incidents"]
    series = next(
        series
        for series in dict.fromkeys(orjson.loads(line)["series"] for line in alarms)
        if before(opened(alarms, series)) and after(opened(alarms, series))
    )
    wrong = before(opened(alarms, series))[-1]
    incidents, engagement = map(here.settings.output_topic, ("incidents", "engagement"))
    async with here.worker() as worker:
        await worker.says("Ready")
        await here.write(first)
        await read(address, incidents, until=holding(wrong["record_id"].encode()), limit_s=60.0)
        # Three times a hundred times less usual.
        told = [await says_false(here, wrong["incident_id"], by) for by in ("ann", "bob", "cem")]
        await here.write(events[len(first) :])
        last = f'"window_id":"total@{UNTIL_MS - HOUR_MS}","series":"total","status":"final"'
        await read(address, engagement, until=holding(last.encode()), limit_s=60.0)
        assert await worker.terminate() == 0
    published = final([line for _, line in await here.published("incidents")])
    assert all("Confirmed: " in one for one in told)
    assert any(b"false alarm" in line for line in published)
    assert len(after(opened(published, series))) < len(after(opened(alarms, series)))
