"""Makes the published record of an incident from what is tracked of it."""

from __future__ import annotations

from collections.abc import Sequence

from stream.core.definition import Definition
from stream.core.engagement import chart
from stream.core.engagement.attribution import Share, attribute
from stream.core.engagement.bounds import reach
from stream.core.engagement.history import MEASURES, History, Point
from stream.core.engagement.judged import Judged
from stream.core.engagement.rows import KEY_PREFIX, TOTAL
from stream.core.engagement.track import Fact, JudgedRows, Moment
from stream.core.engagement.tracked import Tracked
from stream.core.engagement.wording import Told, Wording, number
from stream.core.records import Cause, Incident, Measure, Moved, Period
from stream.core.times import format_ms

OWNER_SHARE = 0.25
SHOWN_MOVED = 40
DIGITS = 6  # after the point
FIGURE_PREFIX = "figure:"
"""A daily figure that is no series: it moves, but is nobody's cause."""


class Scribe:
    """Of one period. Pure: the same incident, window and history make the same record."""

    def __init__(self, definition: Definition, history: History, *, step_ms: int, period: Period) -> None:
        self._hash = definition.engagement_hash()
        self._owners = [
            (entry.name, entry.owner) for entry in definition.key_events if entry.owner is not None
        ]
        self._history = history
        self._step_ms = step_ms
        self._period: Period = period
        self._wording = Wording(definition.timezone, step_ms=step_ms, days=period == "day")

    def record(
        self, fact: Fact, now: Moment, judged: JudgedRows, *, notes: Sequence[str], provisional: bool = False
    ) -> Incident:
        """What is published of a fact in the window `now`."""
        incident = fact.incident
        lead = judged.get(incident.series, {}).get(incident.measure) or self._latest(incident)
        point = self._history.point(now.number, incident.series, incident.measure)
        promoted = point.promoted if point is not None else 0.0
        causes = self._causes(incident, now)
        owners = self._owners_of(incident, causes)
        moved = self._moved(incident, judged)
        told = Told(
            series=incident.series,
            measure=incident.measure,
            direction="drop" if incident.direction < 0 else "spike",
            status=fact.status,
            since_ms=incident.since_ms,
            at_ms=now.start_ms,
            value=lead.value,
            expected=lead.expected,
            worst_ms=incident.worst_ms,
            worst_value=incident.worst_value,
            worst_expected=incident.worst_expected,
            lasted_ms=incident.last_ms + self._step_ms - incident.since_ms,
            causes=causes,
            product=self._product(incident, judged),
            promoted=promoted,
            owners=owners,
            became_page=fact.what == "updated-page",
            is_gone=incident.series not in judged,
            is_inside=lead.lower <= lead.value <= lead.upper,
        )
        sentence = self._wording.sentence(told)
        windows = max((incident.last_ms - incident.since_ms) // self._step_ms + 1, 1)
        return Incident(
            definition=self._hash,
            record_id=f"{incident.incident_id}/{fact.what}",
            incident_id=incident.incident_id,
            series=incident.series,
            measure=incident.measure,
            direction=told.direction,
            severity=incident.severity,
            status=fact.status,
            period=self._period,
            provisional=provisional,
            since=format_ms(incident.since_ms),
            at=format_ms(now.end_ms),
            value=round(lead.value, DIGITS),
            expected=round(lead.expected, DIGITS),
            lower=round(lead.lower, DIGITS),
            upper=round(lead.upper, DIGITS),
            score=min(max(lead.score, 0.0), 1.0),
            moved=moved,
            causes=[
                Cause(
                    c.series, round(c.share, 3), round(c.value / windows, 3), round(c.expected / windows, 3)
                )
                for c in causes
            ],
            owners=owners,
            promoted=promoted,
            sentence=sentence,
            note="; ".join([*notes, *self._settled(fact, lead)]) or None,
            chart=self._chart(incident, sentence, now),
        )

    def _settled(self, fact: Fact, lead: Judged) -> list[str]:
        """That a level has become usual, where what was usual before is still known, and it is not that."""
        incident = fact.incident
        before = self._history.point(incident.since_number - 1, incident.series, incident.measure)
        if fact.status != "resolved" or before is None:
            return []
        if reach(lead.value, before.expected, before.lower, before.upper) * incident.direction < 1:
            return []
        was = number(before.expected, incident.measure)
        return [f"the level of before has not come back ({was} was expected then): this one is usual now"]

    def _latest(self, incident: Tracked) -> Judged:
        """The lead's figures where this window has none of it: the last that are known."""
        points = self._history.points(incident.series, incident.measure)
        if not points:
            return Judged(incident.worst_value, incident.worst_expected, 0.0, 0.0, 0.0)
        last = points[-1]
        return Judged(last.value, last.expected, last.lower, last.upper, 0.0)

    def _causes(self, incident: Tracked, now: Moment) -> list[Share]:
        if self._period == "day":
            totals = self._history.totals(since_ms=now.start_ms, until_ms=now.start_ms)
        else:
            totals = self._history.totals(since_ms=incident.since_ms, until_ms=incident.last_ms)
        known = {series: sums for series, sums in totals.items() if not series.startswith(FIGURE_PREFIX)}
        return attribute(incident.series, incident.measure, known)

    def _owners_of(self, incident: Tracked, causes: Sequence[Share]) -> list[str]:
        """Of the key events that account for it; where no one cause stands out, of all that moved."""
        standing = [c.series for c in causes if c.dominating]
        series = sorted(incident.members)
        if standing and standing[0].startswith(KEY_PREFIX):
            series = [c.series for c in causes if c.share >= OWNER_SHARE]
        elif not standing:
            series += [c.series for c in causes]
        names = {s.removeprefix(KEY_PREFIX): None for s in series if s.startswith(KEY_PREFIX)}
        return list(dict.fromkeys(owner for name in names for entry, owner in self._owners if entry == name))

    def _product(self, incident: Tracked, judged: JudgedRows) -> tuple[Measure, float, float] | None:
        """How the whole product moves in an incident that another series leads: measure, value, expected."""
        if incident.series == TOTAL:
            return None
        for measure in MEASURES:
            j, member = judged.get(TOTAL, {}).get(measure), incident.member(TOTAL, measure)
            if j is not None and member is not None and (j.value - j.expected) * member.direction > 0:
                return measure, j.value, j.expected
        return None

    def _moved(self, incident: Tracked, judged: JudgedRows) -> list[Moved]:
        moved = []
        for series, measures in sorted(incident.members.items()):
            for measure, member in sorted(measures.items()):
                j = judged.get(series, {}).get(measure)
                value, expected = (member.value, member.expected) if j is None else (j.value, j.expected)
                if not incident.leads(series, measure):
                    moved.append(Moved(series, measure, round(value, DIGITS), round(expected, DIGITS)))
        return moved[:SHOWN_MOVED]

    def _chart(self, incident: Tracked, sentence: str, now: Moment) -> str:
        points = self._history.points(incident.series, incident.measure)
        drawn = self._with_gaps(points)
        subject = self._wording.subject(incident.series, incident.measure)
        unit = "" if not points else f", {number(points[-1].value, incident.measure)} now"
        title = f"{subject[0].upper()}{subject[1:]}{unit}"
        first = points[0].start_ms if points else now.start_ms
        end = min(incident.last_ms + self._step_ms, now.start_ms)
        series = chart.Series(
            times=[t for t, _ in drawn],
            values=[None if p is None else p.value for _, p in drawn],
            expected=[None if p is None else p.expected for _, p in drawn],
            lower=[None if p is None else p.lower for _, p in drawn],
            upper=[None if p is None else p.upper for _, p in drawn],
            promoted=[0.0 if p is None else p.promoted for _, p in drawn],
            shaded=[(max(incident.since_ms, first), end)] if end >= first else [],
        )
        label = self._wording.day if self._period == "day" else self._wording.clock
        return chart.draw(series, title=title, description=sentence, label=label).decode()

    def _with_gaps(self, points: Sequence[Point]) -> list[tuple[int, Point | None]]:
        drawn: list[tuple[int, Point | None]] = []
        for point in points:
            if drawn and point.start_ms - drawn[-1][0] > 1.5 * self._step_ms:
                drawn.append((drawn[-1][0] + self._step_ms, None))
            drawn.append((point.start_ms, point))
        return drawn
