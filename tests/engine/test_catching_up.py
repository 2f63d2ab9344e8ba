"""How often a partition that is behind takes checkpoints; and its fetches do not wait for other topics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from stream.engine import engine, owned
from stream.engine.client import TopicPartition
from stream.engine.engine import BEHIND_MS, MOST_BEHIND_S, interval_behind_s
from stream.engine.fetching import WAIT_MS, WAIT_WITH_RECORDS_MS, fetched
from stream.engine.owned import OwnedPartition
from stream.engine.state import Ahead
from tests.broker import log
from tests.broker.log import create_topic
from tests.engine.counting_worker import Counting, Talking
from tests.engine.test_counting import NewStage, events, expected_totals, input_offsets, stage
from tests.engine.test_fetching import consuming, producing, write
from tests.engine.test_lag import NOW, Scene, records
from tests.engine.test_owned import Log

__all__ = ["stage"]

INTERVAL_S = 0.5
BARELY_S = interval_behind_s(BEHIND_MS)
TWICE_S = interval_behind_s(2 * BEHIND_MS)


class Late(Scene):
    """The scene of test_lag, with partitions 0 and 1, and time that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at_s = 1_000.0
        clock = SimpleNamespace(
            monotonic=lambda: self.at_s,
            perf_counter=time.perf_counter,
            time=lambda: NOW / 1000 + self.at_s - 1_000.0,
        )
        monkeypatch.setattr(engine, "time", clock)
        monkeypatch.setattr(owned, "time", clock)
        super().__init__(interval_s=INTERVAL_S)
        self.other_log = Log()
        self.other = OwnedPartition(
            "events",
            1,
            Counting(),
            self.other_log,
            next_offset=0,
            observer=Talking(),
            on_failure=self.engine.fail,
        )
        self.other.active = True
        self.engine.partitions[1] = self.other
        self._first = [0, 0]

    async def come(self, number: int, *, behind_ms: int, ahead: int) -> None:
        """A record that came so long ago; so many more are ahead, and as old."""
        now_ms = int(engine.time.time() * 1000)
        self.now = Ahead(ahead, now_ms)
        first = self._first[number]
        self._first[number] += 1
        await self.engine.process(number, records(1, arrived_ms=now_ms - behind_ms, first=first))

    async def checkpoints(self, number: int, seconds: float, *, behind_ms: int, ahead: int) -> int:
        """How many the partition takes in this time, with a record every tenth of a second."""
        written = (self.log, self.other_log)[number].snapshots
        before = len(written)
        for _ in range(round(seconds * 10)):
            self.at_s += 0.1
            await self.come(number, behind_ms=behind_ms, ahead=ahead)
            await asyncio.sleep(0)
        return len(written) - before


async def test_a_partition_that_is_behind_takes_checkpoints_less_often_until_it_has_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Late(monkeypatch)
    await scene.checkpoints(0, BARELY_S, behind_ms=0, ahead=0)
    seconds = 40.0
    often = seconds / INTERVAL_S
    assert await scene.checkpoints(0, seconds, behind_ms=0, ahead=0) == pytest.approx(often, rel=0.2)
    assert await scene.checkpoints(0, seconds, behind_ms=BEHIND_MS, ahead=9) == pytest.approx(often, rel=0.2)
    for behind_ms, interval_s in (
        (BEHIND_MS + 1, BARELY_S),
        (2 * BEHIND_MS, 2 * BARELY_S),
        (500 * BEHIND_MS, MOST_BEHIND_S),
    ):
        found = await scene.checkpoints(0, seconds, behind_ms=behind_ms, ahead=9)
        assert found == pytest.approx(seconds / interval_s, abs=1)
    assert await scene.checkpoints(0, seconds, behind_ms=0, ahead=9) == pytest.approx(often, rel=0.2)


async def test_old_records_are_no_lag_where_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Late(monkeypatch)
    seconds = 20.0
    found = await scene.checkpoints(0, seconds, behind_ms=30 * BEHIND_MS, ahead=0)
    assert found == pytest.approx(seconds / INTERVAL_S, rel=0.2)


