"""The persons of one partition: what an event, a midnight or a passed deadline does to one (SPEC 2 to 5)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

from stream.core.activity import Activity, Named
from stream.core.calendar import Calendar
from stream.core.clock import Timers
from stream.core.definition import Definition
from stream.core.engagement.days import Days
from stream.core.engagement.diary import Diary
from stream.core.engagement.windows import Windows
from stream.core.erasing import ErasedLives
from stream.core.events import ANONYMOUS, Wire
from stream.core.following import Following
from stream.core.joining import settle
from stream.core.keeping import Shelves
from stream.core.lifecycle import Change, Lifecycle
from stream.core.newcomers import Newcomers
from stream.core.profile import (
    DELETED,
    ERASED_PREFIX,
    NEVER,
    STATES,
    Profile,
    Recent,
    glance,
    uncounted,
)
from stream.core.publishing import Publisher
from stream.core.redirects import Redirects
from stream.core.visits import Cutter, Fact


class Persons:
    """Profiles by person, what is left of deleted ones by hash, and the names of all that changed."""

    def __init__(
        self,
        definition: Definition,
        *,
        activity: Activity,
        calendar: Calendar,
        timers: Timers,
        publisher: Publisher,
        days: Days,
        shelves: Shelves,
        windows: Windows,
    ) -> None:
        self.hot, self.profiles, self.changed, lives, changed_lives = shelves
        self.cutter = Cutter(definition, activity, calendar)
        self.lifecycle = Lifecycle(definition, activity)
        self.diary = Diary(days, self.cutter, calendar)
        self.redirects = Redirects(self, definition, cutter=self.cutter, diary=self.diary, calendar=calendar)
        self.newcomers = Newcomers(self, definition, calendar=calendar, timers=timers, publisher=publisher)
        self.transitions: dict[tuple[str, str], int] = {}
        self.key_events: dict[int, int] = {}
        self.visits = 0
        self.open_visits = 0
        self.following = Following(self, activity=activity, windows=windows)
        self.definition_hash = definition.hash()
        self._d = definition
        self._calendar = calendar
        self._timers = timers
        self._publisher = publisher
        self._windows = windows
        self._marks = activity.vocabulary.marks
        engagement = definition.engagement
        open_for = engagement.window_ms + engagement.lateness_ms
        linger_ms = max(0, open_for - definition.allowed_lateness_ms)
        self.erased = ErasedLives(lives, changed_lives, timers, linger_ms)

    def take_up(self) -> None:
        """Go on with a restored population, all asleep: timers follow from the profiles."""
        for person, data in self.profiles.asleep.items():
            due, visits, last = glance(data)
            self.open_visits += visits
            self._timers.check_on(NEVER if due is None else due, person)
            if visits:
                self._timers.close_after(last + self.cutter.gap, person)
        for name in self.erased.lives:
            self.erased.wait(name)

    def take_up_open(self, keys: Iterable[bytes], watermark: int) -> None:
        """Go on with a population in the local store, of which these keys have something open.

        All are due at once: whoever has time to look finds out until when, or that it was put off.
        """
        for key in keys:
            if key[:1] == ERASED_PREFIX:
                self.erased.wait(key[1:])
            else:
                self._timers.close_after(watermark - 1, key.decode())

    # -- arrivals ---------------------------------------------------------------------------------

    def is_repeat(self, person: str, t: int, message_id: str) -> bool:
        """Whether the person's applied events have this id at this time."""
        p = self.profiles.get(person)
        if p is not None:
            i = bisect_left(p.recent, (t, message_id), key=_order)
            if i < len(p.recent) and p.recent[i][:2] == (t, message_id):
                return True
        may_have = p is None or p.reborn or p.registered is None
        return may_have and self.erased.knows(person, (t, message_id))

    def awake(self, person: str, t: int) -> Profile:
        """The person's profile with the midnights up to `t` evaluated; a new one where there is none."""
        day = self._calendar.reached(t)
        while (p := self.profiles.get(person)) is not None and p.due <= day:
            midnight, on = self._calendar.midnight(p.due)
            self.at_midnight(person, midnight, on)
        return self.begin(person) if p is None else p

    def begin(self, person: str) -> Profile:
        """The profile of somebody who has none."""
        p = self.profiles[person] = Profile()
        self.erased.begin_again(person, p)
        return p

    def apply(
        self,
        person: str,
        p: Profile,
        wire: Wire,
        event: Recent,
        named: Named,
        value: bytes,
        *,
        took_over: bool = False,
    ) -> None:
        """One event of the person, not a repeat, at whatever place in time order."""
        t, message_id = event[:2]
        open_before = len(p.open)
        today = self._calendar.segment(t)
        on = self.diary.arrived(person, p, event, named, today.reached)
        if wire.user_id is not None:
            if p.registered is None:
                self._register(person, p, value, event, took_over=took_over)
            elif p.registration is not None and (t, message_id) < p.registration:
                p.registered, p.imported = self.newcomers.registration(value, today.day, reborn=p.reborn)
                p.registration = t, message_id
        if t > p.last or not p.recent:
            self.diary.append(p, event, named, today, on)
            self.note(p, event)
        else:
            before = self.diary.stood(p, today.reached)
            facts = self.cutter.insert(p, event)
            self._count_new(facts)
            self._windows.correct(facts, p, self._marks)
            self.diary.differ(person, p, before, self.diary.stood(p, today.reached))
        if t > p.last:
            p.last, p.last_day = t, self._calendar.day_of(t)
        self.open_visits += len(p.open) - open_before
        self.await_close(person, p)
        self.evaluate(person, p, p.last, self._calendar.reached(p.last), message_id)

    def evaluate(self, person: str, p: Profile, at: int, day: int, cause: str) -> None:
        """Bring the person up to `day` and publish what changed, at `at` ms."""
        self.changed[person] = None
        due = p.due
        if p.registered is None:
            if p.redirect is None:
                p.due = min(due, p.last_day + self._d.prospect_days)
        else:
            n, changes = self.lifecycle.evaluate(p, day)
            if changes:
                self._publish(person, p, changes, at=at, day=day, cause=cause, tier=p.tier, engaged_visits=n)
        if p.due != due:
            self._timers.check_on(p.due, person)

    def trim(self, p: Profile, watermark: int) -> None:
        """Keep long visits small: now and then fold what the watermark has passed."""
        self.cutter.compact(p, watermark)

    def note(self, p: Profile, event: Recent) -> None:
        """What the event that was just appended has made true counts in its window."""
        began, occurred = self.cutter.began, self.cutter.occurred
        if began or occurred:
            page = self._marks[event[2]].page
            self._windows.made_true(event, p, begins=began, keys=occurred, page=page)
            for key in occurred:
                self.key_events[key] = self.key_events.get(key, 0) + 1

    def _count_new(self, facts: Sequence[Fact]) -> None:
        """What occurs since an event has come out of order. What no longer does has been counted."""
        new: Counter[int] = Counter()
        for _, before, after in facts:
            new.update(after.keys)
            new.subtract(before.keys if before is not None else ())
        for key, count in (+new).items():
            self.key_events[key] = self.key_events.get(key, 0) + count

    # -- time passing -----------------------------------------------------------------------------

    def at_midnight(self, person: str, midnight: int, day: int) -> None:
        """The midnight that begins `day`, for a person with something due."""
        p = self.profiles.get(person)
        if p is None or p.due > day:
            return
        p.due = NEVER
        if p.redirect is not None:
            if p.until <= day:
                self.redirects.end(person, p)
            else:
                self.set_due(person, p, p.until)
        elif p.registered is not None:
            self.evaluate(person, p, midnight, day, "day")
            self.lifecycle.prune(p, day)
        elif p.last + self.cutter.gap >= midnight or day - p.last_day < self._d.prospect_days:
            self.set_due(person, p, max(day + 1, p.last_day + self._d.prospect_days))
        else:
            self.close_due(person, midnight)
            self.diary.gone(person, p, midnight)
            self.forget(person)

    def close_due(self, person: str, watermark: int) -> None:
        """Publish the person's visits whose end plus gap lies before the watermark.

        Also the timer of an erased person comes here.
        """
        p = self.profiles.get(person)
        if p is None or not p.open:
            if self.erased.owns_timer(person):
                self.erased.release(person, watermark)
            return
        over = p.open[0].last + self.cutter.gap
        if over >= watermark:
            self._timers.close_after(over, person)
        else:
            self.close(person, p, watermark)

    def close(self, person: str, p: Profile, watermark: int) -> None:
        """Publish the visits of a person who has one that is over."""
        visits = self.cutter.close(p, watermark)
        for visit in visits:
            bounce = visit.pages < 2 and self.cutter.bounce(visit)
            self._publisher.visit(person, visit, bounce=bounce)
            if p.redirect is None:
                settle(p, visit)
        p.last_end = visits[-1].last
        self.visits += len(visits)
        self.open_visits -= len(visits)
        self.changed[person] = None
        if p.touched is not None:
            self._windows.prune(p, watermark)
        if p.registration is not None and p.registration[0] < watermark:
            p.registration = None
        if p.engaged or p.counts:
            self.lifecycle.prune(p, p.last_day)
        if p.open:
            self.await_close(person, p)

    def close_over(self, person: str, watermark: int, floor: int) -> None:
        """Publish what is over by this watermark, under the person's own id and those joined to it."""
        p = self.profiles.get(person)
        for name in (person, *(p.aliases if p is not None else ())):
            if name in self.profiles:
                self.close_ahead(name, watermark, floor)

    def close_ahead(self, person: str, watermark: int, floor: int) -> None:
        """Publish what is over by a watermark that is ahead of the partition's own, the `floor`.

        What is not before that may still be repeated.
        """
        p = self.profiles[person]
        before = [event[:2] for event in p.recent if event[0] >= floor]
        self.close_due(person, watermark)
        end = p.last_end
        closed = [] if end is None else [each for each in before if each[0] <= end]
        if closed:
            self.erased.closed(person, closed)

    # -- registration, deletion -------------------------------------------------------------------

    def _register(
        self, person: str, p: Profile, value: bytes, event: Recent, *, took_over: bool = False
    ) -> None:
        at = max(event[0], p.last)
        on, day = self._calendar.day_of(event[0]), self._calendar.reached(at)
        before = "deleted" if p.reborn else "prospect" if took_over else None
        change = self.newcomers.registers(p, value, event, on, day, before)
        p.due = NEVER
        self._publish(person, p, [change], at=at, day=day, cause=event[1], tier=0, engaged_visits=0)

    def delete(self, person: str, event: Recent, named: Named) -> None:
        """Erase the person's life up to the deletion; what came after it begins a new one."""
        t, message_id = event[:2]
        p = self.awake(person, t)
        self.diary.arrived(person, p, event, named, self._calendar.reached(t))
        at = max(t, p.last)
        known = p.registered is not None
        if not person.startswith(ANONYMOUS) and (known or not p.reborn):
            before = STATES[p.state] if known else None
            day = self._calendar.reached(at)
            change = self.lifecycle.enter(p, day, DELETED, "deleted", before)
            self._publish(person, p, [change], at=at, day=day, cause=message_id, tier=0, engaged_visits=0)
        later = [uncounted(event) for event in p.recent if event[:2] > (t, message_id)]
        ids = [event[:2] for event in p.recent if event[:2] < (t, message_id)]
        if not later:
            self.diary.gone(person, p, at)
        self.forget(person)
        erased = self.erased.erase(person, p, (t, message_id), ids)
        for alias in p.aliases:
            a = self.profiles.get(alias)
            if a is not None and a.redirect is not None:
                self.forget(alias)
                self.erased.erase_alias(alias, a, erased)
        if later:
            self._live_on(person, p, later, cause=message_id)

    def _live_on(self, person: str, before: Profile, later: list[Recent], *, cause: str) -> None:
        """A new life of events that arrived before the deletion, but are later than it."""
        last = before.last
        p = self.profiles[person] = Profile(
            last=last, last_day=self._calendar.day_of(last), recent=later, seen=before.seen
        )
        self.erased.begin_again(person, p)
        if not person.startswith(ANONYMOUS):
            self._register(person, p, b"{}", later[0])
        self.cutter.recut(p)
        self.open_visits += len(p.open)
        self.await_close(person, p)
        self.evaluate(person, p, last, self._calendar.reached(last), cause)

    def set_timers(self, person: str) -> None:
        """Set the timers of a person anew, whose were taken or are another partition's."""
        p = self.profiles.get(person)
        if p is not None:
            self._timers.check_on(p.due, person)
            self.await_close(person, p)

    # -- bookkeeping ------------------------------------------------------------------------------

    def _publish(
        self,
        person: str,
        p: Profile,
        changes: Sequence[Change],
        *,
        at: int,
        day: int,
        cause: str,
        tier: int,
        engaged_visits: int,
    ) -> None:
        """Changes evaluated at `at` ms, of the day that had been reached by then."""
        counts = self.transitions
        for change in changes:
            name = change[0], change[3]
            counts[name] = counts.get(name, 0) + 1
            self.diary.changed(person, p, change, day)
        self._publisher.transitions(
            person, changes, k=p.k, at=at, cause=cause, tier=tier, engaged_visits=engaged_visits
        )

    def await_close(self, person: str, p: Profile) -> None:
        """Set the timer of the first open visit."""
        if p.open:
            self._timers.close_after(p.open[0].last + self.cutter.gap, person)

    def set_due(self, person: str, p: Profile, day: int) -> None:
        """Have the person looked at on a day."""
        p.due = day
        self._timers.check_on(day, person)
        self.changed[person] = None

    def forget(self, person: str) -> None:
        """Nothing is known of an id any more."""
        p = self.profiles.pop(person, None)
        if p is not None:
            self.open_visits -= len(p.open)
        self.changed[person] = None


def _order(event: Recent) -> tuple[int, str]:
    return event[:2]
