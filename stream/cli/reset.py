"""`footfall reset`: forget all state, and begin anew."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import click

from stream.admin.connection import AdminError
from stream.admin.reset import Plan, Start, plan, reset
from stream.admin.topics import count
from stream.cli.asking import ask
from stream.cli.configuration import config_option, load_settings
from stream.cli.moment import MOMENT
from stream.cli.record_lines import counted
from stream.core.times import format_ms
from stream.settings import Settings


class _From(click.ParamType):
    name = "from"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Start:
        if value == "beginning" or value == "end":
            start: Start = value
            return start
        return MOMENT.convert(value, param, ctx)


@click.command("reset", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@config_option
@click.option(
    "--from",
    "start",
    type=_From(),
    default="beginning",
    metavar="WHERE",
    help="Where workers then begin to read: beginning, end, or with the first record that arrived since a "
    "time (2026-01-31T08:00:00Z, or 7d ago).  [default: beginning]",
)
@click.option("--outputs", is_flag=True, help="Also delete what was published: visits, transitions ...")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def command(config: Path | None, start: Start, outputs: bool, dry_run: bool, yes: bool) -> None:
    """Forget all state, and begin anew: needed after a change that old state does not fit.

    Such as another number of partitions, or another person key. Stop all workers of the group first. It
    deletes the group's offsets, its changelogs and the local stores of this machine, and makes the topics
    anew. The events are not touched. Where it was interrupted, run it again.

    \b
        footfall reset --dry-run
        footfall reset
        footfall reset --from 30d --outputs --yes
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    settings = load_settings(config)
    try:
        planned = asyncio.run(plan(settings, start=start, outputs=outputs))
        _show(planned, settings, start)
        if dry_run:
            click.echo("Nothing was done: this was a dry run.")
            return
        ask("Delete it?", yes=yes)
        outcomes = asyncio.run(reset(settings, start=start, outputs=outputs))
    except AdminError as error:
        raise click.ClickException(str(error)) from error
    for outcome in outcomes:
        for difference in outcome.differences:
            click.echo(f"{outcome.topic.name} {difference.what}\n  -> {difference.advice}")
    if not all(outcome.ok for outcome in outcomes):
        raise click.ClickException(
            "the state is gone, but not all topics are as they must be: see above. `footfall reset "
            "--outputs` makes the outputs anew, too, without what was published"
        )
    click.echo("Done. Workers that start now begin anew: footfall worker")


def _show(planned: Plan, settings: Settings, start: Start) -> None:
    click.echo("To be deleted:")
    nothing = True
    for topic in planned.topics:
        size = "" if topic.size is None else f", {_bytes(topic.size)}"
        about = f"{count(topic.partitions)}, about {counted(topic.records, 'record')}{size}"
        click.echo(f"  topic {topic.name} ({about}), and made anew")
        nothing = False
    for group, partitions in planned.offsets.items():
        click.echo(f"  offsets of group {group} ({count(partitions)})")
        nothing = False
    if planned.folder is not None:
        click.echo(f"  local stores in {planned.folder} ({_bytes(planned.folder_size)})")
        nothing = False
    if nothing:
        click.echo("  nothing: there is no state")
    where = {"beginning": "its beginning", "end": "its end"}.get(
        str(start), f"what arrived since {format_ms(start)}" if isinstance(start, int) else ""
    )
    click.echo(
        f"Then workers know nobody, and read {settings.input.topic} from {where}: "
        f"about {counted(planned.to_read, 'record')}."
    )
    if planned.kept:
        click.echo(
            f"What was published stays in {', '.join(planned.kept)}, and is published again as it is worked "
            "out anew: under the same ids where the same events are read. Where reading begins elsewhere, a "
            "transition's id (person#1 ...) may come again with another meaning. --outputs deletes all of it."
        )
    click.echo("Local stores on other machines are thrown away by their workers when they start.")


def _bytes(size: int) -> str:
    """`1.2 GB`."""
    amount, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.0f} bytes" if units[0] == "bytes" else f"{amount:.1f} {units[0]}"
