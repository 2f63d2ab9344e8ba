"""The incidents of one period, windows or days: opened, updated, resolved; a state machine on its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from stream.core.engagement import tracked
from stream.core.engagement.bounds import STAYS_WITHIN, reach
from stream.core.engagement.grouping import Deviation, deviations, groups, lead_of
from stream.core.engagement.history import History
from stream.core.engagement.in_force import InForce
from stream.core.engagement.judged import Judged
from stream.core.engagement.rows import TOTAL
from stream.core.engagement.severity import LASTING_WINDOWS, Strength, is_page, wakes
from stream.core.engagement.tracked import Tracked
from stream.core.records import IncidentStatus, Measure

JOIN_WITHIN_WINDOWS = 15
"""So long after it was opened, whatever moves the same way joins an incident that `total` is no part of."""
ACCOUNTS_FOR = 0.5
"""And still later what the incident's lead has so much of itself, in another dimension."""
CLEARLY_BEYOND = 2.0
"""A rebound is an incident of its own where it is so many widths of the band of before away from it."""
REMEMBERED = 200  # ended incidents

JudgedRows = Mapping[str, Mapping[Measure, Judged]]


class Moment(NamedTuple):
    """A window, or a day: its number, its start and its end in ms."""

    number: int
    start_ms: int
    end_ms: int


class Pace(NamedTuple):
    """What time is to a track: a step's length, how many inside end an incident, how long it is quiet then.

    `name` makes of a step's number what stands for it in an incident's id.
    """

    step_ms: int
    resolve_after: int
    cooldown_ms: int
    name: Callable[[int], str]


class Fact(NamedTuple):
    """That something is to be published of an incident: `what` ends its record's id."""

    incident: Tracked
    status: IncidentStatus
    what: str


