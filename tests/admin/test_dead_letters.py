"""Sending dead letters back: each original once, to where it came from, whatever dies on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.admin import AdminError, connect, create, sending
from stream.admin.dead_letters import Choice, Survey, replay, survey
from stream.core.activity import Vocabulary
from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from stream.core.profile import Progress, encode_progress
from stream.settings import Input, Settings, Topics
from tests.broker.log import Record, create_topic, read
from tests.engine import offsets
from tests.engine.process import Process
from tests.worker.stage import FOOTFALL

TopicName = Callable[[str], str]
Original = tuple[bytes | None, bytes | None]

PARTITIONS = 3
NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


def settings_for(address: str, topic_name: TopicName) -> Settings:
    return Settings(
        broker=address,
        prefix=topic_name("prefix"),
        group=topic_name("group"),
        input=Input(topic=topic_name("events")),
        topics=Topics(partitions=PARTITIONS),
    )


def event(person: str, number: int, **changes: object) -> bytes:
    fields = {"messageId": f"m{number}", "type": "page", "userId": person, "timestamp": NOON + number}
    return orjson.dumps(fields | changes)


def readable_later(count: int, start: int = 0) -> list[Original]:
    """Events under a tenant's key: dead letters (`wrong_key`) until `input.key` is set."""
    return [
        (f"tenant-{n % 5}".encode(), event(f"user-{n}", n, context={"tenant": f"tenant-{n % 5}"}))
        for n in range(start, start + count)
    ]


def fixed(settings: Settings) -> Settings:
    definition = msgspec.structs.replace(settings.definition, input_key="context.tenant")
    changed = msgspec.structs.replace(settings.input, key="context.tenant")
    return msgspec.structs.replace(settings, definition=definition, input=changed)


async def make_topics(settings: Settings) -> None:
    async with connect(settings.connection) as admin:
        assert all(outcome.ok for outcome in await create(admin, settings))


def letters_of(settings: Settings, originals: Sequence[Original], number: int = 0) -> list[Original]:
    """The dead letters that a worker makes of records of a partition, with their keys."""
    partition = Partition(settings.definition, topic=settings.input.topic, number=number)
    partition.process(
        [value for _, value in originals],
        keys=[key for key, _ in originals],
        offsets=range(len(originals)),
        arrived_ms=[NOON] * len(originals),
    )
    outputs = partition.take_outputs()
    assert {output.topic for output in outputs} == {"dead-letters"}
    assert len(outputs) == len(originals)
    return [(output.key, output.value) for output in outputs]


async def die(settings: Settings, originals: Sequence[Original], number: int = 0) -> None:
    """Put the dead letters of records into the topic, where a worker does."""
    topic = settings.output_topic("dead-letters")
    async with AIOKafkaProducer(bootstrap_servers=settings.broker, acks="all") as producer:
        letters = letters_of(settings, originals, number)
        sent = [await producer.send(topic, value, key, partition=number) for key, value in letters]
        await asyncio.gather(*sent)


async def sent(settings: Settings, topic: str | None = None) -> list[Record]:
    return await read(settings.broker, topic or settings.input.topic)


def pairs(records: Sequence[Record]) -> Counter[Original]:
    return Counter((record.key, record.value) for record in records)


@pytest.mark.kafka
async def test_the_original_bytes_go_to_where_the_partitioner_puts_the_key_once(
    kafka: str, topic_name: TopicName
) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    originals = readable_later(1_200)
    await die(settings, originals)

    first, second = await replay(fixed(settings), Choice()), await replay(fixed(settings), Choice())

    assert first.sent == {settings.input.topic: 1_200}
    assert first.transactions
    assert not second.sent
    assert second.count() == 0
    records = await sent(settings)
    assert pairs(records) == Counter(originals)
    assert all(record.partition == partition_for(record.key or b"", PARTITIONS) for record in records)


@pytest.mark.kafka
async def test_what_the_configuration_still_cannot_read_stays_and_is_found_again(
    kafka: str, topic_name: TopicName
) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    later, never = readable_later(30), [(b"k", b"{"), (b"k", b"[]")]
    await die(settings, [*never, *later, *never])

    before = await replay(settings, Choice())
    after = await replay(fixed(settings), Choice())
    again = await replay(fixed(settings), Choice())
    everything = await replay(fixed(settings), Choice(dead=True))
    at_last = await replay(fixed(settings), Choice(dead=True))

    assert (before.sent, before.count("dead")) == ({}, 34)
    assert after.sent == {settings.input.topic: 30}
    assert (again.sent, again.count("dead"), again.count("sent before")) == ({}, 4, 30)
    assert everything.sent == {settings.input.topic: 4}
    assert (at_last.sent, at_last.count()) == ({}, 0)
    assert pairs(await sent(settings)) == Counter([*later, *never, *never])


