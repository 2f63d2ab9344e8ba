"""What is left of erased lives, until none of their events can be repeated (SPEC 5)."""

from __future__ import annotations

from collections.abc import Sequence

from stream.core.clock import BEGINNING, Timers
from stream.core.events import ANONYMOUS
from stream.core.keeping import Shelf
from stream.core.profile import Erased, Profile, hash_of

Id = tuple[int, str]
"""An event's time, in ms, and messageId."""


class ErasedLives:
    """By a hash of the person's id. `changed` has the hashes of all that changed.

    A timer of its own, not a person's id, says when ids need not be known any more: `owns_timer`, `release`.
    `linger_ms` is how long after a deletion the windows of its last events may be open.
    """

    def __init__(
        self, lives: Shelf[bytes, Erased], changed: dict[bytes, None], timers: Timers, linger_ms: int
    ) -> None:
        self.lives = lives
        self.changed = changed
        self._timers = timers
        self._linger_ms = linger_ms
        self._waiting: dict[str, bytes] = {}  # timer -> hash

    # -- what is known ----------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether ids of anybody may still be repeated."""
        return bool(self._waiting)

    def of(self, person: str) -> Erased | None:
        return self.lives.get(hash_of(person))

    def knows(self, person: str, event: Id) -> bool:
        """Whether the event is one of those that may still be repeated."""
        erased = self.of(person) if self._waiting else None
        return erased is not None and event in erased.recent

    def takes(self, person: str, event: Id) -> bool:
        """Whether an event belongs to a life that has been erased; it then leaves only its id."""
        erased = self.of(person) if self._waiting else None
        if erased is None or erased.deleted is None or event > erased.deleted:
            return False
        self._remember(hash_of(person), erased, [event])
        return True

    # -- what happens -----------------------------------------------------------------------------

    def erase(self, person: str, p: Profile, deleted: Id, ids: Sequence[Id]) -> Erased:
        """A life ends with the event `deleted`; `ids` are of what it had done before."""
        name = hash_of(person)
        erased = self.lives.get(name) or Erased()
        erased.k, erased.deleted, erased.reborn, erased.touched = p.k, deleted, False, p.touched
        self._remember(name, erased, [*ids, deleted])
        return erased

    def erase_alias(self, alias: str, a: Profile, user: Erased) -> None:
        """So does that of an id which led to the erased `user`."""
        name = hash_of(alias)
        erased = self.lives.get(name) or Erased()
        erased.deleted, erased.touched = user.deleted, a.touched
        self._remember(name, erased, user.recent)

    def closed(self, person: str, ids: Sequence[Id]) -> None:
        """Visits were closed ahead of the watermark, whose events have these ids."""
        name, latest = hash_of(person), max(ids)[0]
        erased = self.lives.get(name) or Erased()
        erased.closed = latest if erased.closed is None else max(erased.closed, latest)
        self._remember(name, erased, ids)

    def begin_again(self, person: str, p: Profile) -> None:
        """The first event of a new life, in the profile `p`, goes on with what is left."""
        if not self.lives:
            return
        name = hash_of(person)
        erased = self.lives.get(name)
        if erased is None:
            return
        p.k = erased.k
        p.touched, erased.touched = erased.touched, None
        p.reborn = not person.startswith(ANONYMOUS)
        self.changed[name] = None
        if not erased.waits:
            del self.lives[name]
        elif erased.deleted is not None:
            erased.reborn = True

    def give_away(self, person: str) -> Erased | None:
        """Take out what is left of a person."""
        name = hash_of(person)
        erased = self.lives.pop(name, None)
        if erased is not None:
            self._waiting.pop(_timer(name), None)
            self.changed[name] = None
        return erased

    def take_in(self, person: str, erased: Erased) -> None:
        """Go on with what another partition has given away."""
        name = hash_of(person)
        self.lives[name] = erased
        self.changed[name] = None
        if erased.waits:
            self._wait(name, erased)

    def _remember(self, name: bytes, erased: Erased, ids: Sequence[Id]) -> None:
        erased.recent += ids
        self.lives[name] = erased
        self.changed[name] = None
        self._wait(name, erased)

    # -- time passing -----------------------------------------------------------------------------

    def wait(self, name: bytes) -> None:
        """Set the timer of one that was restored, by its hash, if it needs one."""
        erased = self.lives.get(name)
        if erased is not None and erased.waits:
            self._wait(name, erased)

    def owns_timer(self, timer: str) -> bool:
        return timer in self._waiting

    def release(self, timer: str, watermark: int) -> None:
        """Forget the ids of an erased person that could only come late by now."""
        name = self._waiting[timer]
        erased = self.lives[name]
        if self._until(erased) >= watermark:
            self._wait(name, erased)
            return
        del self._waiting[timer]
        self.changed[name] = None
        if erased.reborn or erased.k == 0:
            del self.lives[name]
        else:
            erased.deleted, erased.recent, erased.touched, erased.closed = None, [], None, None

    def _wait(self, name: bytes, erased: Erased) -> None:
        timer = _timer(name)
        self._waiting[timer] = name
        self._timers.close_after(self._until(erased), timer)

    def _until(self, erased: Erased) -> int:
        """The watermark past which no id of it can be repeated."""
        deleted = BEGINNING if erased.deleted is None else erased.deleted[0] + self._linger_ms
        return deleted if erased.closed is None else max(deleted, erased.closed)


def _timer(name: bytes) -> str:
    return "\0" + name.hex()
