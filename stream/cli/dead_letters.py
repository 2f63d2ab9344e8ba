"""`footfall dead-letters`: what could not be read, and sending it back after a fix."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import click

from stream.admin.connection import AdminError
from stream.admin.dead_letters import Choice, Fate, OnProgress, Survey, replay, survey
from stream.cli.asking import ask
from stream.cli.configuration import config_option, load_settings
from stream.cli.moment import MOMENT
from stream.cli.record_lines import RecordLines, counted
from stream.core.records import DeadReason
from stream.core.times import format_ms
from stream.settings import Settings

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_COLUMNS: dict[str, tuple[Fate, ...]] = {
    "readable now": ("sound",),
    "now late": ("late",),
    "still dead": ("dead",),
    "sent before": ("sent before",),
    "not to be sent": ("tombstone", "gone", "unreadable"),
}


@click.group("dead-letters", context_settings=_CONTEXT)
def command() -> None:
    """What could not be read: look at it, and send it back after a fix."""


def _choosing(function: Callable[..., None]) -> Callable[..., None]:
    """The options that choose dead letters."""
    options = [
        config_option,
        click.option(
            "--reason",
            "reasons",
            multiple=True,
            type=click.Choice(get_args(DeadReason)),
            metavar="REASON",
            help=f"Only these; may be given several times: {', '.join(get_args(DeadReason))}.",
        ),
        click.option(
            "--since", type=MOMENT, metavar="WHEN", help="Only those written since then: a time, or 2h ago."
        ),
        click.option("--until", type=MOMENT, metavar="WHEN", help="Only those written before then."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command.command("show", context_settings=_CONTEXT)
@_choosing
@click.option(
    "--examples", type=click.IntRange(0, 2), default=2, help="So many of each reason.  [default: 2]"
)
def show_command(
    config: Path | None, reasons: tuple[str, ...], since: int | None, until: int | None, examples: int
) -> None:
    """Count all dead letters by reason, say what would become of them now, and show examples.

    \b
        footfall dead-letters show
        footfall dead-letters show --since 24h --reason bad_time
    """
    settings = _settings(config)
    choice = Choice(frozenset(reasons), since, until, settled=True)
    with _progress("read") as on_progress:
        found = _run(survey(settings, choice, on_progress=on_progress))
    _show(found, settings, examples)
    if not found.fates:
        click.echo("No dead letters.")


@command.command("replay", context_settings=_CONTEXT)
@_choosing
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Send N at most.")
@click.option("--all", "dead", is_flag=True, help="Send also those that would be dead letters again.")
@click.option("--to", metavar="TOPIC", help="Send to this topic, instead of where each came from.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--yes", is_flag=True, help="Send without asking.")
def replay_command(
    config: Path | None,
    reasons: tuple[str, ...],
    since: int | None,
    until: int | None,
    limit: int | None,
    dead: bool,
    to: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Send dead letters back to the topic they came from: the original bytes, with the original key.

    Fix what was wrong first: the configuration (such as `max_future`), or a newer Footfall. Then those that
    the present configuration can read are sent, each once, however often this is run: what was sent is noted
    in the same transaction. The others stay where they are, and a later run finds them again.

    \b
        footfall dead-letters replay --dry-run
        footfall dead-letters replay
        footfall dead-letters replay --reason future --since 24h --yes
        footfall dead-letters replay --all --to app-events-repair
    """
    settings = _settings(config)
    choice = Choice(frozenset(reasons), since, until, limit, dead, to)
    with _progress("read") as on_progress:
        found = _run(survey(settings, choice, on_progress=on_progress))
    _show(found, settings, 1)
    number = found.to_send(choice)
    where = to or settings.input.topic
    if dry_run or not number:
        click.echo(_nothing(found) if not number else f"Would send {counted(number, 'record')} to {where}.")
        return
    if dead and found.count("dead"):
        click.echo(
            f"{found.count('dead'):,} of them would be dead letters again. A worker stops where more than "
            f"dead_letters.max_ratio = {settings.dead_letters.max_ratio:g} of a partition's last 1,000 are."
        )
    ask(f"Send {counted(number, 'record')} to {where}?", yes=yes)
    with _progress("sent") as on_progress:
        done = _run(replay(settings, choice, on_progress=on_progress))
    for topic, count in sorted(done.sent.items()):
        click.echo(f"Sent {counted(count, 'record')} to {topic}.")
    if not done.sent:
        click.echo("Nothing sent: another run has been faster.")
    elif not done.transactions:
        click.echo("This broker has no transactions: a run that is killed on the way may repeat some.")


def _settings(config: Path | None) -> Settings:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return load_settings(config)


def _run(work: Any) -> Survey:
    try:
        found: Survey = asyncio.run(work)
    except AdminError as error:
        raise click.ClickException(str(error)) from error
    return found


def _nothing(found: Survey) -> str:
    left = found.count("dead")
    if left:
        again = f"{counted(left, 'dead letter')} would be dead again"
        return f"Nothing to send: {again}. --all sends them all the same."
    return "Nothing to send."


def _show(found: Survey, settings: Settings, examples: int) -> None:
    reasons = sorted({reason for (reason, fate) in found.fates if fate != "not chosen"})
    if reasons:
        _show_counts(found, reasons)
    notes = {
        "tombstone": "without a value: not an event, and not to be sent",
        "gone": "too large to be carried whole, and no longer where the original stood",
        "not chosen": "left out by --reason, --since and --until",
    }
    for fate, note in notes.items():
        if count := found.count(fate):  # type: ignore[arg-type]
            click.echo(f"{count:,} {note}.")
    if not found.knows_late and found.count("sound"):
        click.echo("Whether they would be late is not known here.")
    lines = RecordLines(ZoneInfo(settings.definition.timezone))
    for letters in found.examples.values():
        for letter in letters[:examples]:
            click.echo("  " + lines.dead_letter(letter))


def _show_counts(found: Survey, reasons: list[str]) -> None:
    columns = {
        name: fates
        for name, fates in _COLUMNS.items()
        if any(found.fates[r, f] for r in reasons for f in fates)
    }
    click.echo(f"{'reason':<14} {'letters':>9}" + "".join(f"  {name:>14}" for name in columns))
    for reason in reasons:
        counts = [sum(found.fates[reason, fate] for fate in fates) for fates in columns.values()]
        click.echo(f"{reason or 'no letter':<14} {sum(counts):>9,}" + "".join(f"  {n:>14,}" for n in counts))
    if found.first_ms is not None and found.last_ms is not None:
        click.echo(f"Written from {format_ms(found.first_ms)} to {format_ms(found.last_ms)}.")


@contextmanager
def _progress(done: str) -> Iterator[OnProgress | None]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(done), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda read, total: bar.update(task, completed=read, total=total)
