"""The worker as an operator meets it: it starts, says where it is, survives, stops, and explains itself."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import orjson
import pytest

from stream.core.partitioner import partition_for
from tests.engine.process import Process
from tests.worker.stage import DAY_MS, FOOTFALL, START_MS, Event, Stage, closing, encoded, ordered, simulated


def metrics_address(ready_line: str) -> str:
    return next(word for word in ready_line.split() if word.startswith("http://"))


async def scrape(address: str) -> dict[str, float]:
    """Samples by their name with labels."""
    lines = (await get(address)).splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


async def get(address: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        assert answer.status == 200
        return await answer.text()


Samples = dict[str, float]


async def scraped(address: str, condition: Callable[[Samples], bool], limit_s: float = 60.0) -> Samples:
    """The metrics, as soon as the condition holds of them."""
    found: Samples = {}
    try:
        async with asyncio.timeout(limit_s):
            while not condition(found):
                await asyncio.sleep(0.05)
                found = await scrape(address)
    except TimeoutError:
        raise AssertionError(f"in {limit_s} s it came to {found}") from None
    return found


def read(found: Samples) -> float:
    """Records read, wherever they went."""
    return sum(n for name, n in found.items() if name.startswith("footfall_events_total"))


def all_written(found: Samples) -> bool:
    ages = [n for name, n in found.items() if name.startswith("footfall_checkpoint_age")]
    return bool(ages) and not any(ages)


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_0_and_everything_committed(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path, number: signal.Signals
) -> None:
    here = Stage(kafka, topic_name("signal"), tmp_path, extra='commit_interval = "1h"')
    await here.create_topics()
    events = simulated(users=100, days=10)
    await here.write(events)
    async with here.worker() as worker:
        address = metrics_address(await worker.says("metrics on"))
        await worker.says("Ready: 4 partitions")
        found = await scraped(address, lambda found: read(found) == len(events))
        assert not all_written(found)
        worker.send(number)
        assert await worker.ends() == 0
    await here.works_it_off()
    assert "Stopped, with everything committed" in worker.output


@pytest.mark.kafka
async def test_kill_9_and_a_stop_on_the_way_change_nothing(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("killed"), tmp_path, extra='commit_interval = "50ms"')
    await here.create_topics()
    until_ms = START_MS + 40 * DAY_MS
    events = simulated(users=300, days=40) + closing(here.partitions, until_ms)
    third = len(events) // 3
    await here.write(events[:third])
    async with here.worker() as worker:
        await worker.says("Ready")
        await here.write(events[third : 2 * third])
        await worker.kill()
    async with here.worker() as worker:
        await worker.says("Ready")
        await here.write(events[2 * third :])
        assert await worker.terminate() == 0
    async with here.worker() as worker:
        await worker.says("Ready")
        await here.works_it_off()
        assert await worker.terminate() == 0
    replayed = await here.replay(events, tmp_path / "replayed", until_ms=until_ms)
    for output, key in (("visits", "visit_id"), ("transitions", "transition_id")):
        published = [line for _, line in await here.published(output)]
        assert ordered(published, key) == ordered(replayed[output], key), output
    assert encoded(await here.people()) == replayed["people"]


async def test_it_works_on_the_embedded_broker_and_counts_what_it_does(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(tansu, topic_name("embedded"), tmp_path, partitions=2)
    await here.create_topics()
    events = simulated(users=100, days=20)
    dead: list[Event] = [(b"x", b"{}"), (b"y", b"not JSON"), (b"z", None)]
    await here.write(events + dead)
    async with here.worker() as worker:
        address = metrics_address(await worker.says("at least once; metrics on"))
        await worker.says("Ready: 2 partitions")
        count = len(events) + len(dead)
        found = await scraped(address, lambda found: read(found) == count and all_written(found))
        assert await get(address.replace("/metrics", "/livez")) == "ok\n"
        assert await worker.terminate() == 0
    assert found['footfall_events_total{destination="dead_letter"}'] == 3
    assert found['footfall_dead_letters_total{reason="not_json"}'] == 1
    assert found['footfall_dead_letters_total{reason="tombstone"}'] == 1
    assert found['footfall_lag_records{partition="0"}'] == 0
    assert found["footfall_batch_records_sum"] == len(events) + len(dead)
    assert found["footfall_checkpoint_seconds_count"] > 0
    assert found["footfall_partitions"] == 2
    assert found['footfall_profiles{partition="0"}'] > 0
    # The simulated days are long past: the watermark's age says how long.
    age_s = found['footfall_watermark_age_seconds{partition="1"}']
    assert age_s == pytest.approx(time.time() - START_MS / 1000 - 20 * 86_400, abs=2 * 86_400)
    for output, name in (("visits", "footfall_visits_total"), ("transitions", "footfall_transitions_total")):
        counted = sum(n for sample, n in found.items() if sample.startswith(name))
        assert counted == len(await here.published(output)) > 50


@pytest.mark.kafka
async def test_outputs_are_in_the_partition_that_their_key_says(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    from stream.core.partitioner import partition_for

    here = Stage(kafka, topic_name("keyed"), tmp_path)
    await here.create_topics()
    await here.write(simulated(users=50, days=5))
    async with here.worker() as worker:
        await worker.says("Ready")
        await here.works_it_off()
        assert await worker.terminate() == 0
    for output in ("visits", "transitions"):
        for partition, line in await here.published(output):
            assert partition == partition_for(orjson.loads(line)["person"].encode(), here.partitions)


@pytest.mark.kafka
async def test_input_that_is_no_events_stops_it_and_stays_uncommitted(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("garbage"), tmp_path, partitions=1, extra='commit_interval = "5s"')
    await here.create_topics()
    await here.write([(b"k", b"<xml/>")] * 600)
    async with here.worker() as worker:
        assert await worker.ends() == 1
    assert "dead letters (not_json" in worker.output
    assert "Is `" in worker.output
    assert await here.published("dead-letters") == []
    # With the guard off they are put aside.
    async with here.worker_with("dead_letters.max_ratio = 1\n") as worker:
        await worker.says("Ready")
        await here.works_it_off()
        assert await worker.terminate() == 0
    assert len(await here.published("dead-letters")) == 600


async def test_no_broker_is_said_with_its_address(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    async with Process(*FOOTFALL, "worker", "--broker", nobody, environ=at(tmp_path)) as worker:
        assert await worker.ends() == 1
    assert f"no Kafka broker answers at {nobody}" in worker.output
    assert "Traceback" not in worker.output


def at(folder: Path) -> dict[str, str]:
    """An environment without a footfall.toml of somebody else's."""
    return {"FOOTFALL_DATA_DIR": str(folder)}


