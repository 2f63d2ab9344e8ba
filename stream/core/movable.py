"""A Partition whose persons may wait, and move to another one: what a re-keyed stream needs besides."""

from __future__ import annotations

from collections.abc import Collection

from stream.core.activity import Vocabulary
from stream.core.moving import unpack
from stream.core.partition import Partition
from stream.core.profile import Erased, Profile


class MovablePartition(Partition):
    """For a RekeyedPartition, which knows who waits, and who lives where."""

    def hold_windows(self, watermark_ms: int | None) -> None:
        """Keep windows and days open that were so at this watermark; None: none but those that are."""
        self._floor = watermark_ms
        self._windows.hold = None if watermark_ms is None else watermark_ms + self._windows.ahead

    def hold(self, persons: Collection[str]) -> None:
        """From now on nothing becomes due for whoever is among `persons`."""
        self._held = self._due.held = persons

    @property
    def vocabulary(self) -> Vocabulary:
        """The numbers in the profiles of this partition."""
        return self._activity.vocabulary

    def day_of(self, t: int) -> int:
        """The latest local date that has begun by `t` ms."""
        return self._calendar.reached(t)

    def profile(self, person: str) -> Profile | None:
        """What is known under an id; not to be changed."""
        return self._persons.profiles.get(person)

    def resolve(self, person: str, t: int) -> str:
        """The person that an id stands for at `t` ms: the user, for an anonymous id that was joined."""
        return self._persons.redirects.resolve(person, t)

    def lead_on(self, person: str, until: int) -> None:
        """Remember up to this day where an id has moved."""
        self._persons.redirects.lead_on(person, until)

    def give_away(self, person: str, to: int, until: int) -> tuple[Profile | None, Erased | None]:
        """Move an id to partition `to`, and remember that up to this day."""
        if self._due.behind:
            self._due.catch_up(person)
        return self._persons.redirects.give_away(person, to, until)

    def take_in(self, person: str, moved: bytes) -> None:
        """Take over an id that another partition has given away."""
        self._persons.redirects.take_in(person, *unpack(moved, self._activity))

    def resume(self, person: str) -> None:
        """Go on with a person who was held."""
        self._persons.set_timers(person)
        if self._watermark > self._timers.next:
            self._due.begin()
            self._due.fire(self._watermark)
