"""`footfall topics create`: what it prints, and when it exits with an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream.broker.port import free_port
from stream.cli import main
from tests.broker.log import create_topic

TopicName = Callable[[str], str]
Configure = Callable[[str], Path]


@pytest.fixture
def configure(tmp_path: Path, topic_name: TopicName) -> Configure:
    """A configuration for a broker, with topics that no other test has."""

    def write(address: str) -> Path:
        path = tmp_path / "footfall.toml"
        path.write_text(
            f'broker = "{address}"\nprefix = "{topic_name("prefix")}"\ngroup = "{topic_name("group")}"\n'
            f'input = {{ topic = "{topic_name("events")}" }}\ntopics = {{ partitions = 2 }}\n'
        )
        return path

    return write


def run(config: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["topics", "create", "--config", str(config), *options])


def test_dry_run_then_created_then_there_already(tansu: str, configure: Configure) -> None:
    config = configure(tansu)

    planned, created, again = run(config, "--dry-run"), run(config), run(config)

    assert [planned.exit_code, created.exit_code, again.exit_code] == [0, 0, 0]
    lines = [result.output.splitlines() for result in (planned, created, again)]
    assert [len(each) for each in lines] == [16, 16, 15]
    assert all(line.startswith("would create ") for line in lines[0][:15])
    assert all(line.startswith("created ") for line in lines[1][:15])
    assert all(line.startswith("there already ") for line in lines[2])
    assert (
        lines[1][15] == "Outputs keep records for 7d by the time they were written; changelogs are compacted."
    )
    assert "(2 partitions, cleanup.policy=compact" in lines[1][8]


def test_a_difference_that_breaks_exits_with_1_and_says_what_to_do(tansu: str, configure: Configure) -> None:
    config = configure(tansu)
    topic = config.read_text().split('topic = "')[1].split('"')[0]
    asyncio.run(create_topic(tansu, topic, partitions=3))

    result = run(config, "--input-partitions", "6")

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"differs        {topic}",
        "               has 3 partitions, and must have 6",
        "               -> leave --input-partitions out to go with 3",
    ]


def test_no_broker(configure: Configure) -> None:
    result = run(configure(f"127.0.0.1:{free_port()}"))
    assert result.exit_code == 1
    assert result.output.startswith("Error: no Kafka broker answers at 127.0.0.1:")
    assert len(result.output.splitlines()) == 1
