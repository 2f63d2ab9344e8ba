"""`footfall explain`: a person's state and the evidence for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from stream.cli.configuration import config_option, load_settings
from stream.cli.record_lines import RecordLines, counted
from stream.cli.replay import format_options, read_format, read_until
from stream.core.records import Explanation
from stream.explain import Evidence, TransitionsOf, explain
from stream.replay import Input, Published, SourceError, drive
from stream.settings import Settings
from stream.topic_reader import ReadError

NOT_FOUND = 1
LABEL_WIDTH = 14


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("person")
@config_option
@click.option(
    "--replay",
    "files",
    multiple=True,
    metavar="FILE",
    help="Explain from this file instead of a worker's state; can be repeated.",
)
@click.option("--until", metavar="TIME", help="With --replay: as of then.  [default: last event]")
@format_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    person: str,
    config: Path | None,
    files: tuple[str, ...],
    until: str | None,
    sort: bool,
    as_json: bool,
    **format_given: object,
) -> None:
    """Show a person's state, and what it follows from.

    PERSON is a userId, or `anonymous:` and an anonymousId. The state is that of the worker's last commit,
    read from its changelog in Kafka; with --replay it is computed from files.

    \b
        footfall explain usr_42
        footfall explain usr_42 --replay events.jsonl.zst
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    settings = load_settings(config)
    zone = ZoneInfo(settings.definition.timezone)
    try:
        if files:
            source = Input(
                files=files,
                format=read_format(zone, **format_given),  # type: ignore[arg-type]
                topic=settings.input.topic,
                sort=sort,
            )
            evidence = _from_files(
                source, settings, person, None if until is None else read_until(until, zone)
            )
        else:
            evidence = asyncio.run(explain(settings, person))
    except (ReadError, SourceError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(evidence)))
    else:
        for line in _lines(evidence, RecordLines(zone)):
            click.echo(line)
    if not evidence.known:
        raise SystemExit(NOT_FOUND)


def _from_files(source: Input, settings: Settings, person: str, until_ms: int | None) -> Evidence:
    # Whom the id belongs to is known only at the end: an anonymous one may be joined to a user on the way.
    asked = TransitionsOf(person)
    kept: list[bytes] = []

    def publish(published: Published) -> None:
        transitions = published.get("transitions", [])
        asked.add(transitions)
        if person.startswith("anonymous:"):
            kept.extend(transitions)

    stream = drive(source, settings.definition, publish=publish, until_ms=until_ms, persons_only=True)
    explanation = stream.explain(person)
    if explanation is not None and explanation.person != person:
        asked = TransitionsOf(explanation.person)
        asked.add(kept)
    return Evidence(asked=person, explanation=explanation, transitions=asked.found())


def _lines(evidence: Evidence, records: RecordLines) -> Iterator[str]:
    found = evidence.explanation
    if found is None:
        gone = "erased or forgotten since" if evidence.transitions else "never seen, or forgotten"
        yield f"{evidence.asked}: no state is kept; {gone}"
    else:
        yield from _state(evidence.asked, found)
    if evidence.transitions:
        yield "transitions, the latest last:"
        for transition in evidence.transitions:
            yield f"  {records.transition(transition)}"


def _state(asked: str, found: Explanation) -> Iterator[str]:
    if found.person != asked:
        yield f"{asked} is joined to {found.person}"
    since = f" since {found.state_since}" if found.state_since else ""
    yield click.style(f"{found.person}: {found.state}{since}, tier {found.tier}", bold=True)
    registered = found.registered or "no: no event had a userId"
    yield _row("registered", registered + (" (imported)" if found.imported else ""))
    yield _row("last event", found.last_event)
    yield _row("visits", f"{found.visits:,}, of which {len(found.open_visits)} open")
    yield _row("engaged", f"{counted(found.engaged_visits, 'visit')} in the days that count")
    if found.engaged_days:
        yield _row("", ", ".join(day + (f" x{n}" if n > 1 else "") for day, n in found.engaged_days.items()))
    for name, counts in found.key_events.items():
        yield _row(
            "key event", f"{name}: {counts.days_1} in 1 day, {counts.days_7} in 7, {counts.days_30} in 30"
        )
    for visit in found.open_visits:
        happened = ", ".join(f"{name} x{count}" for name, count in visit.key_events.items()) or "no key event"
        yield _row(
            "open visit",
            f"{visit.start} to {visit.last_event}, {counted(visit.events, 'event')}, "
            f"{counted(visit.pages, 'page')}, {happened}" + (", asked for" if visit.passive else ""),
        )
    for joined in found.joined_ids:
        yield _row("joined", joined)
    if found.next_check:
        yield _row("next check", f"{found.next_check}: nothing changes before without an event")
    yield _row("as of", f"{found.as_of}, definition {found.definition}")


def _row(label: str, text: str) -> str:
    return f"  {label:<{LABEL_WIDTH}}{text}"
