"""A checkpoint that Kafka never takes does not keep a worker waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from stream.engine import checkpoint
from stream.engine.checkpoint import Destination, Snapshot, TransactionalWriter
from stream.engine.client import admin
from stream.engine.connection import Connection
from stream.engine.errors import CheckpointError

LIMIT_S = 20.0
SNAPSHOT = Snapshot([("visits", b"user-1", b"{}")], [(b"user-1", b"state")], 7)


@pytest.fixture
async def writer(kafka: str, topic_name: Callable[[str], str]) -> AsyncIterator[TransactionalWriter]:
    connection = Connection(kafka)
    topic, changelog, visits = topic_name("events"), topic_name("changelog"), topic_name("visits")
    client = admin(connection)
    await client.start()
    await client.create_topics([NewTopic(name, 1, 1) for name in (topic, changelog, visits)])
    await client.close()
    writer = TransactionalWriter(
        connection, Destination(topic, 0, topic_name("group"), changelog, {"visits": visits})
    )
    await writer.open()
    yield writer
    await writer.close()


@pytest.mark.kafka
async def test_a_checkpoint_that_is_never_taken_is_given_up(
    writer: TransactionalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "GIVEN_UP_AFTER_S", 0.5)

    sender, answered = writer._producer._sender, asyncio.Event()
    send = sender._send_produce_req

    async def hang(*args: Any) -> None:
        await answered.wait()
        await send(*args)

    sender._send_produce_req = hang
    with pytest.raises(CheckpointError, match="has not taken it"):
        await asyncio.wait_for(writer.write(SNAPSHOT), LIMIT_S)
    answered.set()


@pytest.mark.parametrize("count", [0, 1, 3, 40])
async def test_records_packed_in_bulk_are_those_packed_one_by_one(count: int) -> None:
    records = [
        (None if n % 7 == 0 else b"key %d" % n, None if n % 5 == 0 else b"v" * (50 * n)) for n in range(count)
    ]
    producer = AIOKafkaProducer(max_batch_size=4_000)
    bulk, single = checkpoint._Batches(producer), checkpoint._Batches(producer)
    single._now_ms = bulk._now_ms
    bulk.add_all(records)
    for key, value in records:
        single.add(key, value, [])
    for batches in (bulk, single):
        batches.add(b"last", b"value", [("position", b"7")])
    packed = [[*batches._full, batches._batch] for batches in (bulk, single)]
    assert len(packed[0]) == len(packed[1])
    assert (len(packed[0]) > 1) == (count == 40)
    for ours, theirs in zip(*packed, strict=True):
        assert ours.record_count() == theirs.record_count()
        assert ours.size() == theirs.size()
        assert ours._build() == theirs._build()
