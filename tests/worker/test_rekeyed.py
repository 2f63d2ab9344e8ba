"""A worker whose input is not keyed by person agrees with `footfall replay` of the same partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import pytest

from stream.core.partitioner import partition_for
from stream.core.times import format_ms
from stream.explain import explain
from stream.simulate.delivery import Faults
from tests.broker.log import read, write_to
from tests.engine import offsets
from tests.engine.process import Process
from tests.worker.stage import (
    DAY_MS,
    FOOTFALL,
    NERVOUS,
    OF_THE_PRODUCT,
    REPLAYED,
    START_MS,
    Event,
    Stage,
    encoded,
    final,
    ordered,
    simulated,
)

TROUBLE = Faults(late=0.01, disorder=0.1, duplicates=0.02)
INPUTS, HOMES = 3, 4
UNKEYED = "input.keyed = false\n"


def by_device(events: Sequence[Event]) -> list[list[Event]]:
    """The events without their keys, all of a person and of the ids joined to one in one input partition."""
    homes: dict[str, int] = {}
    spread: list[list[Event]] = [[] for _ in range(INPUTS)]
    joined: dict[str, str] = {}
    bodies = [orjson.loads(value) if value else {} for _, value in events]
    for body in bodies:
        user, anonymous = body.get("userId"), body.get("anonymousId") or body.get("previousId")
        if user and anonymous:
            joined[anonymous] = user
    for (_, value), body in zip(events, bodies, strict=True):
        device = body.get("anonymousId") or ""
        person = body.get("userId") or joined.get(device, device)
        spread[homes.setdefault(person, len(homes) % INPUTS)].append((None, value))
    return spread


def over(until_ms: int) -> Event:
    """An event that moves its partition's watermark to where a replay until then ends."""
    event = {"messageId": "over", "type": "track", "event": "Over", "userId": "over"}
    return None, orjson.dumps(event | {"timestamp": until_ms + 10 * 60_000})


async def replayed(
    here: Stage, partitions: Sequence[Sequence[Event]], until_ms: int
) -> dict[str, list[bytes]]:
    """What `footfall replay --partitioned` makes of the same partitions: lines by output."""
    files = []
    for number, events in enumerate(partitions):
        file = here.folder / f"partition-{number}.jsonl"
        file.write_bytes(b"".join((value or b"") + b"\n" for _, value in events))
        files.append(str(file))
    out = here.folder / "replayed"
    options = ["--partitioned", "--config", str(here.config), "--until", format_ms(until_ms)]
    async with Process(*FOOTFALL, "replay", *files, "--out", str(out), *options) as replay:
        assert await replay.ends() == 0, replay.output
    return {name: (out / f"{name}.jsonl").read_bytes().splitlines() for name in REPLAYED}


async def create_topics(here: Stage) -> None:
    async with Process(
        *FOOTFALL, "topics", "create", "--config", str(here.config), "--input-partitions", str(INPUTS)
    ) as create:
        assert await create.ends() == 0, create.output


async def works_it_off(here: Stage, expected: dict[str, list[bytes]]) -> None:
    """Wait until the routers have read everything, and as much is published as should be."""
    await offsets.read_to_the_end(here.address, here.settings.group, here.settings.input.topic)
    await published(here, expected)


async def published(here: Stage, expected: dict[str, list[bytes]]) -> None:
    for output in ("visits", "transitions"):
        topic, wanted = here.settings.output_topic(output), len(expected[output])
        await read(here.address, topic, until=lambda found, wanted=wanted: len(found) >= wanted, limit_s=60)
    await here.merges(expected)


async def agree(here: Stage, expected: dict[str, list[bytes]]) -> None:
    for output, key in (("visits", "visit_id"), ("transitions", "transition_id"), *OF_THE_PRODUCT):
        published = final([line for _, line in await here.published(output)])
        wanted = ordered(expected[output], key)
        found = ordered(published, key)
        assert len(found) > {"incidents": 0, "daily": 2}.get(output, 100), output
        assert found == wanted, output
    assert len(await here.published("late")) == len(expected["late"]) > 0
    assert encoded(await here.people()) == expected["people"]


@pytest.mark.kafka
async def test_two_workers_one_killed_agree_with_replay(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(
        kafka,
        topic_name("rekeyed"),
        tmp_path,
        partitions=HOMES,
        extra=UNKEYED + NERVOUS + 'commit_interval = "100ms"',
    )
    await create_topics(here)
    until_ms = START_MS + 30 * DAY_MS
    partitions = by_device(simulated(users=200, days=30, faults=TROUBLE))
    for events in partitions:
        events.append(over(until_ms))
    expected = await replayed(here, partitions, until_ms)
    halves = [[events[: len(events) // 2] for events in partitions]]
    halves.append([events[len(events) // 2 :] for events in partitions])
    async with here.worker() as first, here.worker() as second:
        await first.says("Ready")
        await second.says("Ready")
        await write_to(here.address, here.settings.input.topic, halves[0])
        await first.kill()
        await write_to(here.address, here.settings.input.topic, halves[1])
        async with here.worker() as third:
            await third.says("Ready")
            await works_it_off(here, expected)
            assert await third.terminate() == 0
        assert await second.terminate() == 0
    await agree(here, expected)
    await explains_who_was_joined(here, expected)


async def explains_who_was_joined(here: Stage, expected: dict[str, list[bytes]]) -> None:
    """`footfall explain` finds a user by an id that has moved to the user's partition."""
    joined = {}
    for person in expected["people"]:
        user = orjson.loads(person)["person"]
        found = (await explain(here.settings, user)).explanation
        assert found is not None
        assert found.person == user
        if found.joined_ids:
            joined[found.joined_ids[0]] = user
        if len(joined) == 3:
            break
    moved = [anonymous for anonymous, user in joined.items() if home(anonymous) != home(user)]
    assert moved
    for anonymous in moved:
        found = (await explain(here.settings, anonymous)).explanation
        assert found is not None
        assert found.person == joined[anonymous]


def home(person: str) -> int:
    return partition_for(person.encode(), HOMES)


async def test_at_least_once_on_the_embedded_broker(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(
        tansu,
        topic_name("rekeyed"),
        tmp_path,
        partitions=HOMES,
        extra=UNKEYED + NERVOUS + 'commit_interval = "100ms"',
    )
    await create_topics(here)
    until_ms = START_MS + 20 * DAY_MS
    partitions = by_device(simulated(users=100, days=20, faults=TROUBLE))
    for events in partitions:
        events.append(over(until_ms))
    expected = await replayed(here, partitions, until_ms)
    await write_to(here.address, here.settings.input.topic, partitions)
    async with here.worker() as worker:
        await worker.says("at least once")
        await published(here, expected)
        assert await worker.terminate() == 0
    await agree(here, expected)
