"""`footfall incidents`: what is open, and what to say of it."""

from __future__ import annotations

import asyncio
import getpass
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec

from stream.admin.connection import AdminError
from stream.admin.incidents import Known, known, matching, say
from stream.cli.configuration import config_option, load_settings
from stream.cli.record_lines import RecordLines, counted
from stream.core.definition import DAY
from stream.core.engagement.control import LONGEST_SNOOZE_MS, Action, Control
from stream.core.engagement.in_force import MOST_DECADES, RAISED_DECADES, RAISED_FOR_MS
from stream.core.records import Incident
from stream.settings import Settings, format_duration
from stream.settings.durations import parse_duration
from stream.topic_reader import ReadError

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
RECENT_MS = DAY
UNCONFIRMED = 3

Answer = TypeVar("Answer")


class Duration(click.ParamType):
    """As in the configuration, in ms: `2h`, `90m`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        ms = parse_duration(value)
        if ms is None or not 0 < ms <= LONGEST_SNOOZE_MS:
            longest = format_duration(LONGEST_SNOOZE_MS)
            raise click.BadParameter(
                f"{value!r} is no duration up to {longest}, such as 2h or 90m", ctx, param
            )
        return ms


@click.group("incidents", context_settings=_CONTEXT, invoke_without_command=True)
@config_option
@click.pass_context
def command(context: click.Context, config: Path | None) -> None:
    """What is open, and what to say of it: seen to, snoozed, or a false alarm.

    Without a command: list.
    """
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_command, config=None, every=False, as_json=False)


@command.command(
    "list", context_settings=_CONTEXT, short_help="What is open, and what ended in the last day."
)
@config_option
@click.option("--all", "every", is_flag=True, help="All that the topic still has, not of the last day only.")
@click.option("--json", "as_json", is_flag=True, help="The latest record of each, one JSON object a line.")
@click.pass_context
def list_command(context: click.Context, config: Path | None, every: bool, as_json: bool) -> None:
    """Show what is open, and what has been published of others in the last day.

    \b
        footfall incidents
        footfall incidents list --all --json
    """
    settings = _settings(context, config)
    found = _run(known(settings))
    since_ms = int(time.time() * 1000) - RECENT_MS
    shown = [one for one in found if every or _is_open(one.incident) or one.published_ms >= since_ms]
    if as_json:
        for one in shown:
            click.echo(msgspec.json.encode(one.incident))
        return
    lines = RecordLines(ZoneInfo(settings.definition.timezone))
    for title, wanted in (("Open", True), ("Ended", False)):
        group = [one.incident for one in shown if _is_open(one.incident) is wanted]
        if group:
            click.echo(f"{title}:")
        for incident in group:
            click.echo(lines.incident(incident))
    if not shown:
        older = f"; {counted(len(found), 'older one')}: --all" if found else ""
        click.echo(f"No open incidents, and none in the last day{older}.")


def _speaking(function: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options that all of ack, snooze and false take."""
    options = [
        click.argument("incident_id", metavar="ID"),
        config_option,
        click.option("--by", metavar="NAME", help="Who says so.  [default: your user name]"),
        click.option("--reason", metavar="TEXT", help="Why; it is shown with the incident."),
        click.option(
            "--wait",
            "wait_ms",
            type=Duration(),
            default="30s",
            metavar="DURATION",
            help="Wait so long for a worker to confirm it.  [default: 30s]",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command.command(
    "ack",
    context_settings=_CONTEXT,
    short_help="Say that you are looking at it: it pages nobody from then on.",
)
@click.pass_context
@_speaking
def ack_command(context: click.Context, incident_id: str, **options: Any) -> None:
    """Say that you are looking at it: it is noted, and the incident pages nobody from then on.

    ID is an incident's id, or a part of it that only one has.

    \b
        footfall incidents ack total@1767268800000
        footfall incidents ack 17672688 --by anna --reason "rolling back"
    """
    _say(context, incident_id, "ack", **options)


@command.command("snooze", context_settings=_CONTEXT, short_help="Hear nothing of its series for a while.")
@click.pass_context
@_speaking
@click.option(
    "--for", "for_ms", type=Duration(), required=True, metavar="DURATION", help="How long: 2h, 90m."
)
def snooze_command(context: click.Context, incident_id: str, for_ms: int, **options: Any) -> None:
    """Hear nothing of its series for a while: nothing opens or pages; that it is over is still said.

    The time is that of the events: it ends with the first window that begins so long after the last one.
    ID is an incident's id, or a part of it that only one has.

    \b
        footfall incidents snooze 17672688 --for 2h --reason "maintenance"
    """
    _say(context, incident_id, "snooze", for_ms=for_ms, **options)


@command.command(
    "false", context_settings=_CONTEXT, short_help="Say that it was a false alarm: the bar rises for a week."
)
@click.pass_context
@_speaking
def false_command(context: click.Context, incident_id: str, **options: Any) -> None:
    """Say that it was a false alarm: it ends, and its series must be less usual to open another for a week.

    ID is an incident's id, or a part of it that only one has.

    \b
        footfall incidents false "channel:web@1767268800000" --reason "a crawler"
    """
    _say(context, incident_id, "false", **options)


def _say(
    context: click.Context,
    incident_id: str,
    action: Action,
    *,
    config: Path | None,
    by: str | None,
    reason: str | None,
    wait_ms: int,
    for_ms: int | None = None,
) -> None:
    settings = _settings(context, config)
    incident = _the_one(_run(known(settings)), incident_id)
    control = Control(
        control_id=uuid.uuid4().hex[:16],
        incident_id=incident.incident_id,
        action=action,
        by=by or getpass.getuser(),
        at_ms=int(time.time() * 1000),
        for_ms=for_ms,
        reason=reason,
    )
    click.echo(f"{incident.incident_id}: {incident.sentence}")
    click.echo(_consequence(incident, control))
    sent = _run(
        say(settings, control, within_s=wait_ms / 1000, on_sent=lambda: click.echo("Sent.", err=True))
    )
    if sent is None:
        click.echo(
            f"No worker has confirmed it within {format_duration(wait_ms)}. It is not lost: a worker takes "
            "it up as soon as one runs. Do not send it again.",
            err=True,
        )
        context.exit(UNCONFIRMED)
    click.echo(f"Confirmed: {(sent.note or '').rpartition('; ')[2]}.")


def _consequence(incident: Incident, control: Control) -> str:
    """What will come of it, in a sentence."""
    if control.action == "ack":
        if _is_open(incident):
            return f"That {control.by} has seen it is noted, and it pages nobody."
        return f"It is over already; that {control.by} has seen it is noted."
    if control.action == "snooze":
        return (
            f"Nothing of {incident.series} opens or pages for {format_duration(control.for_ms or 0)}; "
            "that it is over is still said."
        )
    ends = (
        "It ends as a false alarm" if _is_open(incident) else "It is over already, and noted as a false alarm"
    )
    return (
        f"{ends}; for {format_duration(RAISED_FOR_MS)} a value of {incident.series} must be "
        f"{10**RAISED_DECADES:,.0f} times less usual to open an incident (several false alarms multiply, up "
        f"to {10**MOST_DECADES:,.0f} times)."
    )


def _the_one(found: list[Known], text: str) -> Incident:
    matches = matching(found, text)
    if len(matches) == 1:
        return matches[0].incident
    ids = ", ".join(one.incident.incident_id for one in matches)
    if matches:
        raise click.ClickException(f"{text!r} is in several ids: {ids}")
    open_ = ", ".join(one.incident.incident_id for one in found if _is_open(one.incident))
    raise click.ClickException(
        f"no incident {text!r}; {f'open are {open_}' if open_ else 'none is open'}; "
        "footfall incidents list --all shows all"
    )


def _is_open(incident: Incident) -> bool:
    return incident.status != "resolved"


def _settings(context: click.Context, config: Path | None) -> Settings:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return load_settings(config or context.obj)


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        return asyncio.run(work)
    except (AdminError, ReadError) as error:
        raise click.ClickException(str(error)) from error
