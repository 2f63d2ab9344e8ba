"""Ids that stand for another: anonymous ones that a user has joined, and those that have moved (SPEC 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.calendar import Calendar
from stream.core.definition import Definition
from stream.core.engagement.diary import Diary
from stream.core.joining import take_over
from stream.core.profile import NEVER, Erased, Profile
from stream.core.visits import Cutter

if TYPE_CHECKING:
    from stream.core.persons import Persons

ELSEWHERE = ""  # the redirect of an id that lives on another partition: nobody's id is empty
MAX_ALIASES = 100  # an id that joins anonymous ids without end must not grow its profile without end


class Redirects:
    """Of the ids among `persons`. `diary` is told who becomes somebody else."""

    def __init__(
        self, persons: Persons, definition: Definition, *, cutter: Cutter, diary: Diary, calendar: Calendar
    ) -> None:
        self._persons = persons
        self._hibernate_days = definition.hibernate_days
        self._prospect_days = definition.prospect_days
        self._cutter = cutter
        self._diary = diary
        self._calendar = calendar

    def resolve(self, person: str, t: int) -> str:
        """The person that an id stands for at `t`: the user, for an anonymous id that was joined."""
        p = self._persons.profiles.get(person)
        if p is None or p.redirect is None:
            return person
        if self._calendar.reached(t) >= p.until:
            self.end(person, p)
            return person
        return p.redirect

    def join(self, person: str, p: Profile, anonymous: str, t: int, *, watermark: int, floor: int) -> bool:
        """Make the anonymous id a redirect to the user; True where a prospect was taken over.

        Visits that are over by `watermark` are not joined; the partition has come to `floor`.
        """
        a = self._persons.profiles.get(anonymous)
        day = self._calendar.reached(t)
        if a is not None and a.redirect is None:
            if a.open:
                self._persons.close_ahead(anonymous, watermark, floor)
            a = self._persons.awake(anonymous, t)
        if a is not None and a.redirect is not None and day >= a.until:
            self.end(anonymous, a)
            a = None
        if a is not None and a.redirect is not None and a.redirect != person:
            return False
        took_over = a is not None and a.redirect is None and a.due != NEVER
        if a is not None and took_over:
            self._take_over(person, p, anonymous, a, t, watermark)
        if a is None or (a.redirect is None and not a.open):
            a = self._persons.profiles[anonymous] = Profile(touched=None if a is None else a.touched)
        a.redirect, a.until = person, day + self._hibernate_days
        if a.due > a.until or a.due == NEVER:
            self._persons.set_due(anonymous, a, a.until)
        self._persons.changed[anonymous] = None
        if anonymous not in p.aliases:
            p.aliases = (*p.aliases, anonymous)
            if len(p.aliases) > MAX_ALIASES:
                oldest = p.aliases[0]
                self.end(oldest, self._persons.profiles[oldest])
        return took_over

    def _take_over(self, person: str, p: Profile, anonymous: str, a: Profile, t: int, watermark: int) -> None:
        diary = self._diary
        day = self._calendar.reached(t)
        before, theirs = diary.stood(p, day), diary.stood(a, day)
        self._persons.open_visits -= len(p.open) + len(a.open)
        take_over(p, a, self._cutter, watermark)
        self._persons.open_visits += len(p.open) + len(a.open)
        diary.differ(person, p, before, diary.stood(p, day))
        diary.differ(anonymous, a, theirs, diary.stood(a, day))
        diary.joined(person, p, a, day)
        diary.gone(anonymous, a, t)
        self._persons.await_close(person, p)

    def end(self, anonymous: str, a: Profile) -> None:
        """An id leads to its user no longer."""
        user = self._persons.profiles.get(a.redirect or "")
        if user is not None and anonymous in user.aliases:
            user.aliases = tuple(alias for alias in user.aliases if alias != anonymous)
            self._persons.changed[a.redirect or ""] = None
        if a.open:  # what stayed behind still closes under the anonymous id
            a.redirect, a.until = None, NEVER
            self._persons.set_due(anonymous, a, a.last_day + self._prospect_days)
        else:
            self._persons.forget(anonymous)

    def give_away(self, person: str, to: int, until: int) -> tuple[Profile | None, Erased | None]:
        """Take out all that is known under an id; what remains leads to partition `to`, up to a day."""
        p = self._persons.profiles.get(person)
        erased = self._persons.erased.give_away(person)
        if p is not None:
            self._persons.open_visits -= len(p.open)
            self._diary.moved(person, p, -1)
        lead = self._persons.profiles[person] = Profile(redirect=ELSEWHERE, moved_to=to, until=until)
        self._persons.set_due(person, lead, until)
        return p, erased

    def take_in(self, person: str, p: Profile | None, erased: Erased | None) -> None:
        """Go on with an id where another partition has left off."""
        known = self._persons.profiles.get(person)
        if known is not None and known.redirect not in (None, ELSEWHERE):
            self.end(person, known)
        elif known is not None:
            self._diary.gone(person, known, known.last)
        self._persons.forget(person)
        if p is not None:
            self._persons.open_visits += len(p.open)
            self._diary.moved(person, p, 1)
            self._persons.profiles[person] = p
            self._persons.set_timers(person)
        if erased is not None:
            self._persons.erased.take_in(person, erased)

    def lead_on(self, person: str, until: int) -> None:
        """Keep leading to another partition up to this day."""
        p = self._persons.profiles.get(person)
        if p is not None and until > p.until:
            p.until = until
            self._persons.changed[person] = None
