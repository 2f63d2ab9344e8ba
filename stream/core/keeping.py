"""More persons than fit into memory: decoded on their visits, encoded between them, or in the local store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Generic, NamedTuple, Protocol, TypeVar

from stream.core.indexes import DueIndex, OpenIndex
from stream.core.profile import (
    ERASED_PREFIX,
    Erased,
    Profile,
    Progress,
    decode,
    decode_erased,
    encode_erased,
    encode_whole,
    glance,
)

PERSONS_END = b"\xf5"  # UTF-8 has no byte from here on: what begins with one is no person

AWAKE = 16_384
"""Values of a shelf that are decoded at the same time, about: each takes more memory, but no time to wake."""

_LEFT_FULL = 0.75

K = TypeVar("K")
V = TypeVar("V")


class ColdStore(Protocol):
    """One partition's local store, read only: it holds what is committed, under the changelog's keys."""

    def get(self, key: bytes) -> bytes | None:
        """The value, None where there is none."""

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        """The keys with `start <= key < end`, ascending."""


class Shelf(Protocol[K, V]):
    """What the persons' logic needs of a dict, so that it need not know whether all of it is in memory."""

    def get(self, key: K, /) -> V | None: ...
    def pop(self, key: K, default: None, /) -> V | None: ...
    def __getitem__(self, key: K, /) -> V: ...
    def __setitem__(self, key: K, value: V, /) -> None: ...
    def __delitem__(self, key: K, /) -> None: ...
    def __iter__(self) -> Iterator[K]: ...
    def __len__(self) -> int: ...


class Shelves(NamedTuple):
    """All persons of a partition. `hot` are the decoded profiles, `changed` the keys of changed ones."""

    hot: dict[str, Profile]
    profiles: Kept[str, Profile]
    changed: dict[str, None]
    erased: Shelf[bytes, Erased]
    changed_erased: dict[bytes, None]

    @staticmethod
    def in_memory(profiles: Kept[str, Profile], erased: dict[bytes, Erased]) -> Shelves:
        """Without a local store."""
        return Shelves(profiles.hot, profiles, profiles.changed, erased, {})


class Kept(Generic[K, V]):
    """A Shelf of which `hot` is decoded, `asleep` in memory as it is stored, and the rest in the store.

    Whoever alters a value puts its key into `changed`. Changed values stay in memory until they are
    `written`; so a key that is changed, or on its way to the store, and neither `hot` nor `asleep`, is gone,
    whatever the store still says. Only `written` puts anything to sleep, or drops it from memory: in
    between, a value is one object. Without a store nothing is dropped.
    """

    def __init__(
        self,
        store: ColdStore | None,
        *,
        stored_key: Callable[[K], bytes],
        key_of: Callable[[bytes], K],
        decode: Callable[[bytes], V],
        encode: Callable[[V], bytes],
        span: tuple[bytes, bytes],
    ) -> None:
        self.hot: dict[K, V] = {}
        self.asleep: dict[K, bytes] = {}  # none of these is hot; who was used last comes last
        self.changed: dict[K, None] = {}
        self._in_flight: dict[K, None] = {}
        self._used: set[K] = set()
        self._count = 0
        self._absent: K | None = None  # what was last looked for in vain
        self._store, self._span = store, span
        self._stored_key, self._key_of, self._decode, self._encode = stored_key, key_of, decode, encode

    def get(self, key: K, /) -> V | None:
        value = self.hot.get(key)
        if value is None:
            data = self.asleep.pop(key, None)
            if (
                data is None
                and self._store is not None
                and key not in self.changed
                and key not in self._in_flight
            ):
                data = self._store.get(self._stored_key(key))
            if data is None:
                self._absent = key
            else:
                value = self.hot[key] = self._decode(data)
        return value

    def peek(self, key: K) -> V | None:
        """The value, to look at and not to alter: whoever sleeps is left asleep."""
        data = self.asleep.get(key)
        return self.get(key) if data is None else self._decode(data)

    def pop(self, key: K, default: None = None, /) -> V | None:
        value = self.get(key)
        if value is not None:
            del self.hot[key]
            self._count -= 1
        if self._store is not None:
            self.changed[key] = None
        return value

    def __getitem__(self, key: K, /) -> V:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: K, value: V, /) -> None:
        if key not in self.hot and (key == self._absent or self.get(key) is None):
            self._count += 1
        self._absent = None
        self.hot[key] = value
        if self._store is not None:
            self.changed[key] = None

    def __delitem__(self, key: K, /) -> None:
        if self.pop(key) is None:
            raise KeyError(key)

    def __iter__(self) -> Iterator[K]:
        yield from [*self.hot, *self.asleep]
        for stored in () if self._store is None else self._store.keys(*self._span):
            key = self._key_of(stored)
            if not (key in self.hot or key in self.asleep or key in self.changed or key in self._in_flight):
                yield key

    def __len__(self) -> int:
        """All there are, in memory or not."""
        return self._count

    def counted(self, count: int | None) -> None:
        """How many there are by now; None where nobody knows, and they have to be counted."""
        self._count = sum(1 for _ in self) if count is None else count

    def taken(self) -> None:
        """What has changed is on its way to the store."""
        self._in_flight.update(self.changed)
        self.changed.clear()

    def written(self, most: int | None = None) -> None:
        """What was taken is in the store: of too many that are awake the least used go to sleep.

        And what is over `most` is dropped from memory, if there is a store; where that is fewer than may be
        awake, nobody sleeps in between.
        """
        hot, asleep, used = self.hot, self.asleep, self._used
        used.update(self._in_flight)
        self._in_flight.clear()
        awake = AWAKE if most is None else min(AWAKE, most)
        if len(hot) > awake:
            self._put_to_sleep(int(awake * _LEFT_FULL), keep=most != awake)
        elif len(used) > 2 * AWAKE:  # some are gone
            used.intersection_update(hot)
        if most is not None and self._store is not None and len(hot) + len(asleep) > most:
            for key in list(islice(asleep, len(hot) + len(asleep) - int(most * _LEFT_FULL))):
                del asleep[key]

    def _put_to_sleep(self, down_to: int, *, keep: bool) -> None:
        """Oldest first; who was used since the last time goes to the end instead, if there are others.

        Who is not to be kept is in the store only from then on.
        """
        hot, asleep, used = self.hot, self.asleep, self._used
        excess = len(hot) - down_to
        for key in list(hot):
            if excess <= 0:
                break
            if key in self.changed:
                continue
            value = hot.pop(key)
            if key in used:
                hot[key] = value
                continue
            excess -= 1
            if keep:
                asleep[key] = self._encode(value)
        used.clear()
        if excess > 0:
            for key in [key for key in hot if key not in self.changed][:excess]:
                value = hot.pop(key)
                if keep:
                    asleep[key] = self._encode(value)


