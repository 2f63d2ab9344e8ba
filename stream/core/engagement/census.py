"""Who is there, by looking at every profile: once, where an older Footfall has not counted."""

from __future__ import annotations

from collections.abc import Iterable

from stream.core.definition import TIERS
from stream.core.engagement.figures import Opening, add
from stream.core.engagement.seen import gap
from stream.core.engagement.standing import LONGEST, Standing
from stream.core.events import ANONYMOUS
from stream.core.profile import ACTIVE, NEW, SILENT, STATES, Profile
from stream.core.times import EARLIEST

IN_BASE = (NEW, ACTIVE, SILENT)

Profiles = Iterable[tuple[str, Profile]]


def is_prospect(person: str, p: Profile) -> bool:
    """Whether somebody is seen, not registered, and neither joined nor moved."""
    return person.startswith(ANONYMOUS) and p.registered is None and p.redirect is None and p.last >= EARLIEST


def is_known(person: str, p: Profile) -> bool:
    """Whether somebody is counted among the prospects."""
    return is_prospect(person, p) if p.seen is None else p.seen.known


def opening(profiles: Profiles) -> Opening:
    """Of profiles that say nothing but the last day with an event."""
    found = Opening({}, {}, {}, {}, {})
    for person, p in profiles:
        if is_prospect(person, p):
            add(found.states, "prospect", 1)
            add(found.visitors, p.last_day, 1)
        elif p.registered is not None:
            add(found.states, STATES[p.state], 1)
            add(found.tiers, TIERS[p.tier], 1)
            add(found.users, p.last_day, 1)
            if p.state in IN_BASE:
                add(found.base, p.last_day, 1)
    return found


def standing(profiles: Profiles, closed: int | None) -> Standing:
    """Who is there now, and who of them had an event on the last days up to `closed`.

    The others who had one, and have been deleted or joined since, are not found again.
    """
    found = Standing(closed)
    for person, p in profiles:
        if is_known(person, p):
            add(found.states, "prospect", 1)
            _add_days(found.visitors, p, closed)
        elif p.registered is not None:
            add(found.states, STATES[p.state], 1)
            add(found.tiers, TIERS[p.tier], 1)
            _add_days(found.users, p, closed)
    return found


def _add_days(seen: dict[int, dict[int, int]], p: Profile, closed: int | None) -> None:
    if closed is None:
        return
    if p.seen is None:
        if closed - LONGEST < p.last_day <= closed:
            add(seen.setdefault(p.last_day, {}), LONGEST, 1)
        return
    for day in range(closed - LONGEST + 1, closed + 1):
        if p.seen.has(day):
            add(seen.setdefault(day, {}), gap(day, p.seen.before(day)), 1)
