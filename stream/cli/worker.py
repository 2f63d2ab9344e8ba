"""`footfall worker`: the stream processor, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click
import msgspec

from stream.cli.configuration import config_option, load_settings
from stream.settings import Settings


@click.command("worker")
@config_option
@click.option("--broker", metavar="ADDR", help="Instead of the setting `broker`.")
@click.option("--group", metavar="NAME", help="Instead of the setting `group`.")
@click.option("--web-host", metavar="HOST", help="Instead of the setting `web.host`.")
@click.option(
    "--web-port",
    type=click.IntRange(0, 65_535),
    help="Instead of the setting `web.port`; 0 takes a free one.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Instead of the setting `log.level`.",
)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), help="Instead of the setting `log.format`."
)
def command(config: Path | None, **given: str | int | None) -> None:
    """The stream processor: reads events, publishes visits and transitions.

    Run several with one configuration to share the topic's partitions. On Ctrl-C or SIGTERM it commits
    what it has read, and exits with 0. Metrics are on http://127.0.0.1:6066/metrics.
    """
    from stream.logs import set_up
    from stream.worker import main

    settings = with_given(load_settings(config), given)
    set_up(settings.log)
    code = main(settings)
    # Whether it failed or not: the thread of Faust's consumer does not always end after a broker has been
    # away, and Python would wait for it for ever. What there was to commit is committed.
    logging.shutdown()
    os._exit(code)


def with_given(settings: Settings, given: dict[str, str | int | None]) -> Settings:
    """The settings, with those replaced that were given on the command line (`web_port` is `web.port`)."""
    for option, value in given.items():
        if value is None:
            continue
        section, _, key = option.partition("_")
        if key:
            changed = msgspec.structs.replace(getattr(settings, section), **{key: value})
            settings = msgspec.structs.replace(settings, **{section: changed})
        else:
            settings = msgspec.structs.replace(settings, **{section: value})
    return settings