class Track:
    """Deterministic: the same windows make the same facts, wherever it was restored between them."""

    def __init__(
        self, pace: Pace, in_force: InForce, history: History, *, sensitivity: float, prefix: str
    ) -> None:
        self._pace = pace
        self._in_force = in_force
        self._history = history
        self._sensitivity = sensitivity
        self._prefix = prefix
        self._open: dict[str, Tracked] = {}
        self._ended: dict[str, Tracked] = {}
        self._unsaved: dict[str, None] = {}

    def step(self, now: Moment, judged: JudgedRows) -> list[Fact]:
        """A window that the history already holds."""
        found = deviations(judged)
        facts: list[Fact] = []
        self._prolong(now, judged)
        for incident in self.open():
            found = self._follow(incident, now, judged, found, facts)
        if found:
            for group in groups(found):
                opened = self._opening(now, group, judged)
                if opened is not None:
                    self._open[opened.incident_id] = opened
                    self._rate(opened, now, judged)
                    facts.append(Fact(opened, "opened", "opened"))
        return facts

    def peek(self, now: Moment, judged: JudgedRows) -> Tracked | None:
        """The incident that a spike of `total` would open, were the window final: it can only grow."""
        found = [
            d for d in deviations(judged) if d.series == TOTAL and d.measure != "index" and d.direction > 0
        ]
        if not found or any(self._belongs(i, found[0], now, judged) for i in self._open.values()):
            return None
        incident = self._opening(now, found, judged)
        if incident is not None:
            self._unsaved.pop(incident.incident_id, None)
            self._rate(incident, now, judged)
        return incident

    def _prolong(self, now: Moment, judged: JudgedRows) -> None:
        """What was called a false alarm stays quiet while it goes on."""
        for incident in self._lately_ended(now):
            lead = judged.get(incident.series, {}).get(incident.measure)
            if incident.refuted and lead is not None and _goes_on(lead, incident):
                incident.ended_ms = now.start_ms
                self.touch(incident)

    def find(self, incident_id: str) -> Tracked | None:
        """An incident that is open, or ended not long ago."""
        return self._open.get(incident_id) or self._ended.get(incident_id)

    def touch(self, incident: Tracked) -> None:
        """It was changed from outside."""
        self._unsaved[incident.incident_id] = None

    def end(self, incident: Tracked, start_ms: int) -> Fact:
        """Resolves an open incident."""
        incident.ended_ms = start_ms
        del self._open[incident.incident_id]
        self._ended[incident.incident_id] = incident
        self.touch(incident)
        if len(self._ended) > REMEMBERED:
            oldest = min(self._ended.values(), key=lambda i: (i.ended_ms, i.opened_ms, i.incident_id))
            del self._ended[oldest.incident_id]
            self._unsaved[oldest.incident_id] = None
        return Fact(incident, "resolved", "resolved")

    def end_all(self, start_ms: int) -> list[Fact]:
        """Resolves whatever is open."""
        return [self.end(incident, start_ms) for incident in self.open()]

    def open(self) -> Sequence[Tracked]:
        """In the order opened, of one window by their ids."""
        return sorted(self._open.values(), key=lambda i: (i.opened_ms, i.incident_id))

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        for incident_id in sorted(self._unsaved):
            incident = self.find(incident_id)
            yield self._prefix + incident_id, None if incident is None else tracked.encode(incident)
        self._unsaved.clear()

    def restore(self, value: bytes) -> None:
        incident = tracked.decode(value)
        (self._open if incident.ended_ms is None else self._ended)[incident.incident_id] = incident

    def _follow(
        self,
        incident: Tracked,
        now: Moment,
        judged: JudgedRows,
        found: list[Deviation],
        facts: list[Fact],
    ) -> list[Deviation]:
        """Goes on with an open incident; what of the deviations is left is not its own."""
        self.touch(incident)
        turned = any(
            incident.leads(d.series, d.measure)
            and d.direction != incident.direction
            and self._clearly_beyond(incident, d)
            for d in found
        )
        if turned:
            facts.append(self.end(incident, now.start_ms))
            return found
        # The product first: with it in the incident, all that goes the same way belongs to it.
        for d in [d for d in found if d.series == TOTAL and self._belongs(incident, d, now, judged)]:
            self._join(incident, d, now)
        own = [d for d in found if self._belongs(incident, d, now, judged)]
        lead = judged.get(incident.series, {}).get(incident.measure)
        deviates = False
        if lead is not None and _goes_on(lead, incident):
            deviates = True
            incident.worsen(lead, now.start_ms)
        for d in own:
            deviates |= self._join(incident, d, now)
        if deviates:
            incident.last_ms, incident.calm = now.start_ms, 0
        elif lead is not None or incident.series not in judged:
            incident.calm += 1
        if incident.calm >= self._pace.resolve_after:
            facts.append(self.end(incident, now.start_ms))
        elif self._rate(incident, now, judged):
            facts.append(Fact(incident, "updated", "updated-page"))
        return [d for d in found if d not in own]

    def _join(self, incident: Tracked, d: Deviation, now: Moment) -> bool:
        """Whether a deviation that belongs to an incident goes its way, and so is listed in it."""
        member = incident.member(d.series, d.measure)
        if self._is_rebound(incident, d) if member is None else member.direction != d.direction:
            return False
        incident.join(d.series, d.measure, d.direction, d.judged, now.start_ms)
        return True

    def _rate(self, incident: Tracked, now: Moment, judged: JudgedRows) -> bool:
        """Whether the severity rises now; not once it is acknowledged, nor while it is snoozed."""
        if incident.severity == "page" or incident.acknowledged:
            return False
        if self._in_force.is_snoozed(incident.series, now.start_ms) or not any(
            self._pages(series, measure, judged, member.direction, since=incident.since_number, now=now)
            for series, measures in sorted(incident.members.items())
            for measure, member in sorted(measures.items())
            if member.direction == incident.direction
        ):
            return False
        incident.severity = "page"
        return True

    def _pages(
        self, series: str, measure: Measure, judged: JudgedRows, direction: int, *, since: int, now: Moment
    ) -> bool:
        j = judged.get(series, {}).get(measure)
        if j is None or not wakes(series, measure):
            return False
        first = max(since, now.number - LASTING_WINDOWS + 1)
        value, expected, _ = self._history.sums(series, measure, first=first, last=now.number)
        whole, whole_expected, chance = self._history.sums(series, measure, first=since, last=now.number)
        strength = Strength(
            j,
            value=value,
            expected=expected,
            windows=now.number - first + 1,
            away=(whole - whole_expected) / chance if chance > 0 else 0.0,
        )
        return is_page(strength, direction=direction, sensitivity=self._sensitivity)

    def _belongs(self, incident: Tracked, d: Deviation, now: Moment, judged: JudgedRows) -> bool:
        """Whether a deviation is of the cause that an open incident is of."""
        if d.series == incident.series:
            return True
        if self._is_rebound(incident, d):
            return self._follows_from(incident, d)
        if d.series in incident.members or d.series == TOTAL or TOTAL in incident.members:
            return True
        if now.start_ms - incident.opened_ms <= JOIN_WITHIN_WINDOWS * self._pace.step_ms:
            return True
        return _accounts_for(incident, d, judged)

    def _is_rebound(self, incident: Tracked, d: Deviation) -> bool:
        return d.measure != "index" and incident.measure != "index" and d.direction != incident.direction

    def _follows_from(self, incident: Tracked, d: Deviation) -> bool:
        """Whether a deviation the other way is but what an incident leaves behind: not of the product, where
        the incident is of a part of it.
        """
        concerned = d.series in incident.members or TOTAL in incident.members
        of_a_part = d.series == TOTAL and incident.series != TOTAL
        return concerned and not of_a_part and not self._clearly_beyond(incident, d)

    def _clearly_beyond(self, incident: Tracked, d: Deviation) -> bool:
        """Whether a value is far out of what was usual before the incident; of what is now, if it is long."""
        before = self._history.point(incident.since_number - 1, d.series, d.measure)
        usual = d.judged if before is None else before
        away = reach(d.judged.value, usual.expected, usual.lower, usual.upper)
        return away * d.direction >= CLEARLY_BEYOND

    def _opening(self, now: Moment, group: list[Deviation], judged: JudgedRows) -> Tracked | None:
        """The incident of a new group of deviations; None where none is to be opened."""
        lead = lead_of(group, judged)
        since_ms, since_number = self._began(lead, now)
        if any(incident.series == lead.series for incident in self._open.values()):
            return None  # what moves with the product while its incident is open: that one goes on, or turns
        if self._in_force.is_snoozed(lead.series, now.start_ms) or self._follows(lead, now):
            return None
        if self._is_refuted(lead, now):
            return None
        if self._is_quiet(lead, now) and not (
            self._lasts(since_number, now)
            and any(
                self._pages(d.series, d.measure, judged, lead.direction, since=since_number, now=now)
                for d in group
                if d.direction == lead.direction
            )
        ):
            return None
        incident_id = f"{lead.series}@{self._pace.name(since_number)}"
        incident = Tracked(
            incident_id=incident_id,
            series=lead.series,
            measure=lead.measure,
            direction=lead.direction,
            since_ms=since_ms,
            since_number=since_number,
            opened_ms=now.start_ms,
            last_ms=now.start_ms,
            worst_ms=now.start_ms,
            worst_value=lead.judged.value,
            worst_expected=lead.judged.expected,
        )
        for d in [lead, *group]:
            incident.join(d.series, d.measure, d.direction, d.judged, now.start_ms)
        self.touch(incident)
        return incident

    def _began(self, lead: Deviation, now: Moment) -> tuple[int, int]:
        """The first window, as (start, index), of the run of those that deviate as the lead does now."""
        since_ms, since_number = now.start_ms, now.number
        ended = [i.last_ms for i in self._ended.values() if i.series == lead.series]
        while (
            (point := self._history.point(since_number - 1, lead.series, lead.measure)) is not None
            and reach(point.value, point.expected, point.lower, point.upper) * lead.direction >= STAYS_WITHIN
            and all(point.start_ms > last_ms for last_ms in ended)
        ):
            since_ms, since_number = point.start_ms, since_number - 1
        return since_ms, since_number

    def _is_quiet(self, lead: Deviation, now: Moment) -> bool:
        """Whether an incident that has ended lately keeps this from opening, be it no page that lasts.

        What it was of, and what moved in it, is quiet for the cooldown.
        """
        return any(not self._is_rebound(incident, lead) for incident in self._lately_ended(now, of=lead))

    def _is_refuted(self, lead: Deviation, now: Moment) -> bool:
        """Whether it is of what was called a false alarm, and has not been inside for the cooldown since."""
        return any(
            incident.refuted and not self._is_rebound(incident, lead)
            for incident in self._lately_ended(now, of=lead)
        )

    def _follows(self, lead: Deviation, now: Moment) -> bool:
        """Whether this is but the rebound of an incident that has ended lately."""
        return any(
            self._is_rebound(incident, lead) and self._follows_from(incident, lead)
            for incident in self._lately_ended(now, of=lead)
        )

    def _lasts(self, since: int, now: Moment) -> bool:
        """Whether it has lasted for as long as it takes to resolve."""
        return now.number - since + 1 >= self._pace.resolve_after

    def _lately_ended(self, now: Moment, *, of: Deviation | None = None) -> list[Tracked]:
        """What has ended within the cooldown; `of` a deviation: in which its series moved, or the product."""
        return [
            incident
            for incident in self._ended.values()
            if incident.ended_ms is not None
            and now.start_ms - incident.ended_ms <= self._pace.cooldown_ms
            and (of is None or of.series in incident.members or TOTAL in incident.members)
        ]


def _accounts_for(incident: Tracked, d: Deviation, judged: JudgedRows) -> bool:
    """Whether what an incident is of deviates so much itself that another dimension must show it."""
    same = judged.get(incident.series, {}).get(d.measure)
    if same is None or d.series.partition(":")[0] == incident.series.partition(":")[0]:
        return False
    return (same.value - same.expected) * d.direction >= ACCOUNTS_FOR * abs(
        d.judged.value - d.judged.expected
    )


def _goes_on(lead: Judged, incident: Tracked) -> bool:
    """Whether what an incident is of has not come back inside."""
    return reach(lead.value, lead.expected, lead.lower, lead.upper) * incident.direction >= STAYS_WITHIN