async def test_partitions_that_are_behind_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Late(monkeypatch)
    scene.at_s += TWICE_S
    for number in (0, 1, 0):
        await scene.come(number, behind_ms=2 * BEHIND_MS, ahead=9)
        await asyncio.sleep(0)
    assert [len(scene.log.snapshots), len(scene.other_log.snapshots)] == [1, 0]
    scene.at_s += TWICE_S / 2
    await scene.come(0, behind_ms=2 * BEHIND_MS, ahead=9)
    await asyncio.sleep(0)
    assert [len(scene.log.snapshots), len(scene.other_log.snapshots)] == [1, 1]


async def test_one_that_has_caught_up_waits_for_none_that_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Late(monkeypatch)
    scene.at_s += TWICE_S
    await scene.come(0, behind_ms=2 * BEHIND_MS, ahead=9)
    await scene.come(1, behind_ms=0, ahead=9)
    await asyncio.sleep(0)
    assert [len(scene.log.snapshots), len(scene.other_log.snapshots)] == [1, 1]


async def test_one_that_is_full_is_not_put_off_for_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Late(monkeypatch)
    scene.at_s += INTERVAL_S
    scene.partition.uncommitted = owned.MOST_ROOM
    await scene.come(0, behind_ms=2 * BEHIND_MS, ahead=9)
    await asyncio.sleep(0)
    assert len(scene.log.snapshots) == 1


@pytest.mark.kafka
async def test_a_worker_with_a_backlog_commits_at_the_longer_interval_and_a_live_one_at_its_own(
    kafka: str, stage: NewStage
) -> None:
    count, slice_s = 20_000, 0.04
    waits_ms = BEHIND_MS * 3 // 2
    old_ms = int(time.time() * 1000) - waits_ms
    interval_s = interval_behind_s(waits_ms)  # at least: it takes its time, and waits longer meanwhile
    async with stage(kafka, commit_interval_s=0.05) as here:
        await log.write(kafka, here.order.topic, events(0, count), timestamp_ms=old_ms)
        async with here.worker(slice_s=slice_s) as worker:
            await worker.says("ready")
            began = time.monotonic()
            await worker.says(f"processed {count}")
            behind_s = time.monotonic() - began
            commits = sum(line.startswith("committed") for line in worker.lines)
            assert behind_s > 2 * interval_s, "too short to tell"
            assert commits <= here.order.partitions * (behind_s / interval_s + 1)
            began = time.monotonic()
            for number in range(10):  # of one partition
                await log.write(kafka, here.order.topic, [(b"key-0", b"0")])
                await worker.says(f"committed {count + number + 1}")
            assert time.monotonic() - began < 10 * BARELY_S / 2
            assert await worker.terminate() == 0
        assert set(input_offsets(await here.outputs(count + 10)).values()) == {1}
        expected = expected_totals(count)
        records, total = map(int, expected[b"key-0"].split())
        assert await here.totals() == expected | {b"key-0": b"%d %d" % (records + 10, total)}


@pytest.mark.kafka
async def test_what_has_been_taken_is_fetched_on_without_waiting_for_a_topic_where_nothing_comes(
    kafka: str, topic_name: Callable[[str], str]
) -> None:
    names = [topic_name("full"), topic_name("empty")]
    full, empty = (TopicPartition(name, 0) for name in names)
    for name in names:
        await create_topic(kafka, name, partitions=1)
    async with consuming(kafka, full.topic, "read_committed") as consumer, producing(kafka) as producer:
        for number in range(3):
            await write(producer, full.topic, number, 1)
        consumer.assign([full, empty])
        await consumer.seek_to_beginning()
        fetcher = consumer._fetcher
        taken = await fetched(fetcher, {full, empty}, timeout_s=5.0, most=1)
        assert len(taken[full]) == 1
        assert fetcher._fetch_max_wait_ms == WAIT_WITH_RECORDS_MS
        taken = await fetched(fetcher, {full, empty}, timeout_s=5.0, most=10)
        assert len(taken[full]) == 2
        assert fetcher._fetch_max_wait_ms == WAIT_MS
