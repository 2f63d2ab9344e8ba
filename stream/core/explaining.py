"""What is known of a person, put so that somebody can check it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.activity import Activity
from stream.core.calendar import Calendar
from stream.core.definition import TIERS
from stream.core.profile import NEVER, STATES, Profile, Visit
from stream.core.records import Explanation, KeyEventCounts, OpenVisit, Person
from stream.core.times import format_day, format_ms

if TYPE_CHECKING:
    from stream.core.persons import Persons

View = tuple["Persons", Activity, Calendar, int]
"""The partition's persons, vocabulary, calendar and watermark."""


def describe(view: View, person: str, p: Profile) -> Person:
    """A registered person's state as of the watermark, or of their own latest event if later."""
    persons, _, calendar, watermark = view
    day = calendar.reached(max(watermark, p.last))
    assert p.registered is not None
    return Person(
        definition=persons.definition_hash,
        person=person,
        state=STATES[p.state],
        tier=TIERS[p.tier],
        engaged_visits=persons.lifecycle.engaged_visits(p, day),
        registered=format_day(p.registered),
        imported=p.imported,
        last_event=format_day(p.last_day),
        visits=p.visits + len(p.open),
        transitions=p.k,
        key_events=_key_events(view, p, day),
    )


def explain(view: View, person: str, p: Profile) -> Explanation:
    """Everything that the state follows from."""
    persons, activity, calendar, watermark = view
    day = calendar.reached(max(watermark, p.last))
    engaged = dict(p.engaged)
    for visit in p.open:
        if visit.hits:
            engaged[visit.day] = engaged.get(visit.day, 0) + 1
    return Explanation(
        definition=persons.definition_hash,
        person=person,
        as_of=format_ms(max(watermark, p.last)),
        state=STATES[p.state],
        tier=TIERS[p.tier],
        engaged_visits=persons.lifecycle.engaged_visits(p, day),
        engaged_days={format_day(on): engaged[on] for on in sorted(engaged)},
        registered=None if p.registered is None else format_day(p.registered),
        imported=p.imported,
        last_event=format_day(p.last_day),
        visits=p.visits + len(p.open),
        transitions=p.k,
        state_since=None if p.lifecycle_day is None else format_day(p.lifecycle_day),
        next_check=None if p.due == NEVER else format_day(p.due),
        key_events=_key_events(view, p, day),
        open_visits=[_open(visit, activity) for visit in p.open],
        joined_ids=list(p.aliases),
    )


def _key_events(view: View, p: Profile, day: int) -> dict[str, KeyEventCounts]:
    persons, activity, _, _ = view
    found = {}
    for key, name in enumerate(activity.vocabulary.keys):
        counts = KeyEventCounts(*(persons.lifecycle.occurrences(p, key, day, days) for days in (1, 7, 30)))
        if counts.days_30:
            found[name] = counts
    return {name: found[name] for name in sorted(found)}


def _open(visit: Visit, activity: Activity) -> OpenVisit:
    keys: dict[str, int] = {}
    for on_day in visit.hits.values():
        for key, count in on_day.items():
            name = activity.vocabulary.keys[key]
            keys[name] = keys.get(name, 0) + count
    return OpenVisit(
        start=format_ms(visit.start),
        last_event=format_ms(visit.last),
        events=visit.events,
        pages=visit.pages,
        key_events=dict(sorted(keys.items())),
        passive=visit.passive,
    )