@pytest.mark.kafka
async def test_what_filters_leave_out_is_sent_by_a_later_run(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    keys, times = (
        readable_later(10),
        [(b"u", event("u", n, timestamp=NOON + 9 * 3_600_000)) for n in range(10)],
    )
    await die(settings, [one for pair in zip(keys, times, strict=True) for one in pair])
    topic = settings.input.topic

    by_reason = await replay(settings, Choice(reasons=frozenset({"future"})))
    limited = await replay(fixed(settings), Choice(limit=4))
    by_time = await replay(fixed(settings), Choice(until_ms=1))
    rest = await replay(fixed(settings), Choice())

    assert by_reason.sent == {topic: 10}
    assert limited.sent == {topic: 4}
    assert (by_time.sent, by_time.count("not chosen")) == ({}, 6)
    assert rest.sent == {topic: 6}
    assert pairs(await sent(settings)) == Counter([*keys, *times])


@pytest.mark.kafka
@pytest.mark.parametrize("dies_in", ["first", "between", "commit"])
async def test_a_run_that_dies_loses_and_doubles_nothing(
    kafka: str, topic_name: TopicName, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    originals = readable_later(400)
    await die(settings, originals)
    monkeypatch.setattr(sending, "BATCH_RECORDS", 100)
    calls = 0

    def dying(method: str, at: int) -> None:
        original = getattr(AIOKafkaProducer, method)

        async def die_then(self: AIOKafkaProducer, *args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == at:
                raise KafkaError("killed")
            return await original(self, *args, **options)

        patched.setattr(AIOKafkaProducer, method, die_then)

    with monkeypatch.context() as patched:
        dying(
            *{"first": ("send", 150), "between": ("send", 401), "commit": ("commit_transaction", 2)}[dies_in]
        )
        with pytest.raises(AdminError, match="what was sent is noted, run this again for the rest"):
            await replay(fixed(settings), Choice())
    rest = await replay(fixed(settings), Choice())

    assert rest.sent[settings.input.topic] == {"first": 400, "between": 200, "commit": 300}[dies_in]
    assert pairs(await sent(settings)) == Counter(originals)


@pytest.mark.kafka
async def test_a_second_run_takes_over_from_one_that_hangs(
    kafka: str, topic_name: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    originals = readable_later(50)
    await die(settings, originals)
    hangs, goes_on = asyncio.Event(), asyncio.Event()
    commit = AIOKafkaProducer.commit_transaction

    async def hang(self: AIOKafkaProducer) -> None:
        if not hangs.is_set():
            hangs.set()
            await goes_on.wait()
        await commit(self)

    monkeypatch.setattr(AIOKafkaProducer, "commit_transaction", hang)
    first = asyncio.create_task(replay(fixed(settings), Choice()))
    await hangs.wait()
    second = await replay(fixed(settings), Choice())
    goes_on.set()

    with pytest.raises(AdminError, match="another `footfall dead-letters replay` of this group has begun"):
        await first
    assert second.sent == {settings.input.topic: 50}
    assert pairs(await sent(settings)) == Counter(originals)


@pytest.mark.kafka
async def test_the_same_original_that_died_twice_is_sent_once(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    originals = readable_later(20)
    await die(settings, originals)
    await die(settings, originals)

    done = await replay(fixed(settings), Choice())

    assert done.sent == {settings.input.topic: 20}
    assert done.count("sent before") == 20


@pytest.mark.kafka
async def test_another_record_in_the_same_place_is_another_one(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    await die(settings, readable_later(20))
    await die(settings, readable_later(20, start=20))  # of a topic that was made anew: the same offsets

    done = await replay(fixed(settings), Choice())

    assert done.sent == {settings.input.topic: 40}


@pytest.mark.kafka
async def test_tombstones_are_not_sent_and_hold_nothing_up(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    await die(settings, [(b"k", None), *readable_later(3), (None, None)])

    done, again = await replay(fixed(settings), Choice(dead=True)), await survey(fixed(settings), Choice())

    assert (done.count("tombstone"), done.sent) == (2, {settings.input.topic: 3})
    assert again.count() == 0


@pytest.mark.kafka
async def test_without_a_key_it_goes_to_the_partition_it_came_from(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    originals: list[Original] = [(None, event("u", n)) for n in range(4)]
    await die(settings, originals, number=2)
    unkeyed = msgspec.structs.replace(
        settings,
        definition=msgspec.structs.replace(settings.definition, keyed=False),
        input=msgspec.structs.replace(settings.input, keyed=False),
    )

    await replay(unkeyed, Choice())

    records = await sent(settings)
    assert {record.partition for record in records} == {2}
    assert pairs(records) == Counter(originals)


@pytest.mark.kafka
async def test_another_topic_can_be_given(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    repair = topic_name("repair")
    await create_topic(kafka, repair, partitions=1)
    await die(settings, [(b"k", b"{")])

    done = await replay(settings, Choice(dead=True, to=repair))

    assert done.sent == {repair: 1}
    assert pairs(await sent(settings, repair)) == {(b"k", b"{"): 1}
    assert await sent(settings) == []


@pytest.mark.kafka
async def test_a_survey_says_what_would_happen_and_writes_nothing(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    await die(settings, [*readable_later(7), (b"k", b"{"), (b"k", None)])
    choice = Choice(limit=5)

    found: Survey = await survey(fixed(settings), choice)

    assert found.fates == {("wrong_key", "sound"): 7, ("not_json", "dead"): 1, ("tombstone", "tombstone"): 1}
    assert found.to_send(choice) == 5
    assert [letter.offset for letter in found.examples["wrong_key"]] == [0, 1]
    assert found.first_ms is not None
    assert found.last_ms is not None
    assert found.first_ms <= found.last_ms
    assert await sent(settings) == []
    assert await survey(fixed(settings), choice) == found


@pytest.mark.kafka
async def test_what_the_watermark_has_passed_is_told_and_sent(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    await die(settings, readable_later(20))
    before = await survey(fixed(settings), Choice())
    changelog = f"{settings.group}-profiles-changelog"
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for number in range(PARTITIONS):
            for watermark in (NOON, NOON + 5):
                own = encode_progress(Progress(watermark, watermark, Vocabulary()))
                await producer.send(changelog, own, b"\xff", partition=number)
            for n in range(100):  # further back than is looked at first
                await producer.send(changelog, b"not to be looked at", f"u{n}".encode(), partition=number)
        await producer.flush()

    after = await survey(fixed(settings), Choice())
    done = await replay(fixed(settings), Choice())

    assert (before.knows_late, before.count("sound")) == (False, 20)
    assert (after.knows_late, after.count("late"), after.count("sound")) == (True, 5, 15)
    assert done.sent == {settings.input.topic: 20}


async def test_missing_topics_are_named_with_what_to_do(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    with pytest.raises(
        AdminError, match=r"has no topic .*dead-letters, .*-sent: run `footfall topics create`"
    ):
        await survey(settings, Choice())
    await make_topics(settings)
    with pytest.raises(AdminError, match="has no topic nowhere: create it, or give another --to"):
        await survey(settings, Choice(to="nowhere"))


async def test_without_transactions_it_works_and_says_so(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    await make_topics(settings)
    originals = readable_later(50)
    await die(settings, originals)

    done, again = await replay(fixed(settings), Choice()), await replay(fixed(settings), Choice())

    assert done.sent == {settings.input.topic: 50}
    assert done.transactions is False
    assert not again.sent
    assert pairs(await sent(settings)) == Counter(originals)


async def test_without_transactions_nothing_is_lost(
    tansu: str, topic_name: TopicName, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tansu, topic_name)
    await make_topics(settings)
    originals = readable_later(30)
    await die(settings, originals)
    send = AIOKafkaProducer.send
    calls = 0

    async def dying(self: AIOKafkaProducer, *args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 20:
            raise KafkaError("killed")
        return await send(self, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(AIOKafkaProducer, "send", dying)
        with pytest.raises(AdminError):
            await replay(fixed(settings), Choice())
    await replay(fixed(settings), Choice())

    found = pairs(await sent(settings))
    assert set(found) == set(originals)
    assert max(found.values()) <= 2


@pytest.mark.kafka
async def test_kill_9_on_the_way_loses_and_doubles_nothing(
    kafka: str, topic_name: TopicName, tmp_path: Path
) -> None:
    settings = settings_for(kafka, topic_name)
    await make_topics(settings)
    originals = readable_later(6_000)
    for number in range(PARTITIONS):
        await die(settings, originals[number::PARTITIONS], number)
    config = tmp_path / "footfall.toml"
    config.write_text(
        f'broker = "{kafka}"\nprefix = "{settings.prefix}"\ngroup = "{settings.group}"\n'
        f'input = {{ topic = "{settings.input.topic}", key = "context.tenant" }}\n'
    )
    replaying = (*FOOTFALL, "dead-letters", "replay", "--yes", "--config", str(config))

    for share in (0.3, 0.6):
        async with Process(*replaying) as run:
            async with asyncio.timeout(60):
                while sum((await offsets.ends(kafka, settings.input.topic)).values()) < share * 6_000:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await run.kill()
    async with Process(*replaying) as run:
        assert await run.ends() == 0, run.output
        assert f"to {settings.input.topic}." in run.output

    assert pairs(await sent(settings)) == Counter(originals)
