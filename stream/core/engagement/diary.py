"""What persons do, entered into the figures of the day that it is of: a difference each time (SPEC 6).

A visit counts for the day on which it began, as it stood when that day ended. Out of order, and where
somebody is joined, the visits are cut anew; then what they were is taken back and what they are is entered.
"""

from __future__ import annotations

from stream.core.activity import Named
from stream.core.calendar import Calendar, Segment
from stream.core.definition import TIERS
from stream.core.engagement.census import IN_BASE, is_known, is_prospect
from stream.core.engagement.days import NO_CHANNEL, Days
from stream.core.engagement.figures import Cell, add, shift
from stream.core.engagement.seen import LONGEST_GAP, OnDay, Seen, gap
from stream.core.events import ANONYMOUS
from stream.core.lifecycle import Change
from stream.core.profile import HIBERNATING, STATES, Profile, Recent, Visit
from stream.core.visits import Cutter

_ACTIVE = "active"
_BASE = frozenset(STATES[state] for state in IN_BASE)
_CACHED = 1_000
_NOBODY = (None, "prospect", "deleted")
_COUNTED = frozenset(("registered", "activated", "reactivated", "resurrected", "lapsed", "churned"))

Stood = dict[int, "OfDay"]


class OfDay:
    """The open visits of one person, as far as they count for one day."""

    def __init__(self) -> None:
        self.visits: list[tuple[str | None, bool, bool, int, int]] = []
        """Of those that began on it: channel, bounce, passive, pages, ms."""
        self.hits = 0


