"""Event time: timers that the watermark fires, and the watermarks of partitions without traffic (SPEC 1)."""

from __future__ import annotations

import sys
from bisect import insort
from collections.abc import Sequence
from heapq import heappop, heappush

from msgspec import Struct

from stream.core.calendar import Calendar
from stream.core.profile import NEVER

BEGINNING = -(2**63)
"""Before every event: the watermark of a partition that has seen none."""

_FOREVER = 2**63
_SPAN = 2**15  # ms, about half a minute


class Newest(Struct):
    """The greatest time of an event so far in a whole replay, in ms: the bound of what is `future`."""

    time: int | None = None


class Timers:
    """Visit closes by instant and day checks by date. They need no storage: profiles hold both.

    In time order, midnights first on a tie: take the closes until there is none, then a midnight, and so on.
    An entry may be early: whoever takes it looks at the profile and sets it again. `next` is the greatest
    watermark at which nothing can be due, `midnight` the instant of the next check. Only days with an entry
    cost anything.

    `closes` has what closes first, all before `until`, from the last to the first; an entry counts that is
    the one in `deadlines`. The others wait by span of time, in no order: `fill` takes up the next span.
    """

    def __init__(self, calendar: Calendar) -> None:
        self.next = _FOREVER
        self._calendar = calendar
        self.until = BEGINNING
        self.closes: list[tuple[int, str]] = []
        self.deadlines: dict[str, int] = {}
        self._later: dict[int, list[str]] = {}
        self._spans: list[int] = []
        self._persons_by_day: dict[int, list[str]] = {}
        self._days: list[int] = []
        self.midnight, self._day = _FOREVER, NEVER

    def close_after(self, deadline: int, name: str) -> None:
        """Something closes once the watermark is past `deadline`; of two for one name the earlier counts."""
        known = self.deadlines.get(name)
        if known is not None and known <= deadline:
            return
        self.close_at(deadline, name)
        if deadline < self.next:
            self.next = deadline

    def close_at(self, deadline: int, name: str) -> None:
        """The same of a name that has no timer, or a later one, where `next` is set after."""
        self.deadlines[name] = deadline
        if deadline < self.until:
            closes = self.closes
            closes.reverse()
            insort(closes, (deadline, name))
            closes.reverse()
            return
        span = deadline // _SPAN
        names = self._later.get(span)
        if names is None:
            self._later[span] = [name]
            heappush(self._spans, span)
        else:
            names.append(name)

    def fill(self, limit: int) -> bool:
        """Have `closes`, which is empty, hold what is next; False where nothing can be due before `limit`."""
        closes, deadlines, spans = self.closes, self.deadlines, self._spans
        while not closes and spans and spans[0] * _SPAN < limit:
            span = heappop(spans)
            for name in self._later.pop(span):
                deadline = deadlines.get(name)
                if deadline is not None and deadline // _SPAN == span:  # else another has taken its place
                    closes.append((deadline, name))
            closes.sort(reverse=True)
            self.until = (span + 1) * _SPAN
        return bool(closes)

    def beyond(self) -> int:
        """Where `closes` is empty: nothing closes that has a deadline before this."""
        return self._spans[0] * _SPAN if self._spans else _FOREVER

    def check_on(self, day: int, person: str) -> None:
        """Something may change for the person at the midnight that begins `day`."""
        if day == NEVER:
            return
        persons = self._persons_by_day.get(day)
        if persons is not None:
            persons.append(person)
            return
        self._persons_by_day[day] = [person]
        heappush(self._days, day)
        if day < self._day:
            self._set_midnight()

    def next_close(self, watermark: int) -> str | None:
        """The next name whose deadline lies before the watermark and before the next midnight."""
        closes, midnight = self.closes, self.midnight
        limit = watermark if watermark < midnight else midnight
        while closes or self.fill(limit):
            deadline, name = closes[-1]
            if deadline >= limit:
                break
            closes.pop()
            if self.deadlines.get(name) == deadline:
                del self.deadlines[name]
                return name
        else:
            deadline = self.beyond()
        self.next = deadline if deadline < midnight else midnight - 1
        return None

    def next_midnight(self, watermark: int) -> tuple[int, int, list[str]] | None:
        """The next midnight at or before the watermark: (instant, day, persons to look at)."""
        if self.midnight > watermark:
            return None
        midnight, day = self.midnight, self._day
        # a date that did not occur is checked with the next one that does
        persons: set[str] = set()
        while self._days and self._days[0] <= day:
            persons.update(self._take_checks(sys.maxsize))
        return midnight, day, sorted(persons)

    def take(self, watermark: int, most: int) -> list[str]:
        """Up to `most` names with something due at the watermark, a day after the other, some perhaps twice.

        Fewer only where nothing more is due.
        """
        names: list[str] = []
        while len(names) < most:
            name = self.next_close(watermark)
            if name is not None:
                names.append(name)
            elif self.midnight <= watermark:
                names += self._take_checks(most - len(names))
            else:
                break
        return names

    def _take_checks(self, most: int) -> list[str]:
        """Up to `most` persons of the first day; fewer only where there are no more, and the day is done."""
        day = self._days[0]
        persons = self._persons_by_day[day]
        taken = persons[-most:]
        del persons[-most:]
        if len(taken) < most:
            del self._persons_by_day[heappop(self._days)]
            self._set_midnight()
        return taken

    def _set_midnight(self) -> None:
        if self._days:
            self.midnight, self._day = self._calendar.midnight(self._days[0])
            self.next = min(self.next, self.midnight - 1)
        else:
            self.midnight, self._day = _FOREVER, NEVER


class PartitionClock(Struct):
    """What the idle rule needs to know of one input partition; times in ms.

    `quiet_since` is the wall-clock time since which it has been read to its end with nothing new.
    `newest` and `newest_arrived` are the newest event's own time and its time of arrival.
    """

    watermark: int | None
    newest: int | None
    newest_arrived: int | None
    quiet_since: int | None


def idle_watermarks(
    partitions: Sequence[PartitionClock],
    *,
    now_ms: int,
    idle_after_ms: int,
    live_within_ms: int,
    allowed_lateness_ms: int,
) -> list[int | None]:
    """The watermark of each partition by the idle rule (SPEC 1); never one that goes back.

    An idle partition takes over the smallest watermark of those that are not idle. When all are idle and
    the newest event arrived less than `live_within_ms` after its own time, all follow the wall clock.
    """

    def is_idle(clock: PartitionClock) -> bool:
        return clock.quiet_since is not None and now_ms - clock.quiet_since >= idle_after_ms

    busy = [clock for clock in partitions if not is_idle(clock)]
    target: int | None = None
    if busy:
        known = [clock.watermark for clock in busy]
        if all(watermark is not None for watermark in known):
            target = min(watermark for watermark in known if watermark is not None)
    else:
        live = [
            (clock.newest, clock.newest_arrived)
            for clock in partitions
            if clock.newest is not None and clock.newest_arrived is not None
        ]
        if live:
            newest, arrived = max(live)
            if arrived - newest < live_within_ms:
                target = now_ms - allowed_lateness_ms
    return [
        clock.watermark
        if target is None or not is_idle(clock) or (clock.watermark is not None and clock.watermark >= target)
        else target
        for clock in partitions
    ]
