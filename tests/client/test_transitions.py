"""A service that subscribes gets each record once, typed, in order, and goes on where it left off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.client import (
    RecordError,
    Subscription,
    SubscriptionError,
    Transition,
    engagement,
    incidents,
    transitions,
)
from stream.core.records import encode
from stream.settings import Settings

WITHIN_S = 30.0
Name = Callable[[str], str]


class Desk:
    """A topic of transitions with two partitions, and what a service has been given of it."""

    def __init__(self, address: str, prefix: str) -> None:
        self.settings = Settings(broker=address, prefix=prefix)
        self.topic = f"{prefix}.transitions"

    async def open(self, topic: str | None = None) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.broker)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(topic or self.topic, 2, 1)])
        finally:
            await admin.close()

    async def write(
        self, *values: bytes, partition: int = 0, topic: str | None = None, transaction: str | None = None
    ) -> None:
        """As a worker does; with `transaction`, in one that is aborted."""
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.broker, transactional_id=transaction)
        await producer.start()
        try:
            if transaction is not None:
                await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait(topic or self.topic, value, partition=partition)
            if transaction is not None:
                await producer.abort_transaction()
        finally:
            await producer.stop()

    def follow(self, group: str = "mailer") -> Subscription[Transition]:
        return transitions(f"{self.settings.prefix}-{group}", settings=self.settings)


@pytest.fixture
async def desk(kafka: str, topic_name: Name) -> Desk:
    made = Desk(kafka, topic_name("client"))
    await made.open()
    return made


def change(person: str, k: int) -> bytes:
    return encode(
        Transition(
            definition="d",
            transition_id=f"{person}#{k}",
            person=person,
            kind="lifecycle",
            from_="new",
            to="active",
            reason="activated",
            at="2026-01-01T00:00:00.000Z",
            cause="m",
            tier="low",
            engaged_visits=1,
            days_in_previous=0,
        )
    )


def changes(person: str, ks: Sequence[int]) -> list[bytes]:
    return [change(person, k) for k in ks]


async def take(stream: Subscription[Transition], count: int) -> list[str]:
    """The ids of so many. Each counts as done when the next is asked for, the last when the service ends."""
    async with asyncio.timeout(WITHIN_S):
        return [(await anext(stream)).transition_id for _ in range(count)]


async def test_records_are_typed_and_a_person_s_are_in_order(desk: Desk) -> None:
    await desk.write(*changes("ann", range(1, 51)))
    await desk.write(*changes("bob", range(1, 51)), partition=1)
    async with desk.follow() as stream, asyncio.timeout(WITHIN_S):
        first = await anext(stream)
        found = [first.transition_id, *await take(stream, 99)]
    assert isinstance(first, Transition)
    assert [one for one in found if one.startswith("ann")] == [f"ann#{k}" for k in range(1, 51)]
    assert [one for one in found if one.startswith("bob")] == [f"bob#{k}" for k in range(1, 51)]


async def test_goes_on_where_it_left_off(desk: Desk) -> None:
    await desk.write(*changes("ann", [1, 2, 3, 4]))
    async with desk.follow() as stream:
        assert await take(stream, 2) == ["ann#1", "ann#2"]
    async with desk.follow() as stream:
        assert await take(stream, 2) == ["ann#3", "ann#4"]


async def test_what_was_not_done_comes_again(desk: Desk) -> None:
    await desk.write(*changes("ann", [1, 2, 3]))

    async def fail_at_the_second() -> None:
        async with desk.follow() as stream:
            await take(stream, 2)
            raise RuntimeError("the mail of ann#2 could not be sent")

    with pytest.raises(RuntimeError):
        await fail_at_the_second()
    async with desk.follow() as stream:
        assert await take(stream, 2) == ["ann#2", "ann#3"]


async def test_a_service_begins_with_what_is_there_or_with_what_comes(desk: Desk) -> None:
    await desk.write(*changes("ann", [1]))
    group = f"{desk.settings.prefix}-late"
    late = transitions(group, settings=desk.settings, begin="latest")
    async with late:
        # nothing comes, and the group has its place: what follows is after it
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await anext(late)
        await desk.write(*changes("ann", [2]))
        assert await take(late, 1) == ["ann#2"]


async def test_repeats_are_dropped_after_a_restart_too(desk: Desk) -> None:
    await desk.write(*changes("ann", [1, 2, 1]))
    async with desk.follow() as stream:
        assert await take(stream, 2) == ["ann#1", "ann#2"]
    # as a worker that can't write transactions does after a crash
    await desk.write(*changes("ann", [2, 1, 3]))
    async with desk.follow() as stream:
        assert await take(stream, 1) == ["ann#3"]


async def test_what_a_worker_took_back_is_not_seen(desk: Desk) -> None:
    await desk.write(*changes("ann", [1]))
    await desk.write(*changes("ann", [2, 3]), transaction=f"{desk.topic}-aborted")
    await desk.write(*changes("ann", [4]))
    async with desk.follow() as stream:
        assert await take(stream, 2) == ["ann#1", "ann#4"]


async def test_two_processes_of_a_service_share_the_work_and_hand_it_over(desk: Desk) -> None:
    done: list[str] = []

    ids = {f"{person}#{k}" for person in ("ann", "bob") for k in range(1, 301)}
    all_done = asyncio.Event()

    async def work(stream: Subscription[Transition]) -> None:
        async with stream:
            async for one in stream:
                done.append(one.transition_id)
                if one.transition_id.endswith("#300") and set(done) == ids:
                    all_done.set()

    first, second = desk.follow(), desk.follow()
    async with asyncio.timeout(2 * WITHIN_S), asyncio.TaskGroup() as group:
        group.create_task(work(first))
        for k in range(1, 101):
            await desk.write(*changes("ann", [k]))
            await desk.write(*changes("bob", [k]), partition=1)
            if k == 30:
                group.create_task(work(second))
            if k == 70:
                first.stop()
        for k in (101, 201):
            await desk.write(*changes("ann", range(k, k + 100)))
            await desk.write(*changes("bob", range(k, k + 100)), partition=1)
        await all_done.wait()
        second.stop()
    # what was in hand when partitions moved is done again; nothing is left out, and no order is broken
    assert len(done) <= len(ids) + 2
    for person in ("ann", "bob"):
        mine = [int(one.split("#")[1]) for one in dict.fromkeys(done) if one.startswith(person)]
        assert mine == sorted(mine)


async def test_a_field_that_is_new_is_passed_over_and_a_schema_that_is_new_is_not(desk: Desk) -> None:
    record = msgspec.json.decode(change("ann", 1))
    await desk.write(msgspec.json.encode(record | {"mood": "good"}))
    await desk.write(msgspec.json.encode(record | {"schema": "footfall.transition/2"}))
    async with desk.follow() as stream:
        assert await take(stream, 1) == ["ann#1"]
        with pytest.raises(RecordError) as caught:
            await take(stream, 1)
    said = str(caught.value)
    assert f"{desk.topic}/0 at offset 1: a record of footfall.transition/2" in said
    assert "this version of footfall reads footfall.transition/1" in said


async def test_without_a_topic_or_a_broker_or_a_group_of_its_own_it_says_what_helps(
    desk: Desk, topic_name: Name
) -> None:
    nowhere = Settings(broker=desk.settings.broker, prefix=topic_name("nowhere"))
    with pytest.raises(SubscriptionError, match=r"no topic nowhere.*footfall topics create"):
        async with transitions("mailer", settings=nowhere):
            pass
    with pytest.raises(SubscriptionError, match=r"no Kafka broker answers at 127\.0\.0\.1:1:"):
        async with transitions("mailer", settings=Settings(broker="127.0.0.1:1")):
            pass
    with pytest.raises(SubscriptionError, match="group 'footfall' is the workers' own"):
        transitions("footfall", settings=Settings())


async def test_incidents_and_windows_are_those_that_are_final(kafka: str, topic_name: Name) -> None:
    desk = Desk(kafka, topic_name("client"))
    for name, follow, key in (
        ("incidents", incidents, "record_id"),
        ("engagement", engagement, "window_id"),
    ):
        topic = f"{desk.settings.prefix}.{name}"
        await desk.open(topic)
        await desk.write(*EXAMPLES[name], topic=topic)
        async with follow(f"{desk.settings.prefix}-{name}", settings=desk.settings) as stream:
            async with asyncio.timeout(WITHIN_S):
                found = await anext(stream)
        assert getattr(found, key) == "final"


_INCIDENT = {
    "schema": "footfall.incident/1",
    "definition": "d",
    "incident_id": "i",
    "series": "total",
    "measure": "people",
    "direction": "spike",
    "severity": "page",
    "status": "opened",
    "period": "window",
    "since": "2026-01-01T00:00:00.000Z",
    "at": "2026-01-01T00:01:00.000Z",
    "value": 9.0,
    "expected": 1.0,
    "lower": 0.0,
    "upper": 2.0,
    "score": 0.99,
    "moved": [],
    "causes": [],
    "owners": [],
    "promoted": 0.0,
    "sentence": "People are up.",
    "note": None,
    "chart": "",
}
_WINDOW = {
    "schema": "footfall.engagement/1",
    "definition": "d",
    "series": "total",
    "start": "2026-01-01T00:00:00.000Z",
    "end": "2026-01-01T00:01:00.000Z",
    "events": 1,
    "pageviews": 0,
    "people": 1,
    "visits": 1,
    "engaged": 0,
    "key_events": {},
    "volume": 0.0,
    "index": 0.0,
    "promoted": 0.0,
    "promoted_people": 0,
    "bands": {},
}
EXAMPLES = {
    "incidents": [
        msgspec.json.encode(_INCIDENT | {"record_id": "early", "provisional": True}),
        msgspec.json.encode(_INCIDENT | {"record_id": "final", "provisional": False}),
    ],
    "engagement": [
        msgspec.json.encode(_WINDOW | {"window_id": "early", "status": "provisional"}),
        msgspec.json.encode(_WINDOW | {"window_id": "final", "status": "final"}),
    ],
}
