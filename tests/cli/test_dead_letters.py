"""`footfall dead-letters`: what it prints, when it asks, and when it exits with an error."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from stream.admin import connect, create
from stream.broker.port import free_port
from stream.cli import main
from stream.core.partition import Partition
from stream.settings import Settings, load
from tests.broker.log import read, write

TopicName = Callable[[str], str]

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


def event(number: int) -> bytes:
    return orjson.dumps(
        {
            "messageId": f"m{number}",
            "type": "page",
            "userId": f"u{number}",
            "timestamp": NOON + number,
            "context": {"tenant": "acme"},
        }
    )


@pytest.fixture
def config(tansu: str, tmp_path: Path, topic_name: TopicName) -> Path:
    """A configuration whose topics hold 12 dead letters: 10 under a tenant's key, one cut, one tombstone."""
    path = tmp_path / "footfall.toml"
    path.write_text(
        f'broker = "{tansu}"\nprefix = "{topic_name("prefix")}"\ngroup = "{topic_name("group")}"\n'
        f'input = {{ topic = "{topic_name("events")}" }}\ntopics = {{ partitions = 1 }}\n'
    )
    asyncio.run(fill(load(path, {})))
    return path


async def fill(settings: Settings) -> None:
    async with connect(settings.connection) as admin:
        assert all(outcome.ok for outcome in await create(admin, settings))
    partition = Partition(settings.definition, topic=settings.input.topic)
    values = [*(event(n) for n in range(10)), event(10)[:-1], None]
    partition.process(values, keys=[b"acme"] * 12, offsets=range(12), arrived_ms=[NOON] * 12)
    letters = [(output.key, output.value) for output in partition.take_outputs()]
    await write(settings.broker, settings.output_topic("dead-letters"), letters)


def by_tenant(config: Path) -> Path:
    text = config.read_text()
    fixed = config.with_name("fixed.toml")
    fixed.write_text(re.sub(r'(input = \{ topic = "[^"]+")', r'\1, key = "context.tenant"', text))
    return fixed


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["dead-letters", *arguments, "--config", str(config)])


def test_show_counts_by_reason_and_has_examples(config: Path) -> None:
    result = run(config, "show")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].split() == ["reason", "letters", "still", "dead", "not", "to", "be", "sent"]
    assert [line.split() for line in lines[1:4]] == [
        ["not_json", "1", "1", "0"],
        ["tombstone", "1", "0", "1"],
        ["wrong_key", "10", "10", "0"],
    ]
    assert lines[4].startswith("Written from 20")
    assert lines[5] == "1 without a value: not an event, and not to be sent."
    assert sum(" wrong_key " in line for line in lines[6:]) == 2
    assert "expected the person, 'u0', got 'acme'" in result.output


def test_a_dry_run_says_what_would_be_sent(config: Path) -> None:
    result = run(by_tenant(config), "replay", "--dry-run")
    source = load(config, {}).input.topic
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == f"Would send 10 records to {source}."
    assert asyncio.run(read(load(config, {}).broker, source)) == []


def test_without_a_terminal_it_sends_only_with_yes(config: Path) -> None:
    fixed, settings = by_tenant(config), load(config, {})
    unasked, sent, again = run(fixed, "replay"), run(fixed, "replay", "--yes"), run(fixed, "replay", "--yes")
    assert (unasked.exit_code, sent.exit_code, again.exit_code) == (1, 0, 0)
    assert "there is no terminal to ask on. Give --yes to do it" in unasked.output
    assert f"Sent 10 records to {settings.input.topic}." in sent.output
    assert "no transactions: a run that is killed on the way may repeat some" in sent.output
    assert again.output.splitlines()[-1].startswith("Nothing to send: 1 dead letter would be dead again.")
    assert len(asyncio.run(read(settings.broker, settings.input.topic))) == 10


def test_nothing_to_send_says_what_there_is(config: Path) -> None:
    result = run(config, "replay", "--yes")
    assert result.exit_code == 0
    last = result.output.splitlines()[-1]
    assert last == "Nothing to send: 11 dead letters would be dead again. --all sends them all the same."


def test_all_warns_of_the_guard(config: Path) -> None:
    result = run(config, "replay", "--all", "--yes")
    assert result.exit_code == 0
    assert "11 of them would be dead letters again. A worker stops where more than" in result.output
    assert "Sent 11 records" in result.output


def test_a_time_that_is_none_is_refused_with_what_it_takes(config: Path) -> None:
    result = run(config, "show", "--since", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is neither a time with an offset, such as 2026-01-31T08:00:00Z" in result.output


def test_what_was_written_since_can_be_chosen(config: Path) -> None:
    assert "10" in run(config, "show", "--since", "1h", "--reason", "wrong_key").output
    nothing = run(config, "show", "--until", "1h")
    assert nothing.output == "12 left out by --reason, --since and --until.\n"


def test_no_broker(tmp_path: Path) -> None:
    config = tmp_path / "footfall.toml"
    config.write_text(f'broker = "127.0.0.1:{free_port()}"\n')
    result = run(config, "show")
    assert result.exit_code == 1
    assert result.output.startswith("Error: no Kafka broker answers at 127.0.0.1:")
    assert len(result.output.splitlines()) == 1
