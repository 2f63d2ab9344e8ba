"""`footfall tail`: transitions, visits … as they come, readable."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import aclosing
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from stream.cli.configuration import config_option, load_settings
from stream.cli.record_lines import RecordLines
from stream.settings import Settings
from stream.tail import tail
from stream.topic_reader import ReadError

INTERRUPTED = 130


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("topics", nargs=-1, required=True, metavar="TOPIC...")
@config_option
@click.option("--from-beginning", is_flag=True, help="First what the topic holds already.")
@click.option("--person", metavar="ID", help="This person's records only.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after N records.")
@click.option("--json", "as_json", is_flag=True, help="The records as they are, one JSON object a line.")
def command(
    topics: tuple[str, ...],
    config: Path | None,
    from_beginning: bool,
    person: str | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Show records as they come, one line each, until Ctrl-C.

    TOPIC is one of visits, transitions, engagement, incidents, daily, dead-letters and late, or any topic's
    whole name. Only what is committed is shown. Times are in the configured time zone.

    \b
        footfall tail transitions
        footfall tail transitions visits --person usr_42 --from-beginning
        footfall tail dead-letters --from-beginning --count 20
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    settings = load_settings(config)
    try:
        asyncio.run(
            _show(
                settings, topics, person=person, from_beginning=from_beginning, count=count, as_json=as_json
            )
        )
    except ReadError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader (`head`) has had enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _show(
    settings: Settings,
    topics: tuple[str, ...],
    *,
    person: str | None,
    from_beginning: bool,
    count: int | None,
    as_json: bool,
) -> None:
    lines = RecordLines(ZoneInfo(settings.definition.timezone))
    width = max(len(name) for name in topics)
    shown = 0
    async with aclosing(tail(settings, topics, person=person, from_beginning=from_beginning)) as published:
        async for name, value in published:
            if as_json:
                click.echo(value)
            else:
                label = f"{name:<{width}}  " if len(topics) > 1 else ""
                click.echo(label + lines.line(name, value))
            shown += 1
            if shown == count:
                return
