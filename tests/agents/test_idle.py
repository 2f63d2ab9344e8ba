"""Quiet partitions: whose watermark moves, where to, and when nobody can know."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import orjson
import pytest
from aiokafka import ConsumerRecord

from stream.agents.activity import ActivityState
from stream.agents.dead_letters import DeadLetterGuard
from stream.agents.idle import IdleRule
from stream.core.clock import PartitionClock
from stream.core.partition import Partition
from stream.engine.client import Capabilities
from stream.engine.connection import Connection
from stream.engine.engine import Engine, EngineConfig
from stream.engine.owned import OwnedPartition
from stream.engine.state import Ahead
from stream.metrics import Metrics
from stream.settings import Settings
from tests.engine.counting_worker import Talking
from tests.engine.test_owned import Log

MINUTE = 60_000
NOON = 1_767_268_800_000  # 2026-01-01T12:00Z
LATENESS = 10 * MINUTE
NOBODY: Mapping[int, PartitionClock | None] = {}


class Source:
    """An input whose ends a test sets; all are read to their end unless it says otherwise."""

    def __init__(self) -> None:
        self.left: dict[int, int] = {}
        self.answered_ms = NOON

    async def seek(self, partition: int, offset: int) -> None:
        raise AssertionError

    async def commit(self, partition: int, offset: int) -> bool:
        raise AssertionError

    def ahead(self, partition: int, next_offset: int) -> Ahead | None:
        return Ahead(self.left.get(partition, 0), self.answered_ms)


class Scene:
    """Two owned partitions, with the clock in the test's hands. Both begin read to their end."""

    def __init__(self) -> None:
        self.source = Source()
        self.settings = Settings()
        config = EngineConfig(
            connection=Connection(""),
            group="g",
            topic="app-events",
            changelog="c",
            outputs={},
            commit_interval_s=1.0,
            guarantee="exactly_once",
            capabilities=Capabilities(transactions=True),
            partitions=2,
        )
        self.states = {number: self._state(number) for number in range(2)}
        self.engine = Engine(config, self.source, self.states.__getitem__, Talking())
        for number, state in self.states.items():
            owned = OwnedPartition(
                "app-events",
                number,
                state,
                Log(),
                next_offset=0,
                observer=Talking(),
                on_failure=self.engine.fail,
            )
            owned.active = True
            self.engine.partitions[number] = owned
        self.rule = IdleRule(self.engine, self.states, self.settings)

    def _state(self, number: int) -> ActivityState:
        partition = Partition(self.settings.definition, topic="app-events", number=number)
        return ActivityState(partition, DeadLetterGuard("app-events", number, 1.0), Metrics())

    def event(self, number: int, at_ms: int, *, arrived_ms: int | None = None) -> None:
        person = f"user-{number}"
        value = orjson.dumps(
            {"messageId": f"{at_ms}", "type": "track", "event": "A", "userId": person, "timestamp": at_ms}
        )
        owned = self.engine.partitions[number]
        arrived_ms = at_ms if arrived_ms is None else arrived_ms
        key = person.encode()
        offset = owned.next_offset
        owned.process(
            [ConsumerRecord("app-events", number, offset, arrived_ms, 0, key, value, None, 0, 0, ())]
        )
        self.states[number].read_at_ms = arrived_ms

    def apply(
        self,
        now_ms: int,
        *,
        answered_ms: int | None = None,
        others: Mapping[int, PartitionClock | None] = NOBODY,
    ) -> None:
        self.source.answered_ms = now_ms if answered_ms is None else answered_ms
        self.rule.apply(self.rule.clocks(now_ms), others, now_ms)

    def watermarks(self) -> list[int | None]:
        return [self.states[number].partition.watermark for number in range(2)]


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_a_quiet_partition_takes_over_the_watermark_of_a_busy_one(scene: Scene) -> None:
    scene.event(0, NOON)
    scene.event(1, NOON - 5 * MINUTE)
    scene.apply(NOON)
    scene.source.left[0] = 7
    scene.apply(NOON + 29_999)
    assert scene.watermarks() == [NOON - LATENESS, NOON - 5 * MINUTE - LATENESS]
    scene.apply(NOON + 30_000)
    assert scene.watermarks() == [NOON - LATENESS, NOON - LATENESS]


