"""A checkpoint that Kafka never takes does not keep a worker waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
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