async def test_missing_topics_are_said_with_the_command_that_makes_them(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(tansu, topic_name("missing"), tmp_path)
    async with here.worker() as worker:
        assert await worker.ends() == 1
    assert f"has no topic {here.settings.input.topic}" in worker.output
    assert "footfall topics create" in worker.output
    assert "Traceback" not in worker.output


async def test_exactly_once_is_refused_where_the_broker_has_no_transactions(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(tansu, topic_name("refused"), tmp_path, extra='guarantee = "exactly_once"')
    await here.create_topics()
    async with here.worker() as worker:
        assert await worker.ends() == 1
    assert "needs a broker with transactions" in worker.output
    assert "at_least_once" in worker.output


async def test_a_taken_port_is_said(tansu: str, topic_name: Callable[[str], str], tmp_path: Path) -> None:
    here = Stage(tansu, topic_name("port"), tmp_path)
    await here.create_topics()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with here.worker("--web-port", str(port)) as worker:
            assert await worker.ends() == 1
    assert f"127.0.0.1:{port} can't be listened on" in worker.output


async def test_logs_can_be_json(tansu: str, topic_name: Callable[[str], str], tmp_path: Path) -> None:
    here = Stage(tansu, topic_name("json"), tmp_path)
    await here.create_topics()
    async with here.worker("--log-format", "json") as worker:
        await worker.says("Ready")
        assert await worker.terminate() == 0
    lines = [msgspec.json.decode(line) for line in worker.lines]
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert lines[-1]["message"] == "Stopped, with everything committed"


def watermark_ages(found: Samples) -> dict[str, float]:
    return {name: age for name, age in found.items() if name.startswith("footfall_watermark_age")}


@pytest.mark.kafka
async def test_a_quiet_partition_goes_with_the_busy_one_of_another_worker(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("quiet"), tmp_path, partitions=2, extra='idle_after = "1s"')
    await here.create_topics()
    first, later = START_MS, START_MS + DAY_MS
    await here.write(closing(2, first))
    async with here.worker() as one, here.worker() as other:
        addresses = [metrics_address(await worker.says("metrics on")) for worker in (one, other)]
        for address in addresses:
            await scraped(address, lambda found: len(watermark_ages(found)) == 1)
        # History: while both are quiet, neither moves. Then one partition goes on, the other one does not.
        busy = [event for event in closing(2, later) if partition_for(event[0] or b"", 2) == 0]
        async with asyncio.TaskGroup() as feeding:
            task = feeding.create_task(keep_busy(here, busy))
            for address in addresses:
                age_s = time.time() - later / 1000 + 10
                await scraped(
                    address,
                    lambda found, most=age_s: max(watermark_ages(found).values(), default=most) < most,
                )
            task.cancel()
        for worker in (one, other):
            assert await worker.terminate() == 0


async def keep_busy(here: Stage, events: list[Event]) -> None:
    """The same events again and again: repeats, but not nothing."""
    while True:
        await here.write(events)
        await asyncio.sleep(0.2)
