"""What moves from an anonymous person to the user that it turns out to be (SPEC 5)."""

from __future__ import annotations

from copy import deepcopy

from stream.core.events import ANONYMOUS, Wire
from stream.core.profile import Profile, Recent, Visit, uncounted
from stream.core.times import EARLIEST
from stream.core.visits import Cutter


def to_join(wire: Wire) -> tuple[str, str | None] | None:
    """The anonymous person that an event joins to its user, and the id that must not be a user's."""
    if wire.user_id is None:
        return None
    if wire.type == "identify" and wire.anonymous_id:
        return ANONYMOUS + wire.anonymous_id, None
    if wire.type == "alias" and wire.previous_id:
        previous = wire.previous_id
        return (previous, None) if previous.startswith(ANONYMOUS) else (ANONYMOUS + previous, previous)
    return None


def settle(p: Profile, visit: Visit) -> None:
    """Count a visit that is closed into the person's days, which take over its occurrences."""
    p.visits += 1
    if visit.was_engaged:
        p.was_engaged = True
    if not visit.hits:
        return
    p.engaged[visit.day] = p.engaged.get(visit.day, 0) + 1
    for on, keys in visit.hits.items():
        on_day = p.counts.get(on)
        if on_day is None:
            p.counts[on] = keys
            continue
        for key, count in keys.items():
            on_day[key] = on_day.get(key, 0) + count


def take_over(user: Profile, prospect: Profile, cutter: Cutter, watermark: int) -> None:
    """Move a prospect's visits, days and counts to the user.

    Events not after the end of the user's last published visit stay, and close under the anonymous id:
    what the prospect is left with. Their days and counts move all the same. What has been folded of a long
    visit goes where its first event goes. The user's visits that are over by `watermark` count as published.
    What either has added to windows stays as it is.
    """
    _add_days(user, prospect)
    for visit in user.open:
        if visit.last + cutter.gap < watermark:
            user.last_end = visit.last
    end = EARLIEST - 1 if user.last_end is None else user.last_end
    bases, recent = prospect.bases, prospect.recent
    prospect.bases = tuple(base for base in bases if base.start <= end)
    prospect.recent = [event for event in recent if event[0] <= end]
    later = (base for base in bases if base.start > end)
    user.bases = tuple(sorted([*user.bases, *later], key=_start))
    moved = [event for event in recent if event[0] > end]
    user.recent = sorted(map(uncounted, [*user.recent, *moved]), key=_order)
    if prospect.last > user.last:
        user.last, user.last_day = prospect.last, prospect.last_day
    cutter.recut(user)
    cutter.recut(prospect)
    for visit in prospect.open:
        settle(user, deepcopy(visit))


def _add_days(user: Profile, prospect: Profile) -> None:
    user.visits += prospect.visits
    user.was_engaged = user.was_engaged or prospect.was_engaged
    for on, count in prospect.engaged.items():
        user.engaged[on] = user.engaged.get(on, 0) + count
    for on, keys in prospect.counts.items():
        on_day = user.counts.setdefault(on, {})
        for key, count in keys.items():
            on_day[key] = on_day.get(key, 0) + count
    prospect.engaged, prospect.counts = {}, {}


def _start(visit: Visit) -> int:
    return visit.start


def _order(event: Recent) -> tuple[int, str]:
    return event[:2]
