"""Records that are no events, of every kind there is, in between good ones."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, get_args

import orjson

from stream.core.engagement.merger import Merger
from stream.core.engagement.partials import PARTIALS
from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from stream.core.records import DeadReason
from tests.broker.log import Record, create_topic, read
from tests.chaos.numbers import KINDS, compare
from tests.chaos.trial import FULL, OFTEN, Flow, Place, Trial, flow, trial
from tests.worker.stage import Event, encoded

EVENTS = 50_000 if FULL else 5_000
ROUNDS = 40 if FULL else 4
HUGE = 10_000_000


def event(**changes: Any) -> bytes:
    """A sound event of the person `p`, but for the changes; None takes a field away."""
    sound = {
        "messageId": "m",
        "type": "track",
        "event": "Tried",
        "userId": "p",
        "timestamp": 1_767_225_600_000,
    }
    return orjson.dumps({name: value for name, value in (sound | changes).items() if value is not None})


# What it is for, and as which reason it has to be put aside.
POISON: list[tuple[DeadReason, Event]] = [
    ("tombstone", (b"p", None)),
    ("tombstone", (None, None)),
    ("not_json", (b"p", b"")),
    ("not_json", (b"p", b"\x00\x01\x02\x1b[2J\r\n\x7f")),
    ("not_json", (b"p", event(event="caf\u00e9").replace("é".encode(), b"\xe9"))),
    ("not_json", (b"\xff\xfe", b"\xff\xfe\x00\x00")),
    ("not_json", (b"p", event()[:-20])),
    ("not_json", (b"p", event() + b"\n" + event())),
    ("not_json", (b"p", b'{"event":"\x07"}')),
    ("not_json", (b"p", b"[" * 100_000)),
    ("not_object", (b"p", b"[" + event() + b"]")),
    ("not_object", (b"p", b"null")),
    ("missing_field", (b"p", b"{}")),
    ("missing_field", (b"p", event(messageId=None))),
    ("missing_field", (b"p", event(event=None))),
    ("bad_type", (b"p", event(type="click"))),
    ("bad_type", (b"p", event(userId=4711))),
    ("bad_type", (b"p", event(messageId="m" * 201))),
    ("bad_time", (b"p", event(timestamp="yesterday"))),
    ("bad_time", (b"p", event(timestamp=1.5))),
    ("no_person", (b"p", event(userId=None))),
    ("no_person", (b"p", event(userId=""))),
    ("wrong_key", (b"somebody-else", event())),
    ("wrong_key", (None, event())),
    ("wrong_key", (b"p\x00", event())),
    ("wrong_key", (b"\xff", event())),
    ("future", (b"p", event(timestamp=int(time.time() * 1000) + 30 * 86_400_000))),
    ("too_large", (b"p", event(properties={"padding": "x" * 300_000}))),
    # JSON makes six bytes of each of these.
    ("too_large", (b"p", event(properties={"padding": "\x01" * 300_000}))),
    ("too_large", (b"p", b"\x01" * 300_000)),
]
HUGE_POISON: list[tuple[DeadReason, Event]] = [
    ("too_large", (b"p", event(properties={"padding": "x" * HUGE}))),
    ("too_large", (b"p", b"\x01" * HUGE)),
]


def poisoned(good: Flow, rng: Random) -> tuple[Flow, Counter[str]]:
    """The flow with poison in between, and how often each reason has been given."""
    dead = [*POISON * ROUNDS, *HUGE_POISON]
    last = len(good.events) - 10
    places = sorted((rng.randrange(last), number) for number in range(len(dead)))
    events: list[Event] = []
    done = 0
    for at, number in places:
        events += [*good.events[done:at], dead[number][1]]
        done = at
    return Flow([*events, *good.events[done:]], good.until_ms), Counter(reason for reason, _ in dead)


async def poison_in_between(at: Place) -> None:
    name = at.name("poison")
    what, reasons = poisoned(flow(EVENTS), Random(5))
    assert reasons.keys() == {*get_args(DeadReason)}
    await create_topic(at.kafka, f"{name}-events", partitions=4, max_message_bytes=str(2 * HUGE))
    async with trial(at, name, what, extra=OFTEN, ahead=1_000, named=True) as here:
        worker = await here.worker()
        writing = asyncio.create_task(here.write_all())
        await here.at(0.5)
        worker.kill()
        here.did("kill -9")
        await writing
        for reason, count in reasons.items():
            here.faults[reason] = count
        await here.watch.reaches(len(what.events))
        records = await read(at.kafka, here.stage.settings.input.topic, limit_s=120.0)
        wanted = computed(here, records)
        await here.merges(wanted, limit_s=60.0)
        assert await worker.leave() == 0
        found = {output: [line for _, line in await here.stage.published(output)] for output in wanted}
        numbers = [compare(output, wanted[output], found[output]) for output in wanted]
        numbers.append(compare("people", people(here, records), encoded(await here.stage.people())))
        report = here.report("poison in between", numbers, seconds=here.seconds)
    assert report.right, report
    assert [len(one.exits) for one in here.workers] == [1], here.story()
    dead = [orjson.loads(line) for line in found["dead-letters"]]
    assert Counter(one["reason"] for one in dead) == reasons
    assert_original_bytes(dead, records)


def computed(here: Trial, records: Sequence[Record]) -> dict[str, list[bytes]]:
    """What the core makes of the topic: files, and so `footfall replay`, have no keys and no tombstones."""
    outputs: dict[str, list[bytes]] = {output: [] for output in KINDS if output != "people"}
    merger = Merger(here.stage.settings.definition, sources=here.stage.partitions)
    for partition in partitions(here, records):
        for output, _, value in partition.take_outputs():
            if output == PARTIALS:
                merger.process([value])
            else:
                outputs[output].append(value)
    while merger.work():
        continue
    for output, _, value in merger.take_outputs():
        outputs[output].append(value)
    return outputs


def people(here: Trial, records: Sequence[Record]) -> list[bytes]:
    found = (person for partition in partitions(here, records) for person in partition.people())
    return encoded(sorted(found, key=lambda person: person.person))


def partitions(here: Trial, records: Sequence[Record]) -> list[Partition]:
    settings, count = here.stage.settings, here.stage.partitions

    def owns(number: int) -> Callable[[str], bool]:
        return lambda person: partition_for(person.encode(), count) == number

    made = []
    for number in range(count):
        partition = Partition(
            settings.definition, topic=settings.input.topic, number=number, owns=owns(number)
        )
        mine = [record for record in records if record.partition == number]
        partition.process(
            [record.value for record in mine],
            keys=[record.key for record in mine],
            offsets=[record.offset for record in mine],
            arrived_ms=[record.timestamp_ms for record in mine],
        )
        made.append(partition)
    return made


def assert_original_bytes(dead: Sequence[dict[str, Any]], records: Sequence[Record]) -> None:
    """Each dead letter has the record's bytes, or, where they are too many, says so."""
    originals = {(record.partition, record.offset): record for record in records}
    for letter in dead:
        original = originals[letter["partition"], letter["offset"]]
        if not letter.get("truncated"):
            assert carried(letter, "value") == original.value
        assert carried(letter, "key") == original.key


def carried(letter: dict[str, Any], name: str) -> bytes | None:
    text, coded = letter[name], letter.get(f"{name}_base64")
    if text is not None:
        return str(text).encode()
    return None if coded is None else base64.b64decode(coded)
