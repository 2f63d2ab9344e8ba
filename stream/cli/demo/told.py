"""What the demo says of the records that come: a line a day, firsts, incidents, and what was planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, get_args

import click

from stream.cli.demo.story import WINDOW_MS, Story, dated, day_of, described
from stream.cli.record_lines import COLOURS, RecordLines, counted
from stream.core.definition import DAY, HOUR
from stream.core.records import Daily, Incident, Reason, Transition, Visit
from stream.core.times import parse_ms
from stream.simulate.plants import Plant

Shown = Literal["every", "first", "none"]
Record = Transition | Incident | Daily | Visit
# Below this a transition's record is of the present rather than of the history that runs up to it.
LIVE_WITHIN_MS = HOUR
_NOT_BY_DAY = ("imported", "tier_up", "tier_down")
_LOST_AFTER_WINDOWS = 2
_WAITED_FOR_DAYS = 7


class Told:
    """Turns records into lines, in the order in which they come. Times are UTC, as the demo's are.

    Of transitions `every` one is told, or the `first` of each reason, or `none`; all are counted in the
    day's line, which comes on every day whose number `days_between` divides.
    """

    def __init__(self, story: Story, lines: RecordLines, *, shown: Shown, days_between: int) -> None:
        self._story = story
        self._lines = lines
        self._shown = shown
        self._days_between = days_between
        self._plants = [PlantTold(plant, story) for plant in story.plants]
        self._seen: set[str] = set()
        self._by_day: dict[str, Counter[str]] = {}
        # Days come from several partitions, so not always in their order.
        self._reports: dict[int, Daily] = {}
        self._next_day = 0
        self._live = False

    def lines(self, record: Record, now_ms: int) -> Iterator[str]:
        """What there is to say of the next record, which came at `now_ms`."""
        if isinstance(record, Transition):
            at_ms = parse_ms(record.at) or 0
            yield from self._transition(record)
            if not self._live and now_ms - at_ms < LIVE_WITHIN_MS:
                self._live = True
                yield click.style(
                    f"\n{self._moment(at_ms)}: the present is reached. From here on it is live, at the pace "
                    "of real time.\n",
                    bold=True,
                )
        elif isinstance(record, Incident):
            for plant in self._plants:
                yield from plant.reached(parse_ms(record.since) or 0)
            yield from self._incident(record)
        elif isinstance(record, Daily):
            self._reports[self._story.day(day_of(record))] = record
            while (report := self._reports.pop(self._next_day, None)) is not None:
                yield from self._day(self._next_day, report)
                self._next_day += 1

    def _transition(self, record: Transition) -> Iterator[str]:
        self._by_day.setdefault(record.at[:10], Counter())[record.reason] += 1
        if self._shown == "every":
            yield self._lines.transition(record)
        elif self._shown == "first" and record.reason not in self._seen:
            self._seen.add(record.reason)
            yield f"  first {self._lines.transition(record)}"

    def _incident(self, record: Incident) -> Iterator[str]:
        yield self._lines.incident(record)
        for plant in self._plants:
            yield from plant.incident(record)

    def _day(self, number: int, record: Daily) -> Iterator[str]:
        begin_ms = day_of(record)
        by_reason = self._by_day.pop(record.day, Counter())
        if number % self._days_between == 0:
            changes = [
                click.style(f"{by_reason[reason]:,} {reason}", fg=COLOURS.get(reason))
                for reason in get_args(Reason)
                if by_reason[reason] and reason not in _NOT_BY_DAY
            ]
            yield (
                click.style(f"day {number:<3} {dated(begin_ms)}", bold=True)
                + f"  {record.traffic.people:>6,} people  {counted(record.traffic.visits, 'visit'):>13}"
                + f"  {record.people_by_state.get('active', 0):>6,} active   {', '.join(changes)}"
            )
        for plant in self._plants:
            yield from plant.day(begin_ms + DAY)

    def _moment(self, time_ms: int) -> str:
        return f"{self._story.moment(time_ms)} ({dated(time_ms)})"


class PlantTold:
    """Says when a plant begins, which incident has caught it, and if none has."""

    def __init__(self, plant: Plant, story: Story) -> None:
        self.plant = plant
        self.incident_id: str | None = None
        self._story = story
        self._begun = False
        self._lost = False

    def day(self, begin_ms: int) -> Iterator[str]:
        """What there is to say as the day begins. To be told of every one, in order."""
        yield from self.reached(begin_ms + DAY - 1)
        overdue_ms = self.plant.end_ms + _LOST_AFTER_WINDOWS * WINDOW_MS
        # Incidents come by another topic than reports, so perhaps later: by days, where these pass quickly.
        if self.incident_id is None and not self._lost and begin_ms >= overdue_ms + _WAITED_FOR_DAYS * DAY:
            self._lost = True
            yield click.style("not caught: ", fg="red", bold=True) + (
                f"no incident opened for {described(self.plant)} until {self._story.moment(overdue_ms)}"
            )

    def reached(self, time_ms: int) -> Iterator[str]:
        """What there is to say once `time_ms` is reached."""
        if not self._begun and time_ms >= self.plant.start_ms:
            self._begun = True
            yield click.style("planted: ", fg="magenta", bold=True) + self.sentence

    @property
    def sentence(self) -> str:
        plant, story = self.plant, self._story
        same_day = story.day(plant.start_ms) == story.day(plant.end_ms)
        end = story.moment(plant.end_ms)
        until = end.rpartition(" ")[2] if same_day else end
        return f"{described(plant)}, from {story.moment(plant.start_ms)} to {until} ({dated(plant.start_ms)})"

    def incident(self, record: Incident) -> Iterator[str]:
        """To be told of every incident's records."""
        if self.incident_id is None and is_of(self.plant, record):
            self.incident_id = record.incident_id
            windows = -(-((parse_ms(record.at) or 0) - self.plant.start_ms) // WINDOW_MS)
            yield click.style("caught: ", fg="green", bold=True) + (
                f"{described(self.plant)}, after {counted(windows, 'window')} of {WINDOW_MS // HOUR} h"
            )


def is_of(plant: Plant, record: Incident) -> bool:
    """Whether the record opens what should be found of the plant: the same way, and since then."""
    since_ms = parse_ms(record.since) or 0
    begin_ms = plant.start_ms // WINDOW_MS * WINDOW_MS
    return (
        record.status == "opened"
        and record.period == plant.period
        and record.direction == plant.direction
        and begin_ms <= since_ms < plant.end_ms
    )
