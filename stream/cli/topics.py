"""`footfall topics create`: every topic that Footfall needs, as it should be."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click
from aiokafka.errors import KafkaError

from stream.admin import AdminError, Outcome, connect, count, create
from stream.cli.configuration import config_option, load_settings
from stream.settings import Settings, format_duration

COLOURS = {"created": "green", "would create": "cyan", "differs": "yellow", "failed": "red"}


@click.group("topics")
def command() -> None:
    """The topics that Footfall reads and writes."""


@command.command("create")
@config_option
@click.option(
    "--input-partitions",
    type=click.IntRange(1, 10_000),
    help="Partitions of the input topic if it must be created; default topics.partitions.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def create_command(config: Path | None, input_partitions: int | None, dry_run: bool) -> None:
    """Create the topics that are missing: the input, all outputs, the worker's changelog.

    All get the input topic's number of partitions. Nothing that exists is changed: where a topic
    differs from what Footfall needs, it says how and what to do. Exits with 1 if a worker could not
    run on the topics as they are.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    settings = load_settings(config)
    try:
        outcomes = asyncio.run(_create(settings, input_partitions, dry_run))
    except AdminError as error:
        raise click.ClickException(str(error)) from error
    except (KafkaError, TimeoutError) as error:
        raise click.ClickException(f"{settings.broker} stopped answering: {error!r}") from error
    for outcome in outcomes:
        _show(outcome)
    if any(outcome.action in ("created", "would create") for outcome in outcomes):
        kept = format_duration(settings.topics.retention_ms)
        click.echo(
            f"Outputs keep records for {kept} by the time they were written; changelogs are compacted."
        )
    if not all(outcome.ok for outcome in outcomes):
        raise SystemExit(1)


async def _create(settings: Settings, input_partitions: int | None, dry_run: bool) -> list[Outcome]:
    async with connect(settings.connection) as admin:
        return await create(admin, settings, input_partitions=input_partitions, dry_run=dry_run)


def _show(outcome: Outcome) -> None:
    topic = outcome.topic
    action = click.style(f"{outcome.action:13}", fg=COLOURS.get(outcome.action))
    made = outcome.action in ("created", "would create")
    about = [f"{count(topic.partitions)}", *(f"{name}={value}" for name, value in topic.configs.items())]
    click.echo(f"{action}  {topic.name}" + (f"  ({', '.join(about)})" if made else ""))
    for difference in outcome.differences:
        click.echo(f"{'':15}{difference.what}")
        click.echo(f"{'':15}-> {difference.advice}")
