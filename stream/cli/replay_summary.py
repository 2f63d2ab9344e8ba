"""What a finished replay says: the counts, and what to do where they look wrong."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from stream.cli.record_lines import counted
from stream.core.records import DeadLetter, Reason, State
from stream.replay import Summary
from stream.sources.lines import LONGEST_LINE_BYTES

SHOWN_REASONS = 3
EXAMPLE_CHARACTERS = 100
LINE_CHARACTERS = 100
TIED = "\u00a0"  # a space where no line ends
MANY = 0.01
REASONS = get_args(Reason)
STATES = get_args(State)[1:]


def summary_lines(
    summary: Summary, out: Path, *, form: str, sort: bool, until_ms: int | None
) -> Iterator[str]:
    """Lines for a person to read."""
    yield f"{summary.events:,} events in {summary.seconds:,.1f} s ({summary.rate:,.0f} a second)"
    dead = summary.dead.total()
    destinations = {
        "applied": summary.applied,
        "late": summary.late,
        "duplicates": summary.duplicate,
        "ignored": summary.ignored,
        "dead letters": dead,
    }
    yield from _row("events", summary.events, destinations)
    yield from _row("visits", summary.visits)
    reasons = Counter({reason: count for (_, reason), count in summary.transitions.items()})
    yield from _row("transitions", reasons.total(), {name: reasons[name] for name in REASONS})
    yield from _row("people", summary.people.total(), {state: summary.people[state] for state in STATES})
    engagement = [
        counted(summary.windows, "window"),
        f"{counted(summary.incidents, 'incident')} opened",
        f"{counted(summary.days, 'day')} reported",
    ]
    if summary.late_for_window:
        engagement.append(f"{counted(summary.late_for_window, 'event')} too late for their window")
    yield f"  {'engagement':<13}{', '.join(engagement)}"
    if summary.joined or summary.unjoined:
        joins = {"made": summary.joined, "impossible across partitions": summary.unjoined}
        yield from _row("joins", summary.joined + summary.unjoined, joins)
    yield f"written to {out}"
    yield from (f"note: {note}" for note in _notes(summary, form=form, sort=sort, until_ms=until_ms))


def _row(label: str, total: int, parts: Mapping[str, int] = MappingProxyType({})) -> list[str]:
    """A total and what it consists of, without the parts that are zero, in lines of bearable length."""
    shown = ", ".join(f"{count:,} {name}".replace(" ", TIED) for name, count in parts.items() if count)
    text = f"{total:,}: {shown}" if shown else f"{total:,}"
    lines = textwrap.wrap(text, LINE_CHARACTERS, initial_indent=f"  {label:<13}", subsequent_indent=" " * 15)
    return [line.replace(TIED, " ") for line in lines]


def _notes(summary: Summary, *, form: str, sort: bool, until_ms: int | None) -> Iterator[str]:
    if not summary.events:
        yield "nothing was read: the input is empty"
        return
    yield from _notes_on_dead(summary, form)
    yield from _notes_on_late(summary, sort)
    if summary.cut_lines:
        yield (
            f"longer than {LONGEST_LINE_BYTES >> 20} MiB: {counted(summary.cut_lines, 'line')}, "
            "of which the dead letters hold the beginning only"
        )
    if summary.applied and not summary.people:
        yield "no event had a userId: unregistered visitors have visits, but no states and transitions"
    if until_ms is not None and summary.newest is not None and until_ms < summary.newest:
        yield "--until is before the last event; what came after it was applied all the same"


def _notes_on_dead(summary: Summary, form: str) -> Iterator[str]:
    for reason, count in summary.dead.most_common(SHOWN_REASONS):
        letter = summary.dead_examples[reason]
        yield f"{counted(count, 'dead letter')} {reason}, the first at {letter.offset:,}: {letter.message}"
        yield f"  it reads {_example(letter)}"
    if form == "segment" and summary.dead["not_json"] > summary.events / 2:
        yield "this looks like no JSON Lines; for other files there are --format access-log and --format csv"
    if summary.dead["future"] > summary.events * MANY:
        yield (
            "without a receivedAt an event may be at most a day after the newest before it; "
            "where the file is only out of order, --sort helps"
        )


def _notes_on_late(summary: Summary, sort: bool) -> Iterator[str]:
    if summary.late <= summary.events * MANY:
        return
    ahead = sorted(summary.late_by_ms)
    middle, most = ahead[len(ahead) // 2], ahead[-1]
    advice = "raise allowed_lateness" if sort else "sort it first with --sort, or raise allowed_lateness"
    yield (
        f"{summary.late / summary.events:.0%} of the events were late, half of them by more than "
        f"{_about(middle)} and the latest by {_about(most)}: where the order of the file is not the order "
        f"of events, {advice}"
    )


def _about(duration_ms: int) -> str:
    """A duration in its largest unit: 3 days, 5 hours, 12 minutes."""
    for unit, unit_ms in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000)):
        if duration_ms >= unit_ms:
            count = duration_ms // unit_ms
            return f"{count:,} {unit}{'s' * (count != 1)}"
    return "less than a second"


def _example(letter: DeadLetter) -> str:
    text = letter.value if letter.value is not None else f"base64 {letter.value_base64}"
    return text if len(text) <= EXAMPLE_CHARACTERS else text[: EXAMPLE_CHARACTERS - 1] + "…"