class Diary:
    """Enters into `days` what happens to one person at a time."""

    def __init__(self, days: Days, cutter: Cutter, calendar: Calendar) -> None:
        self._days = days
        self._cutter = cutter
        self._calendar = calendar
        self._day, self._begins = 0, calendar.midnight(0)[0]
        self._channel: str | None = None
        self._cell = Cell()
        self._alone: dict[str | None, tuple[str, ...]] = {}  # by channel, so that persons share them
        self._today: tuple[int, ...] = ()

    # -- events -----------------------------------------------------------------------------------

    def arrived(self, person: str, p: Profile, event: Recent, named: Named, day: int) -> OnDay | None:
        """An event of the person, of which nothing is done yet; `day` is the last that had begun by then.

        Returns what the person has done on the day; None where that is closed.
        """
        channel = self._channel = None if event[3] is None else event[3][3]
        cell = self._days.cells(day).get(channel)
        name = channel or NO_CHANNEL
        if cell is None:
            if self._days.is_closed(day):
                return None
            name, cell = self._days.cell(day, channel)
        self._cell = cell
        if named.page:
            cell.pageviews += 1
        on = self._on(person, p, day, name, cell)
        if named.hits and not on.tried:
            pseudo, on.tried = on.pseudo, True
            self._turn(day, on, pseudo)
        return on

    def _on(self, person: str, p: Profile, day: int, name: str, cell: Cell) -> OnDay:
        """What the person has done on the day, on which there is an event by a channel now."""
        seen = p.seen
        if seen is None:
            seen = self._seen(person, p)
        if day > seen.day or not seen.days:
            self._next_day(person, p, seen, day)
        elif seen.day != day and not seen.has(day):
            self._earlier_day(person, p, seen, day)
        on = seen.on[-1] if seen.on else None
        if on is None or on.day != day:
            on = seen.on_day(day, self._days.closed_day)
        if name not in on.channels:
            on.channels = (*on.channels, name)
            cell.people += 1
        return on

    def append(self, p: Profile, event: Recent, named: Named, today: Segment, on: OnDay | None) -> None:
        """Cut an event that is later than all the person's others, and enter what becomes of the visit.

        The event is the one that has `arrived` last, and `on` what came of that.
        """
        visit = p.open[-1] if p.open else None
        if on is None or visit is None:
            self._cutter.append(p, event)
            if on is not None:
                self._began(p.open[-1], today, on)
            return
        cutter = self._cutter
        pages, last = visit.pages, visit.last
        bounce = pages < 2 and cutter.bounce(visit)
        before = _hits(visit, today.day) if named.voids else 0
        cutter.append(p, event)
        if cutter.began:
            self._began(p.open[-1], today, on)
            return
        more = _hits(visit, today.day) - before if named.voids else len(cutter.occurred)
        if more:
            pseudo = on.pseudo
            on.hits += more
            self._turn(today.reached, on, pseudo)
        if visit.start >= self._midnight(today.reached):
            channel = _channel(visit)
            cell = self._cell if channel == self._channel else self._days.cell(today.reached, channel)[1]
            cell.pages += visit.pages - pages
            cell.ms += visit.last - last
            if pages < 2 and bounce != cutter.bounce(visit):
                self._bounced(visit, cell, today.reached, on, -1 if bounce else 1)

    def begins(self, person: str, p: Profile, visit: Visit, named: Named, day: int, cell: Cell) -> None:
        """A visit that a single event of today makes, no key event: `arrived` and `append` in one."""
        on = self._on(person, p, day, _channel(visit) or NO_CHANNEL, cell)
        if named.page:
            cell.pageviews += 1
            cell.pages += 1
        cell.visits += 1
        cell.bounces += 1
        pseudo = on.pseudo
        if visit.passive:
            on.passive += 1
        else:
            on.chosen += 1
        if on.pseudo != pseudo:
            self._turn(day, on, pseudo)

    def enters(self, p: Profile, visit: Visit, day: int, cell: Cell, change: Change | None) -> None:
        """The same where nothing was known of the person; `change` is of who registers."""
        channel, pages, passive = _channel(visit), visit.pages, visit.passive
        cell.people += 1
        cell.pageviews += pages
        cell.pages += pages
        cell.visits += 1
        cell.bounces += 1
        figures = self._days.figures(day)
        figures.pseudo += passive
        alone = self._alone.get(channel)
        if alone is None:
            if len(self._alone) >= _CACHED:
                self._alone.clear()
            alone = self._alone[channel] = (channel or NO_CHANNEL,)
        on = OnDay(day, alone, int(not passive), int(passive))
        if change is None:
            p.seen = Seen(day, 1, (on,), known=True)
            firsts = figures.visitors
            add(figures.states, "prospect", 1)
        else:
            if day not in self._today:
                self._today = (day,)
            p.seen = Seen(day, 1, (on,), self._today)
            firsts = figures.users
            add(figures.states, change[2], 1)
            add(figures.tiers, TIERS[0], 1)
            add(figures.base, 0, 1)
            if change[3] in _COUNTED:
                add(figures.reasons, change[3], 1)
        firsts[LONGEST_GAP] = firsts.get(LONGEST_GAP, 0) + 1

    def occurs(self, visit: Visit, on: OnDay, day: int, cell: Cell, times: int) -> None:
        """Key events, by one event of today that is no page, in a visit that began today."""
        bounce = visit.pages < 2 and (not visit.hits or self._cutter.bounce(visit))
        pseudo = on.pseudo
        on.tried = True
        on.hits += times
        if bounce:
            cell.bounces -= 1
            if visit.passive:
                on.passive -= 1
                on.chosen += 1
        if on.pseudo != pseudo:
            self._turn(day, on, pseudo)

    def _began(self, visit: Visit, today: Segment, on: OnDay) -> None:
        """The event that has arrived last begins a visit."""
        cell, bounce = self._cell, self._cutter.bounce(visit)
        cell.visits += 1
        cell.bounces += bounce
        cell.pages += visit.pages
        pseudo = on.pseudo
        if bounce and visit.passive:
            on.passive += 1
        else:
            on.chosen += 1
        if visit.hits:
            on.hits += _hits(visit, today.day)
        self._turn(today.reached, on, pseudo)

    def _bounced(self, visit: Visit, cell: Cell, day: int, on: OnDay, more: int) -> None:
        """The visit has become a bounce, or is none any more."""
        cell.bounces += more
        if visit.passive:
            pseudo = on.pseudo
            on.passive += more
            on.chosen -= more
            self._turn(day, on, pseudo)

    def _turn(self, day: int, on: OnDay, pseudo: bool) -> None:
        if on.pseudo != pseudo:
            self._days.figures(day).pseudo += on.pseudo - pseudo

    def _midnight(self, day: int) -> int:
        if day != self._day:
            self._day, self._begins = day, self._calendar.midnight(day)[0]
        return self._begins

    def stood(self, p: Profile, first: int) -> Stood:
        """The open visits as they stood at the end of each day from `first` on.

        What is of a day cannot change what an earlier day was.
        """
        if not p.open:
            return {}
        reached = self._calendar.reached
        begun, last = max(first, reached(p.open[0].start)), reached(p.open[-1].last)
        stood: Stood = {}
        days = {last} if begun == last else {day for day in self._days_of(p) if begun <= day <= last}
        for day in sorted(days):
            begins, ends = self._calendar.midnight(day)[0], self._calendar.midnight(day + 1)[0]
            visits = p.open if day == last else self._cutter.until(p, ends)
            of_day = stood[day] = OfDay()
            for visit in visits:
                of_day.hits += _hits(visit, day)
                if begins <= visit.start < ends:
                    bounce = self._cutter.bounce(visit)
                    facts = (_channel(visit), bounce, visit.passive, visit.pages, visit.last - visit.start)
                    of_day.visits.append(facts)
        return stood

    def differ(self, person: str, p: Profile, before: Stood, after: Stood) -> None:
        """The person's visits were cut anew."""
        for day in sorted(before.keys() | after.keys()):
            was, now = before.get(day), after.get(day)
            if self._days.is_closed(day) or (was and now and was.__dict__ == now.__dict__):
                continue
            on = self._seen(person, p).on_day(day, self._days.closed_day)
            pseudo = on.pseudo
            for sign, of_day in ((-1, was), (1, now)):
                if of_day is None:
                    continue
                on.hits += sign * of_day.hits
                for channel, bounce, passive, pages, ms in of_day.visits:
                    _, cell = self._days.cell(day, channel)
                    cell.visits += sign
                    cell.bounces += sign * bounce
                    cell.pages += sign * pages
                    cell.ms += sign * ms
                    if passive and bounce:
                        on.passive += sign
                    else:
                        on.chosen += sign
            self._days.figures(day).pseudo += on.pseudo - pseudo

    # -- persons ----------------------------------------------------------------------------------

    def changed(self, person: str, p: Profile, change: Change, day: int) -> None:
        """A transition, after it was made, evaluated on the day."""
        figures = self._days.figures(day)
        kind, before, after, reason, days = change
        if kind == "tier":
            shift(figures.tiers, before or TIERS[0], after)
            return
        registered = before not in _NOBODY
        if after == "deleted":
            if before is not None and registered:
                add(figures.states, before, -1)
                add(figures.tiers, TIERS[p.tier], -1)
        elif before is not None and registered:
            shift(figures.states, before, after)
        else:
            add(figures.tiers, TIERS[0], 1)
            add(figures.states, after, 1)
        if reason in _COUNTED or (reason == "deleted" and before == _ACTIVE):
            add(figures.reasons, reason, 1)
        seen = p.seen or self._seen(person, p, registered=registered)
        if days != 0:
            seen.began_active = before == _ACTIVE
        if seen.began_active:
            add(figures.reasons, "left", (after != _ACTIVE) - (before != _ACTIVE))
        if (before in _BASE) != (after in _BASE):
            seen.turn(day)
            last = seen.before(day + 1)
            if last is not None and day - last < LONGEST_GAP:
                add(figures.base, day - last, 1 if after in _BASE else -1)
        if p.state == HIBERNATING and day - seen.day > 2 * LONGEST_GAP:
            p.seen = None

    def joined(self, user: str, p: Profile, prospect: Profile, first: int) -> None:
        """From `first` on the user has come by the prospect's channels, for which that one was counted."""
        if prospect.seen is None:
            return
        for theirs in prospect.seen.on:
            if theirs.day >= first and not self._days.is_closed(theirs.day):
                on = self._seen(user, p).on_day(theirs.day, self._days.closed_day)
                on.channels += tuple(name for name in theirs.channels if name not in on.channels)

    def gone(self, person: str, p: Profile, t: int) -> None:
        """A prospect is known no more, at `t` ms: joined, forgotten, or deleted."""
        if p.seen is None and is_prospect(person, p):
            self._seen(person, p)
        if p.seen is not None and p.seen.known:
            p.seen.known = False
            day = max(self._calendar.reached(t), p.seen.day)
            add(self._days.figures(day).states, "prospect", -1)

    def moved(self, person: str, p: Profile, more: int) -> None:
        """Somebody came from another partition (1), or goes to one (-1)."""
        if is_known(person, p):
            self._days.figures(self._calendar.reached(p.last)).moved += more

    def _seen(self, person: str, p: Profile, *, registered: bool | None = None) -> Seen:
        """Of a profile that has none yet: that of somebody new, or of one that an older Footfall wrote."""
        if p.seen is None:
            registered = p.registered is not None if registered is None else registered
            known = is_prospect(person, p)
            p.seen = Seen(p.last_day, int(registered or known), known=known)
        return p.seen

    def _days_of(self, p: Profile) -> set[int]:
        """The days of the events that the open visits consist of, as far as they are told apart."""
        reached = self._calendar.reached
        return {reached(event[0]) for event in p.recent}.union(
            *((reached(base.start), reached(base.last)) for base in p.bases)
        )

    # -- days with an event -----------------------------------------------------------------------

    def _next_day(self, person: str, p: Profile, seen: Seen, day: int) -> None:
        """The first event of a day that is later than all others."""
        figures, bits, apart = self._days.figures(day), seen.days, day - seen.day
        gap = min(LONGEST_GAP, apart) if bits else LONGEST_GAP
        if person.startswith(ANONYMOUS):
            firsts = figures.visitors
            if not seen.known:
                self._know(p, seen, day, first=True, after=None)
        else:
            firsts = figures.users
            if seen.turns and seen.turns[-1] > day:
                self._move_base(p, seen, day, seen.day if bits else None, None)
            elif p.registered is not None and p.state in IN_BASE:
                add(figures.base, 0, 1)
                if gap < LONGEST_GAP:
                    add(figures.base, gap, -1)
        firsts[gap] = firsts.get(gap, 0) + 1
        seen.add(day)

    def _earlier_day(self, person: str, p: Profile, seen: Seen, day: int) -> None:
        """The first event of a day to arrive, after a later day's."""
        visitor = person.startswith(ANONYMOUS)
        before, after = seen.before(day), seen.after(day)
        for on, gaps in ((day, ((before, 1),)), (after, ((before, -1), (day, 1)))):
            if on is not None:
                figures = self._days.figures(on)
                for last, more in gaps:
                    add(figures.visitors if visitor else figures.users, gap(on, last), more)
        if visitor:
            self._know(p, seen, day, first=before is None, after=after)
        else:
            self._move_base(p, seen, day, before, after)
        seen.add(day)

    def _know(self, p: Profile, seen: Seen, day: int, *, first: bool, after: int | None) -> None:
        if p.registered is not None or p.redirect is not None:
            return
        if not seen.known:
            seen.known = True
            add(self._days.figures(day).states, "prospect", 1)
        elif first and after is not None:
            add(self._days.figures(day).states, "prospect", 1)
            add(self._days.figures(after).states, "prospect", -1)

    def _move_base(self, p: Profile, seen: Seen, day: int, before: int | None, after: int | None) -> None:
        """From `day` on, up to `after`, the person's last day with an event is `day` instead of `before`."""
        turns = [turn for turn in seen.turns if turn > day]
        inside = (p.registered is not None and p.state in IN_BASE) ^ (len(turns) % 2 == 1)
        if inside:
            self._replace_last(day, before, day)
        for turn in turns:
            if after is not None and turn >= after:
                break
            inside = not inside
            if inside:
                self._replace_last(turn, before, day)
            else:
                self._replace_last(turn, day, before)
        if after is not None and inside:
            self._replace_last(after, day, before)

    def _replace_last(self, on: int, before: int | None, after: int | None) -> None:
        for last, more in ((before, -1), (after, 1)):
            if last is not None and on - last < LONGEST_GAP:
                add(self._days.figures(on).base, on - last, more)


def _channel(visit: Visit) -> str | None:
    return None if visit.entry is None else visit.entry[3]


def _hits(visit: Visit, day: int) -> int:
    keys = visit.hits.get(day)
    return sum(keys.values()) if keys else 0
