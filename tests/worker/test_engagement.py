"""Windows, incidents and daily reports of a worker: as a replay makes them; in time where nothing comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import orjson
import pytest

from stream.core.partitioner import partition_for
from stream.core.times import parse_ms
from stream.simulate.delivery import Faults
from tests.broker.log import Record, read
from tests.worker.stage import (
    DAY_MS,
    NERVOUS,
    OF_THE_PRODUCT,
    START_MS,
    Event,
    Stage,
    closing,
    final,
    ordered,
    simulated,
)

TROUBLE = Faults(late=0.01, disorder=0.1, duplicates=0.02)


async def agree(here: Stage, replayed: dict[str, list[bytes]]) -> None:
    """Each output has each of the replay's records once, and nothing else that is final."""
    for output, key in OF_THE_PRODUCT:
        published = final([line for _, line in await here.published(output)])
        assert ordered(published, key) == ordered(replayed[output], key), output
    assert len(replayed["engagement"]) > 500
    assert len(replayed["incidents"]) > 2
    assert len(replayed["daily"]) > 5


@pytest.mark.kafka
@pytest.mark.parametrize("partitions", [1, 2, 8])
async def test_workers_killed_and_joining_agree_with_replay(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path, partitions: int
) -> None:
    """The first worker, which is killed, has the merger; the second takes it over, the third joins."""
    extra = 'idle_after = "1h"\ncommit_interval = "50ms"\n' + NERVOUS
    here = Stage(kafka, topic_name("merged"), tmp_path, partitions=partitions, extra=extra)
    await here.create_topics()
    until_ms = START_MS + 15 * DAY_MS
    events = simulated(users=300, days=15, faults=TROUBLE) + closing(partitions, until_ms)
    third = len(events) // 3
    replayed = await here.replay(events, tmp_path / "replayed", until_ms=until_ms)
    async with here.worker() as first, here.worker() as second:
        await first.says("Ready")
        await second.says("Ready")
        await here.write(events[:third])
        await first.kill()
        await here.write(events[third : 2 * third])
        async with here.worker() as joining:
            await joining.says("Ready")
            await here.write(events[2 * third :])
            await here.merges(replayed)
            assert await joining.terminate() == 0
        assert await second.terminate() == 0
    await agree(here, replayed)


@pytest.mark.parametrize("partitions", [1, 2, 8])
async def test_the_embedded_broker_agrees_too(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path, partitions: int
) -> None:
    extra = 'idle_after = "1h"\n' + NERVOUS
    here = Stage(tansu, topic_name("merged"), tmp_path, partitions=partitions, extra=extra)
    await here.create_topics()
    until_ms = START_MS + 10 * DAY_MS
    events = simulated(users=200, days=10, faults=TROUBLE) + closing(partitions, until_ms)
    replayed = await here.replay(events, tmp_path / "replayed", until_ms=until_ms)
    async with here.worker() as worker:
        await worker.says("at least once")
        await here.write(events)
        await here.merges(replayed)
        assert await worker.terminate() == 0
    await agree(here, replayed)


WINDOW_S, LATENESS_S, IDLE_AFTER_S = 1.0, 0.5, 2.0
LIVE = f"""
engagement.window = {WINDOW_S}
engagement.lateness = {LATENESS_S}
idle_after = {IDLE_AFTER_S}
allowed_lateness = "10s"
commit_interval = "100ms"
"""
# The idle rule looks every fifth of `idle_after`; then there are two checkpoints and three fetches.
SLACK_S = IDLE_AFTER_S / 5 + 4.0


def live(person: str) -> Event:
    event = {"messageId": f"{person}-{time.time_ns()}", "type": "page", "userId": person}
    return person.encode(), orjson.dumps(event | {"timestamp": int(time.time() * 1000)})


async def write_for(here: Stage, person: str, seconds: float) -> None:
    """An event every tenth of a second."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await here.write([live(person)])
        await asyncio.sleep(0.1)


def finals(found: Sequence[Record]) -> dict[int, int]:
    """Events by the end of the window in ms, of the final windows of `total`."""
    rows = [orjson.loads(record.value or b"") for record in found if record.key == b"total"]
    return {parse_ms(row["end"]) or 0: row["events"] for row in rows if row["status"] == "final"}


@pytest.mark.kafka
async def test_silence_is_seen_in_time_on_kafka(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    await silence_is_seen_in_time(kafka, topic_name("silence"), tmp_path)


async def test_silence_is_seen_in_time_on_the_embedded_broker(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    await silence_is_seen_in_time(tansu, topic_name("silence"), tmp_path)


async def silence_is_seen_in_time(address: str, name: str, folder: Path) -> None:
    """Three of four partitions never get anything; then the fourth falls silent, too."""
    here = Stage(address, name, folder, partitions=4, extra=LIVE)
    await here.create_topics()
    engagement = here.settings.output_topic("engagement")
    person = next(f"p-{n}" for n in count() if partition_for(f"p-{n}".encode(), 4) == 2)
    async with here.worker() as worker:
        await worker.says("Ready")
        writing = asyncio.create_task(write_for(here, person, IDLE_AFTER_S + 2 * WINDOW_S + SLACK_S))
        # While the fourth goes on: the others don't hold its windows back.
        found = await read(address, engagement, until=lambda found: any(finals(found).values()))
        assert not writing.done()
        await writing
        silent_ms = int(time.time() * 1000)

        def tells(found: list[Record]) -> bool:
            return any(end >= silent_ms and not events for end, events in finals(found).items())

        limit_s = IDLE_AFTER_S + 2 * WINDOW_S + LATENESS_S + SLACK_S
        found = await read(address, engagement, until=tells, limit_s=limit_s)
        assert await worker.terminate() == 0
    windows = finals(found)
    assert sorted(windows) == list(range(min(windows), max(windows) + 1, int(WINDOW_S * 1000)))
    assert sum(windows.values()) > 0
