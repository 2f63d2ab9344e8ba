"""`footfall check`: lines for people, JSON for programs, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from stream.broker.port import free_port
from stream.cli import main
from tests.cli.test_topics import Configure, configure

__all__ = ["configure"]


def run(command: str, config: Path, *options: str) -> Result:
    return CliRunner().invoke(main, [*command.split(), "--config", str(config), *options])


def test_warnings_alone_exit_with_0(tansu: str, configure: Configure) -> None:
    config = configure(tansu)
    assert run("topics create", config).exit_code == 0

    result = run("check", config)

    assert result.exit_code == 0
    assert "ok    broker: " in result.output
    assert "warn  events: " in result.output
    assert "\n      -> send some: footfall simulate\n" in result.output


def test_a_failure_exits_with_1(tansu: str, configure: Configure) -> None:
    result = run("check", configure(tansu))
    assert result.exit_code == 1
    assert "FAIL  topics: missing" in result.output


def test_json(tansu: str, configure: Configure) -> None:
    result = run("check", configure(tansu), "--json")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert report["ok"] is False
    statuses = {check["name"]: check["status"] for check in report["checks"]}
    assert statuses["broker"] == "ok"
    assert statuses["topics"] == "fail"


def test_every_problem_of_the_configuration_is_a_failure(tmp_path: Path) -> None:
    config = tmp_path / "footfall.toml"
    config.write_text('group = ""\n[visit]\ngap = "soon"\n')
    result = run("check", config)
    assert result.exit_code == 1
    assert result.output.count("FAIL  configuration: ") == 2
    assert 'visit.gap: got "soon"' in result.output


def test_no_broker(configure: Configure) -> None:
    result = run("check", configure(f"127.0.0.1:{free_port()}"))
    assert result.exit_code == 1
    assert "FAIL  broker: no Kafka broker answers at " in result.output
