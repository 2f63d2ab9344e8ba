"""`footfall explain`: from a worker's changelog on a real broker, and from files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner, Result

from stream.cli import main
from stream.core.definition import Definition
from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from tests.broker.log import create_topic
from tests.replay.streams_of_events import DAY, MINUTE, event, write

PARTITIONS = 3


def life() -> list[bytes]:
    """A visitor who signs up and buys, somebody else, and one who is deleted."""
    return [
        event(1, "", 0, "Product Viewed", userId=None, anonymousId="a-1"),
        event(2, "u-1", MINUTE, type="identify", anonymousId="a-1"),
        event(3, "u-1", 2 * MINUTE),
        event(4, "u-gone", 3 * MINUTE),
        event(5, "u-gone", 4 * MINUTE, "Account Deleted"),
        event(6, "u-2", DAY),
        event(7, "u-1", DAY + MINUTE, "Product Viewed"),
    ]


def footfall(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, args)])


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write(tmp_path / "events.jsonl", life())


def test_state_and_evidence_from_a_file(file: str) -> None:
    result = footfall("u-1", "--replay", file)
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "u-1: active since 2026-03-01, tier low" in text
    assert "registered 2026-03-01" in text
    assert "visits 2, of which 1 open" in text
    assert "engaged 1 visit in the days that count 2026-03-01" in text
    assert "key event Order Completed: 0 in 1 day, 1 in 7, 1 in 30" in text
    assert "open visit 2026-03-02T08:01:00.000Z" in text
    assert "joined anonymous:a-1" in text
    assert [line.split()[6] for line in result.stdout.splitlines() if " -> " in line] == [
        "registered",
        "activated",
        "tier_up",
    ]


def test_a_joined_id_leads_to_its_user_with_the_users_transitions(file: str) -> None:
    result = footfall("anonymous:a-1", "--replay", file, "--json")
    evidence = orjson.loads(result.stdout)
    assert evidence["asked"] == "anonymous:a-1"
    assert evidence["explanation"]["person"] == "u-1"
    assert len(evidence["transitions"]) == 3
    assert "anonymous:a-1 is joined to u-1" in footfall("anonymous:a-1", "--replay", file).stdout


def test_as_of_a_later_time(file: str) -> None:
    result = footfall("u-1", "--replay", file, "--until", "2026-04-15")
    assert "u-1: silent since 2026-03-31" in result.stdout


def test_unknown_and_deleted_persons(file: str) -> None:
    unknown = footfall("nobody", "--replay", file)
    assert unknown.exit_code == 1
    assert "nobody: no state is kept; never seen, or forgotten" in unknown.stdout
    deleted = footfall("u-gone", "--replay", file)
    assert deleted.exit_code == 0
    assert "u-gone: no state is kept; erased or forgotten since" in deleted.stdout
    assert "active -> deleted" in deleted.stdout


async def store(address: str, group: str, prefix: str) -> None:
    """What a worker would have left in Kafka."""
    changelog, transitions = f"{group}-profiles-changelog", f"{prefix}.transitions"
    await create_topic(address, changelog, partitions=PARTITIONS, cleanup_policy="compact")
    await create_topic(address, transitions, partitions=PARTITIONS)
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    try:
        for number in range(PARTITIONS):
            partition = Partition(Definition(), number=number)
            values = [value for value in life() if home(value) == number]
            for value in values:
                # One at a time: the changelog has several versions of a person, and the last one counts.
                partition.process([value], keys=None, offsets=[0], arrived_ms=None)
                for key, change in partition.take_changes():
                    await producer.send_and_wait(changelog, change, key, partition=number)
            for topic, key, record in partition.take_outputs():
                if topic == "transitions":
                    await producer.send_and_wait(transitions, record, key, partition=number)
    finally:
        await producer.stop()


def home(value: bytes) -> int:
    """The partition of an event; the visitor's is that of the user, as an `input.key` would make it."""
    return partition_for((orjson.loads(value).get("userId") or "u-1").encode(), PARTITIONS)


@pytest.mark.parametrize("broker", ["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def test_from_the_changelog_what_the_files_say(
    request: pytest.FixtureRequest,
    broker: str,
    topic_name: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    file: str,
) -> None:
    address = request.getfixturevalue(broker)
    group, prefix = topic_name("group"), topic_name("prefix")
    asyncio.run(store(address, group, prefix))
    monkeypatch.setenv("FOOTFALL_BROKER", address)
    monkeypatch.setenv("FOOTFALL_GROUP", group)
    monkeypatch.setenv("FOOTFALL_PREFIX", prefix)
    for person in ("u-1", "anonymous:a-1", "u-2", "u-gone"):
        from_files = orjson.loads(footfall(person, "--replay", file, "--json").stdout)
        from_broker = orjson.loads(footfall(person, "--json").stdout)
        for evidence in (from_files, from_broker):
            if evidence["explanation"]:
                del evidence["explanation"]["as_of"]  # each partition has its own watermark
        assert from_broker == from_files
    assert footfall("nobody").exit_code == 1


def test_no_worker_has_run(
    tansu: str, topic_name: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_BROKER", tansu)
    monkeypatch.setenv("FOOTFALL_GROUP", topic_name("group"))
    result = footfall("u-1")
    assert result.exit_code == 1
    assert "profiles-changelog" in result.stderr
