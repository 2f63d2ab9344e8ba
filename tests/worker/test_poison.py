"""Records that are no events, of every kind and size: each is put aside, nothing stops, and all come back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import get_args

import msgspec
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from stream.admin.dead_letters import Choice, replay, survey
from stream.core.publishing import WHOLE_VALUE
from stream.core.records import DeadLetter, DeadReason, Late
from tests.broker.log import create_topic, read
from tests.worker.stage import DAY_MS, START_MS, Event, Stage

MIB = 1024 * 1024
LIMIT = 64 * MIB


def event(person: str, number: int, **changes: object) -> bytes:
    fields = {"messageId": f"m{number}", "type": "page", "userId": person, "timestamp": START_MS + number}
    return orjson.dumps({k: v for k, v in (fields | changes).items() if v is not None})


def poison() -> list[Event]:
    """Every dead reason, every awkward byte, and sizes up to what the topic takes."""
    rng = Random(3)
    padding = "\x01\x02\x1f" * 1_000
    return [
        (b"u", None),  # tombstone
        (b"", None),
        (b"u", b""),
        (b"u", b"\x00"),
        (b"u", bytes(range(256))),
        (b"\xff\xfe", b'{"messageId":"caf\xe9"}'),
        (b"u", event("u", 1)[:-1]),
        (b"u", b"[" * 100_000),
        (b"u", b"[]"),
        (b"u", b'"text"'),
        (b"u", event("u", 2, messageId=None)),
        (b"u", event("u", 3, type="click")),
        (b"u", event("u", 4, messageId="x" * 201)),
        (b"u", event("u", 5, timestamp="yesterday")),
        (b"u", event("u", 6, userId=None)),
        (b"u", event("u", 7, userId="anonymous:u")),
        (b"somebody-else", event("u", 8)),
        (None, event("u", 9)),
        (b"\xff" * 300_000, event("u", 10)),
        (b"u", event("u" * 200_000, 11)),
        (b"u", event("u", 12, timestamp="2999-01-01T00:00:00Z")),
        (b"u", event("u", 13, properties={"text": padding * 100})),
        (b"u", b"\x01" * (3 * MIB)),  # six times as long as text
        (b"u", b"\xff" * (5 * MIB)),
        (b"u", event("u", 14, properties={"text": "x" * 10_000_000})),
        (b"\x00" * (2 * MIB), rng.randbytes(10_000_000)),
    ]


async def write(here: Stage, partition: int, events: list[Event]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=here.address, max_request_size=LIMIT) as producer:
        for key, value in events:
            await producer.send_and_wait(here.settings.input.topic, value, key, partition=partition)


@pytest.mark.kafka
async def test_each_record_goes_to_one_place_and_the_dead_ones_come_back(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("poison"), tmp_path, partitions=1)
    await create_topic(kafka, here.settings.input.topic, partitions=1, max_message_bytes=str(LIMIT))
    await here.create_topics()
    late_person = "l" * 100_000
    sound = [(f"p{n}".encode(), event(f"p{n}", 10_000_000 + n)) for n in range(200)]
    late: list[Event] = [
        (b"p0", event("p0", 0)),
        (late_person.encode(), event(late_person, 0, properties={"text": "\\" * 60_000})),
    ]
    bad = poison()
    mixed = [*bad, *sound[1:], *late]
    Random(5).shuffle(mixed)
    written = [sound[0], *mixed]
    await write(here, 0, written)

    async with here.worker() as worker:
        await worker.says("Ready")
        await here.works_it_off()
        assert await worker.terminate() == 0

    letters = [
        msgspec.json.decode(value, type=DeadLetter) for _, value in await here.published("dead-letters")
    ]
    assert {letter.reason for letter in letters} == set(get_args(DeadReason))
    aside = [msgspec.json.decode(value, type=Late) for _, value in await here.published("late")]
    dead_offsets = [letter.offset for letter in letters]
    assert sorted(dead_offsets) == [n for n, one in enumerate(written) if one in bad]
    assert sorted(one.offset for one in aside) == [n for n, one in enumerate(written) if one in late]
    assert sum(1 for one in letters if one.truncated) == 4
    assert {written[one.offset][1] for one in aside} == {one.value.encode() for one in aside}
    assert len(await here.people()) == 200

    # Sent to another topic, all of them, they are what was written.
    repair = topic_name("repair")
    await create_topic(kafka, repair, partitions=1, max_message_bytes=str(LIMIT))
    found = await survey(here.settings, Choice())
    assert found.count("dead") == len(bad) - 2
    done = await replay(here.settings, Choice(dead=True, to=repair))
    assert (done.count("tombstone"), done.count("gone")) == (2, 0)
    returned = [(record.key, record.value) for record in await read(kafka, repair)]
    assert Counter(returned) == Counter(one for one in bad if one[1] is not None)
    assert max(len(value or b"") for _, value in returned) > 2 * WHOLE_VALUE


@pytest.mark.kafka
async def test_an_original_that_is_gone_is_said_to_be(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("gone"), tmp_path, partitions=1)
    await create_topic(kafka, here.settings.input.topic, partitions=1, max_message_bytes=str(LIMIT))
    await here.create_topics()
    await write(here, 0, [(b"u", b"\xff" * (5 * MIB))])
    async with here.worker() as worker:
        await worker.says("Ready")
        await here.works_it_off()
        assert await worker.terminate() == 0
    changed = msgspec.structs.replace(
        here.settings, input=msgspec.structs.replace(here.settings.input, topic=topic_name("other"))
    )
    topic = here.settings.output_topic("dead-letters")
    [(_, value)] = await here.published("dead-letters")
    moved = msgspec.structs.replace(msgspec.json.decode(value, type=DeadLetter), offset=7)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, msgspec.json.encode(moved), partition=0)

    found = await survey(changed, Choice(dead=True))

    assert (found.count("gone"), found.count("dead")) == (1, 1)


@pytest.mark.kafka
async def test_after_a_fix_what_is_sent_back_counts(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("fix"), tmp_path, partitions=2)
    await here.create_topics()
    ahead_ms = int(time.time() * 1000) + 5 * 3_600_000  # more than max_future, an hour
    await here.write([(f"p{n}".encode(), event(f"p{n}", n, timestamp=ahead_ms + n)) for n in range(900)])
    async with here.worker_with("dead_letters.max_ratio = 1") as worker:
        await worker.says("Ready")
        await here.works_it_off()
        assert await worker.terminate() == 0
    assert len(await here.published("dead-letters")) == 900
    definition = msgspec.structs.replace(here.settings.definition, max_future_ms=DAY_MS)
    settings = msgspec.structs.replace(here.settings, definition=definition)

    sent = await replay(settings, Choice())
    for number in range(2):  # behind the marker that ends the transaction, up to which nobody commits
        await write(here, number, [(b"z%d" % number, event(f"z{number}", 0, timestamp=ahead_ms))])
    async with here.worker_with('max_future = "1d"') as worker:
        await worker.says("Ready")
        await here.works_it_off()
        assert await worker.terminate() == 0

    assert sent.sent == {here.settings.input.topic: 900}
    assert len(await here.published("dead-letters")) == 900
    assert [person.person for person in await here.people()] == sorted(
        [*(f"p{n}" for n in range(900)), "z0", "z1"]
    )
