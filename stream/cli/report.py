"""`footfall report`: the daily report, on the terminal or as a page."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import date
from pathlib import Path

import click
import msgspec

from stream.cli.configuration import config_option, load_settings
from stream.report.days import Report, ReportError, choose, read_file, read_topic
from stream.report.page import page
from stream.topic_reader import ReadError


class Day(click.ParamType):
    """A date, `2026-03-01`."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"got {value!r}; takes a date such as 2026-03-01", param, ctx)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--day", type=Day(), metavar="DAY", help="The report of this local date.  [default: the latest]"
)
@config_option
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Read a replay's daily.jsonl instead of the topic.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE",
    help="Write a page with plots of the last 30 days; it needs no other file.",
)
@click.option("--json", "as_json", is_flag=True, help="The record, one JSON object.")
def command(
    day: date | None, config: Path | None, file: Path | None, html: Path | None, as_json: bool
) -> None:
    """Show the daily report: who was active, where they came from, and where the product is heading.

    It is read from the topic `daily`, whose name and broker the configuration says, or from a file of a
    replay.

    \b
        footfall report
        footfall report --day 2026-03-01 --html report.html
        footfall report --from out/daily.jsonl
    """
    if html is not None and as_json:
        raise click.UsageError("--html and --json exclude each other")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        reports = read_file(file) if file else asyncio.run(read_topic(load_settings(config)))
        report = choose(reports, day)
    except (ReadError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    if html is not None:
        _write(html, page(report))
    elif as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report.daily)))
    else:
        _print(report)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror or error}") from None
    click.echo(f"written to {path}", err=True)


def _print(report: Report) -> None:
    # Only here: rich takes longer to load than all the rest.
    from rich.console import Console

    from stream.report.terminal import PIPED_WIDTH, print_report

    print_report(report, Console(width=None if sys.stdout.isatty() else PIPED_WIDTH))
