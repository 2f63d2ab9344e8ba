"""`footfall incidents`: what is listed, what is said to the worker, and what where no worker answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from stream.admin import connect, create
from stream.agents.topics import control_topic
from stream.broker.port import free_port
from stream.cli import main
from stream.core.engagement.control import Control, decode_json
from stream.core.engagement.rows import TOTAL
from stream.core.records import Incident, encode
from stream.settings import Settings, load
from tests.broker.log import read, write
from tests.core.engagement.judging import Run, scaled, window

TopicName = Callable[[str], str]

LIMIT_S = 20.0


def incidents() -> tuple[Run, list[Incident]]:
    """A channel's that has ended, the product's that is open, and the windows to go on with."""
    run = Run()
    run.add(window(), window({"channel:app": 20.0}))
    run.add(window(), times=40)
    run.add(window(scaled(0.4)))
    assert [record.status for record in run.records] == ["opened", "resolved", "opened"]
    return run, run.records


@pytest.fixture
def config(tansu: str, tmp_path: Path, topic_name: TopicName) -> Path:
    path = tmp_path / "footfall.toml"
    path.write_text(
        f'broker = "{tansu}"\nprefix = "{topic_name("prefix")}"\ngroup = "{topic_name("group")}"\n'
        f'input = {{ topic = "{topic_name("events")}" }}\ntopics = {{ partitions = 2 }}\n'
    )
    asyncio.run(fill(load(path, {}), incidents()[1]))
    return path


async def fill(settings: Settings, records: list[Incident]) -> None:
    async with connect(settings.connection) as admin:
        assert all(outcome.ok for outcome in await create(admin, settings))
    await publish(settings, records)


async def publish(settings: Settings, records: list[Incident]) -> None:
    values = [(record.series.encode(), encode(record)) for record in records]
    await write(settings.broker, settings.output_topic("incidents"), values)


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["incidents", *arguments, "--config", str(config)])


async def with_worker(config: Path, *arguments: str) -> tuple[Result, Control]:
    """The command, while something stands in for the worker: takes up the control, publishes its record."""
    settings = load(config, {})
    command = asyncio.create_task(asyncio.to_thread(run, config, *arguments))
    said: list[Control] = []
    async with asyncio.timeout(LIMIT_S):
        while not said and not command.done():
            said = [
                decode_json(record.value or b"")
                for record in await read(settings.broker, control_topic(settings))
            ]
        assert said, (await command).output
        await publish(settings, incidents()[0].incidents.control(said[0]))
        return await command, said[0]


def test_what_is_open_comes_first_and_then_what_has_ended(config: Path) -> None:
    result = run(config)
    opened, ended = incidents()[1][-1], incidents()[1][1]
    lines = [click.unstyle(line) for line in result.output.splitlines()]
    assert result.exit_code == 0
    assert [lines[0], lines[2]] == ["Open:", "Ended:"]
    assert lines[1].startswith(
        "2026-03-01 00:43:00  opened    page    Engagement volume dropped to 160 a minute"
    )
    assert lines[1].endswith(f"[{opened.incident_id}]")
    assert lines[3].endswith(f"[{ended.incident_id}]")


def test_as_json_it_is_the_latest_record_of_each(config: Path) -> None:
    result = run(config, "list", "--json")
    found = [msgspec.json.decode(line, type=Incident) for line in result.output.splitlines()]
    assert found == incidents()[1][1:]


def test_no_incidents(config: Path, topic_name: TopicName) -> None:
    other = config.with_name("other.toml")
    prefix = load(config, {}).prefix
    other.write_text(config.read_text().replace(prefix, topic_name("empty")))
    asyncio.run(fill(load(other, {}), []))
    result = run(other, "list")
    assert (result.exit_code, result.output) == (0, "No open incidents, and none in the last day.\n")


def test_ack_waits_for_the_record_that_confirms_it(config: Path) -> None:
    result, said = asyncio.run(with_worker(config, "ack", "total", "--by", "anna", "--reason", "on it"))
    assert result.exit_code == 0, result.output
    assert (said.action, said.by, said.reason) == ("ack", "anna", "on it")
    assert said.incident_id == incidents()[1][-1].incident_id
    assert "That anna has seen it is noted, and it pages nobody." in result.output
    assert "Confirmed: acknowledged by anna at " in result.output


def test_snooze_says_for_how_long(config: Path) -> None:
    result, said = asyncio.run(with_worker(config, "snooze", "total", "--for", "2h", "--by", "anna"))
    assert result.exit_code == 0, result.output
    assert said.for_ms == 7_200_000
    assert "Nothing of total opens or pages for 2h; that it is over is still said." in result.output
    assert "until 2026-03-01 02:43 UTC" in result.output


def test_false_says_by_how_much_the_bar_rises(config: Path) -> None:
    result, said = asyncio.run(with_worker(config, "false", "total", "--by", "anna"))
    assert result.exit_code == 0, result.output
    assert said.action == "false"
    assert (
        "It ends as a false alarm; for 7d a value of total must be 100 times less usual to open"
        in result.output
    )
    assert "Confirmed: false alarm, says anna at " in result.output
    assert run(config, "list").output.startswith("Ended:")


def test_of_an_incident_that_has_ended_it_is_noted(config: Path) -> None:
    result, _ = asyncio.run(with_worker(config, "false", "channel:app", "--by", "anna"))
    assert result.exit_code == 0, result.output
    assert "It is over already, and noted as a false alarm" in result.output


def test_without_a_worker_it_says_that_nobody_has_confirmed(config: Path) -> None:
    result = run(config, "ack", "total", "--wait", "1s")
    assert result.exit_code == 3
    assert "No worker has confirmed it within 1s. It is not lost" in result.output
    settings = load(config, {})
    assert len(asyncio.run(read(settings.broker, control_topic(settings)))) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("total@9", "no incident 'total@9'; open are total@"),
        ("@", "'@' is in several ids: channel:app@"),
    ],
)
def test_an_id_that_is_none_is_refused_and_nothing_is_sent(config: Path, name: str, message: str) -> None:
    result = run(config, "ack", name)
    assert result.exit_code == 1
    assert message in result.output
    settings = load(config, {})
    assert asyncio.run(read(settings.broker, control_topic(settings))) == []


@pytest.mark.parametrize("duration", ["soon", "0", "32d"])
def test_a_snooze_that_is_no_duration_is_refused(config: Path, duration: str) -> None:
    result = run(config, "snooze", TOTAL, "--for", duration)
    assert result.exit_code == 2
    assert f"'{duration}' is no duration up to 31d, such as 2h or 90m" in result.output


def test_no_broker(tmp_path: Path) -> None:
    config = tmp_path / "footfall.toml"
    config.write_text(f'broker = "127.0.0.1:{free_port()}"\n')
    result = run(config, "list")
    assert result.exit_code == 1
    assert result.output.startswith("Error: no Kafka broker answers at 127.0.0.1:")
