"""The guided tour: explains what is seen, each thing at the first real record of it."""

from __future__ import annotations

import textwrap
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import click

from stream.cli.demo.story import Story, day_of, described
from stream.cli.demo.told import Record, is_of
from stream.cli.record_lines import counted
from stream.core.definition import DAY
from stream.core.records import Daily, Incident, Transition, Visit

READING_S = 6.0
"""Between two stops, so that one can be read before the next."""
_WIDTH = 100
_RULE = 72


class Stop(NamedTuple):
    """What is explained, where to look on the page, and what to type in another terminal."""

    title: str
    text: str
    look: str = ""
    try_: str = ""


class Tour:
    """Takes every record; gives the lines of the next stop when there is one, and time to read it.

    `address` is the page's without the last slash, `explain` a command with `{person}` in it.
    """

    def __init__(
        self, story: Story, address: str, explain: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._story = story
        self._address = address
        self._explain = explain
        self._clock = clock
        self._waiting: deque[Stop] = deque()
        self._been: set[str] = set()
        self._last_s = -READING_S
        self._numbers = 0

    def lines(self, record: Record) -> Iterator[str]:
        """Empty for most records: a stop is made once."""
        for name, stop in self._stops(record):
            if name not in self._been:
                self._been.add(name)
                self._waiting.append(stop)
        now_s = self._clock()
        if self._waiting and now_s - self._last_s >= READING_S:
            self._last_s = now_s
            self._numbers += 1
            yield from _shown(self._numbers, self._waiting.popleft())

    def _stops(self, record: Record) -> Iterator[tuple[str, Stop]]:
        if isinstance(record, Visit):
            if record.engaged and "visit" not in self._been:
                yield "visit", self._visit(record)
        elif isinstance(record, Transition):
            settled = record.reason != "reactivated" or (record.days_in_previous or 0) >= _SILENT_DAYS
            if record.reason in _REASONS and record.reason not in self._been and settled:
                yield record.reason, self._transition(record)
        elif isinstance(record, Incident):
            yield from self._incident(record)
        else:
            yield from self._day(record)

    def _visit(self, record: Visit) -> Stop:
        happened = ", ".join(record.key_events)
        return Stop(
            "A visit",
            f"{record.person} has just left: {counted(record.pages, 'page')}, and {happened}. A visit is "
            f"over 30 minutes after its last event. This one is engaged, since {happened} "
            f"{'is a key event' if len(record.key_events) == 1 else 'are key events'}: what shows that the "
            "shop was of use. Looking around alone would not count.",
            "visits a minute and people there now, at the top",
            self._explain.format(person=record.person),
        )

    def _transition(self, record: Transition) -> Stop:
        title, text = _REASONS[record.reason]
        before = f"after {counted(record.days_in_previous, 'day')}" if record.days_in_previous else "today"
        return Stop(
            title,
            f"{record.person}, {record.from_ or 'unknown'} to {record.to}: "
            + text.format(before=before, from_=record.from_),
            f"{self._address}/#person={record.person}",
            self._explain.format(person=record.person),
        )

    def _day(self, record: Daily) -> Iterator[tuple[str, Stop]]:
        begin_ms = day_of(record)
        if record.active_before:
            came = sum(count for name, count in record.sources.items() if name != "retained")
            gone = sum(record.losses.values())
            yield (
                "daily",
                Stop(
                    "The day's report",
                    f"{record.day} is over. {record.active_before:,} were active the day before, {came:,} "
                    f"came, {gone:,} went: {record.people_by_state.get('active', 0):,} are. It always adds "
                    "up, by source: activated, reactivated, resurrected; less those who lapsed or deleted "
                    "their account. Judge a product by these, and not by how many ever signed up.",
                    "the states with their counts; what moves between them are today's transitions",
                ),
            )
        for plant in self._story.plants:
            if begin_ms + DAY <= plant.start_ms < begin_ms + 2 * DAY:
                yield (
                    f"planted {plant.text}",
                    Stop(
                        "Something is about to happen",
                        f"{_begun(described(plant))}, at {self._story.moment(plant.start_ms)}. Nobody tells "
                        "the worker. It knows what is usual at this hour of this weekday, and how much that "
                        "varies.",
                        "engagement and the band that it is expected in",
                    ),
                )

    def _incident(self, record: Incident) -> Iterator[tuple[str, Stop]]:
        look = f"{self._address}/#incident={record.incident_id}"
        plant = next((plant for plant in self._story.plants if is_of(plant, record)), None)
        if plant is not None:
            yield (
                f"caught {plant.text}",
                Stop(
                    "Caught",
                    f"“{record.sentence}” Between {record.lower:,.0f} and {record.upper:,.0f} "
                    f"would have been usual. {_SEVERITY[record.severity]}",
                    look,
                ),
            )
        elif record.status == "resolved" and "resolved" not in self._been:
            yield (
                "resolved",
                Stop(
                    "Back to normal",
                    f"“{record.sentence}” It took {_RESOLVED} windows in a row inside the band to believe "
                    "it. What is caught up after an outage, or the end of a spike, opens no incident of its "
                    "own.",
                    look,
                ),
            )
        elif record.status == "opened":
            yield (
                "unplanted",
                Stop(
                    "Nobody planted this",
                    f"“{record.sentence}” Chance moves things, too, now and then further than it should. "
                    "`footfall incidents false` would raise the bar of this series for a week.",
                    look,
                ),
            )


_RESOLVED = 5
_SILENT_DAYS = 7
"""So that the silence of one who is woken is worth the name."""
_SEVERITY = {
    "page": "It pages: the whole product is concerned.",
    "ticket": "It is a ticket: somebody shall look today.",
}
_REASONS = {
    "imported": (
        "Known already",
        "the account is older than 30 days, so this is no newcomer. Footfall has started on a shop that has "
        "run for years, and learns of its users as they come by. What they did before it cannot know.",
    ),
    "registered": (
        "A newcomer",
        "the first event with a userId. What the same browser did before, as somebody anonymous, counts as "
        "theirs from now on. New they stay for 30 days, or until a first engaged visit.",
    ),
    "activated": (
        "Activated",
        "the first engaged visit. That is what signing up was for; how many of those who sign up get here is "
        "worth more attention than how many sign up.",
    ),
    "reactivated": (
        "Woken",
        "had an account, was silent, and has just done something that counts again ({before}).",
    ),
    "lapsed": (
        "Lapsed",
        "30 days without an engaged visit ({before} active). Nothing has happened, and that is what is said, "
        "at midnight of the day: in time to do something about it.",
    ),
    "churned": (
        "Churned",
        "90 days without any event. Silent may still come by and look around; churned is gone.",
    ),
    "resurrected": (
        "Won back",
        "was {from_}, and is active again, {before}. What brought them is in the cause of the transition.",
    ),
    "hibernated": (
        "Hibernating",
        "180 days without any event. What is kept of them shrinks to what a return needs.",
    ),
}


def _begun(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _shown(number: int, stop: Stop) -> Iterator[str]:
    head = f"── {number} · {stop.title} "
    yield ""
    yield click.style(head + "─" * max(3, _RULE - len(head)), fg="cyan", bold=True)
    yield from textwrap.wrap(stop.text, _WIDTH, initial_indent="   ", subsequent_indent="   ")
    # Not wrapped: a link or a command is to be copied whole.
    if stop.look:
        yield click.style("   Look: ", fg="cyan") + stop.look
    if stop.try_:
        yield click.style("   Try:  ", fg="cyan") + stop.try_
    yield ""