async def test_what_moves_is_written_with_the_next_checkpoint(scene: Scene) -> None:
    scene.event(0, NOON)
    for owned in scene.engine.partitions.values():
        await owned.flush()
    scene.apply(NOON)
    scene.source.left[0] = 1
    scene.apply(NOON + MINUTE)
    assert [scene.engine.partitions[number].behind for number in range(2)] == [False, True]


async def test_when_all_is_quiet_a_live_stream_goes_on_with_the_clock(scene: Scene) -> None:
    scene.event(0, NOON)
    scene.event(1, NOON)
    scene.apply(NOON)
    scene.apply(NOON + 30_000)
    assert scene.watermarks() == [NOON + 30_000 - LATENESS] * 2


async def test_when_all_is_quiet_history_stays_where_it_is(scene: Scene) -> None:
    for number in range(2):
        scene.event(number, NOON - 11 * MINUTE, arrived_ms=NOON)
    scene.apply(NOON)
    scene.apply(NOON + 60 * MINUTE)
    assert scene.watermarks() == [NOON - 11 * MINUTE - LATENESS] * 2


async def test_a_partition_with_records_left_is_not_quiet(scene: Scene) -> None:
    scene.event(0, NOON)
    scene.event(1, NOON - MINUTE)
    scene.source.left = {0: 1, 1: 1}
    scene.apply(NOON)
    scene.apply(NOON + 60 * MINUTE)
    assert scene.watermarks() == [NOON - LATENESS, NOON - MINUTE - LATENESS]


async def test_a_broker_that_does_not_answer_makes_nobody_quiet(scene: Scene) -> None:
    scene.event(0, NOON)
    scene.event(1, NOON)
    scene.apply(NOON)
    scene.apply(NOON + 60 * MINUTE, answered_ms=NOON + 60 * MINUTE - 5_001)
    assert scene.watermarks() == [NOON - LATENESS] * 2


async def test_a_partition_in_a_rebalance_is_left_alone(scene: Scene) -> None:
    scene.event(0, NOON)
    scene.event(1, NOON)
    scene.engine.partitions[1].active = False
    scene.apply(NOON)
    scene.apply(NOON + MINUTE)
    assert scene.watermarks() == [NOON + MINUTE - LATENESS, NOON - LATENESS]


async def test_the_intervals_are_settings(scene: Scene) -> None:
    settings = msgspec.structs.replace(scene.settings, idle_after_ms=1_000, live_within_ms=0)
    scene.rule = IdleRule(scene.engine, scene.states, settings)
    scene.event(0, NOON)
    scene.event(1, NOON - MINUTE)
    scene.apply(NOON)
    scene.source.left[0] = 1
    scene.apply(NOON + 1_000)
    assert scene.watermarks() == [NOON - LATENESS] * 2


def busy(watermark: int) -> PartitionClock:
    return PartitionClock(
        watermark=watermark, newest=watermark + LATENESS, newest_arrived=NOON, quiet_since=None
    )


async def test_a_busy_partition_of_another_worker_holds_the_quiet_ones_here(scene: Scene) -> None:
    scene.event(0, NOON)
    scene.event(1, NOON - 5 * MINUTE)
    scene.apply(NOON, others={2: busy(NOON - 14 * MINUTE)})
    scene.apply(NOON + MINUTE, others={2: busy(NOON - 14 * MINUTE)})
    assert scene.watermarks() == [NOON - LATENESS, NOON - 14 * MINUTE]


async def test_a_quiet_partition_of_another_worker_makes_all_quiet(scene: Scene) -> None:
    scene.event(0, NOON)
    scene.event(1, NOON)
    quiet = msgspec.structs.replace(busy(NOON - LATENESS), quiet_since=NOON)
    scene.apply(NOON, others={2: quiet})
    scene.apply(NOON + MINUTE, others={2: quiet})
    assert scene.watermarks() == [NOON + MINUTE - LATENESS] * 2


async def test_nobody_advances_while_a_partition_is_nobody_s(scene: Scene) -> None:
    scene.event(0, NOON)
    scene.event(1, NOON - MINUTE)
    scene.apply(NOON, others={2: None})
    scene.apply(NOON + 60 * MINUTE, others={2: None})
    assert scene.watermarks() == [NOON - LATENESS, NOON - MINUTE - LATENESS]