def profiles_in(store: ColdStore | None) -> Kept[str, Profile]:
    """The shelf of profiles; all in memory without a store."""
    return Kept(
        store,
        stored_key=str.encode,
        key_of=bytes.decode,
        decode=decode,
        encode=encode_whole,
        span=(b"", PERSONS_END),
    )


class Keeping:
    """All that a partition has in its local store: both shelves, and the indexes of what is due and open."""

    def __init__(self, store: ColdStore, hot: int) -> None:
        self.hot_limit = hot
        self.profiles = profiles_in(store)
        self.erased: Kept[bytes, Erased] = Kept(
            store,
            stored_key=lambda name: ERASED_PREFIX + name,
            key_of=lambda stored: stored[1:],
            decode=decode_erased,
            encode=encode_erased,
            span=(ERASED_PREFIX, b"\xff"),
        )
        self._local: dict[bytes, bytes | None] = {}
        self.due = DueIndex(store, self._local)
        self.open = OpenIndex(store, self._local)
        self.get, self.keys = store.get, store.keys

    def shelves(self) -> Shelves:
        """Both shelves, as Persons has them."""
        profiles, erased = self.profiles, self.erased
        return Shelves(profiles.hot, profiles, profiles.changed, erased, erased.changed)

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Index a changelog record; the record itself is the store's, and stays nowhere in memory."""
        if key[:1] == ERASED_PREFIX:
            self.open.note(key, value is not None and decode_erased(value).waits)
        elif key < PERSONS_END:
            due, visits, _ = (None, 0, 0) if value is None else glance(value)
            if due is not None:
                self.due.put(due, key)
            self.open.note(key, bool(visits))

    def restored(self, progress: Progress) -> None:
        """The last changelog record is in the store."""
        self.profiles.counted(progress.profiles)
        self.erased.counted(progress.erased)

    def open_visits(self, progress: Progress) -> int:
        """How many visits are open by what is in the store."""
        if progress.open_visits is not None:
            return progress.open_visits
        values = map(self.get, (key for key in self.open.keys if key < PERSONS_END))
        return sum(len(decode(value).open) for value in values if value is not None)

    def taken(self) -> None:
        """All changes have been taken for the changelog, and open visits noted: hold them until `written`."""
        for name in self.erased.changed:
            erased = self.erased.hot.get(name)
            self.open.note(ERASED_PREFIX + name, erased is not None and erased.waits)
        self.profiles.taken()
        self.erased.taken()
        self.due.taken()

    def take_local(self) -> list[tuple[bytes, bytes | None]]:
        """Changes of the indexes since last taken: key, value (None deletes)."""
        changes = list(self._local.items())
        self._local.clear()
        return changes

    def written(self) -> None:
        """What was taken is in the store."""
        self.due.written()
        self.profiles.written(self.hot_limit)
        self.erased.written(self.hot_limit)
