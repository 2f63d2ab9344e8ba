"""`footfall tail` on a real broker: what is there, what comes, and only what is committed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from stream.broker.port import free_port
from stream.core import records
from tests.broker.log import create_topic, write

WITHIN_S = 30


def transition(person: str, k: int, reason: records.Reason = "reactivated") -> bytes:
    return records.encode(
        records.Transition(
            definition="0" * 12,
            transition_id=f"{person}#{k}",
            person=person,
            kind="lifecycle",
            from_="silent",
            to="active",
            reason=reason,
            at="2026-03-01T12:03:11.000Z",
            cause=f"m-{k}",
            tier="low",
            engaged_visits=k,
            days_in_previous=35,
        )
    )


@asynccontextmanager
async def footfall(broker: str, prefix: str, *args: str, folder: Path) -> AsyncIterator[Process]:
    environ = {"FOOTFALL_BROKER": broker, "FOOTFALL_PREFIX": prefix, "FOOTFALL_TIMEZONE": "Asia/Shanghai"}
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("footfall"), *args, stdout=PIPE, stderr=PIPE, env=environ, cwd=folder
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def output(process: Process) -> list[str]:
    out, err = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


@pytest.fixture(params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> str:
    address = request.getfixturevalue(request.param)
    assert isinstance(address, str)
    return address


async def test_from_the_beginning_one_readable_line_a_record(
    broker: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    prefix = topic_name("tail")
    await create_topic(broker, f"{prefix}.transitions", partitions=4)
    await write(
        broker, f"{prefix}.transitions", [(b"u-42", transition("u-42", 1)), (b"u-7", transition("u-7", 2))]
    )
    args = ("tail", "transitions", "--from-beginning", "--count", "2")
    async with footfall(broker, prefix, *args, folder=tmp_path) as process:
        lines = await output(process)
    change = "silent -> active reactivated tier low"
    assert [" ".join(line.split()) for line in sorted(lines)] == [
        f"2026-03-01 20:03:11 u-42 {change}, 1 engaged visit, after 35 days (m-1)",
        f"2026-03-01 20:03:11 u-7 {change}, 2 engaged visits, after 35 days (m-2)",
    ]


async def test_one_persons_records_as_json_and_those_that_come(
    broker: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    prefix = topic_name("tail")
    topic = f"{prefix}.transitions"
    await create_topic(broker, topic, partitions=2)
    await write(broker, topic, [(b"u-1", transition("u-1", 1)), (b"u-2", transition("u-2", 1))])
    args = ("tail", "transitions", "--from-beginning", "--person", "u-1", "--json")
    async with footfall(broker, prefix, *args, folder=tmp_path) as process:
        assert process.stdout is not None
        first = await asyncio.wait_for(process.stdout.readline(), WITHIN_S)
        assert first == transition("u-1", 1) + b"\n"
        await write(broker, topic, [(b"u-2", transition("u-2", 2)), (b"u-1", transition("u-1", 2))])
        second = await asyncio.wait_for(process.stdout.readline(), WITHIN_S)
        assert second == transition("u-1", 2) + b"\n"


async def test_missing_topic_is_named_with_those_that_are_there(
    broker: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    prefix = topic_name("tail")
    await create_topic(broker, f"{prefix}.visits", partitions=1)
    async with footfall(broker, prefix, "tail", "transitions", folder=tmp_path) as process:
        _, err = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == 1
    assert f"no topic {prefix}.transitions" in err.decode()
    assert f"{prefix}.visits" in err.decode()


async def test_no_broker_is_said(tmp_path: Path) -> None:
    port = free_port()
    async with footfall(f"127.0.0.1:{port}", "x", "tail", "visits", folder=tmp_path) as process:
        _, err = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == 1
    assert f"no Kafka broker answers at 127.0.0.1:{port}" in err.decode()


@pytest.mark.kafka
async def test_what_was_never_committed_is_not_shown(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    prefix = topic_name("tail")
    topic = f"{prefix}.transitions"
    await create_topic(kafka, topic, partitions=1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic)
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, transition("aborted", 1))
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, transition("committed", 1))
    finally:
        await producer.stop()
    args = ("tail", "transitions", "--from-beginning", "--count", "1", "--json")
    async with footfall(kafka, prefix, *args, folder=tmp_path) as process:
        assert await output(process) == [transition("committed", 1).decode()]
