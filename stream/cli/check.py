"""`footfall check`: everything that has to be right before a worker runs, and what to do where it is not."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import click
import msgspec

from stream import access
from stream.admin import Check, checks, needed
from stream.cli.configuration import config_option, load_settings
from stream.settings import Settings, SettingsError, load

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
LABELS = {"ok": "ok", "warn": "warn", "fail": "FAIL"}


@click.command("check")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option("--acls", is_flag=True, help="Print what grants all rights, without asking a broker.")
def command(config: Path | None, as_json: bool, acls: bool) -> None:
    """Check configuration, broker, topics and permissions, before anything runs.

    Exits with 0 where a worker can run, warnings or not, and with 1 where something fails. To see
    whether it may write, it begins a transaction over the topics and aborts it; no record is written.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    if acls:
        _show_acls(load_settings(config))
        return
    try:
        settings = load(config, os.environ)
    except SettingsError as error:
        done = [
            Check("configuration", "fail", f"{problem.key}: got {problem.got}", f"it takes {problem.takes}")
            for problem in error.problems
        ]
        if not as_json:
            for check in done:
                _show(check)
    else:
        done = asyncio.run(_run(settings, quiet=as_json))
    failed = any(check.status == "fail" for check in done)
    if as_json:
        report = {"ok": not failed, "checks": done}
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    if failed:
        raise SystemExit(1)


def _show_acls(settings: Settings) -> None:
    principal = access.principal_of(settings.security)
    for name, rights in needed(settings).items():
        click.echo(f"# {'footfall ' + name}")
        for right in rights:
            click.echo(access.grant(right, settings, principal))


async def _run(settings: Settings, *, quiet: bool) -> list[Check]:
    done = []
    async for check in checks(settings):
        done.append(check)
        if not quiet:
            _show(check)
    return done


def _show(check: Check) -> None:
    label = click.style(f"{LABELS[check.status]:4}", fg=COLOURS[check.status])
    click.echo(f"{label}  {check.name}: {check.found}")
    if check.advice:
        click.echo(f"      -> {check.advice}")
