"""The unit for systemd: its command, its folder and its times are the worker's."""

from __future__ import annotations

import shlex

import click

from stream.cli import main
from stream.engine.run import STOP_WITHIN_S
from stream.settings import load
from tests.deploy import dockerfile
from tests.deploy.dockerfile import ROOT

UNIT = ROOT / "deploy/systemd/footfall@.service"


def entries() -> dict[str, str]:
    """Every entry of the unit, whatever its section."""
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_the_command_is_one_that_is_understood() -> None:
    program, name, *arguments = shlex.split(entries()["ExecStart"].replace("%i", "6067"))
    assert program == "/opt/footfall/bin/footfall"
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.make_context(name, arguments).params["web_port"] == 6067


def test_the_state_is_where_systemd_makes_a_folder() -> None:
    settings = load(None, dict(word.split("=") for word in entries()["Environment"].split()))
    assert str(settings.data_dir) == f"/var/lib/{entries()['StateDirectory']}"


def test_it_looks_for_its_configuration_where_the_image_does() -> None:
    assert entries()["WorkingDirectory"] == dockerfile.read()[-1].last("WORKDIR").text


def test_it_has_the_time_to_stop_and_is_started_again() -> None:
    assert int(entries()["TimeoutStopSec"]) > STOP_WITHIN_S
    assert entries()["Restart"] == "on-failure"
    assert entries()["StartLimitIntervalSec"] == "0"
