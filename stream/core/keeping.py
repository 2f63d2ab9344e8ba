"""More persons than fit into memory: profiles in use are decoded, all others wait in the local store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

from stream.core.indexes import DueIndex, OpenIndex
from stream.core.profile import (
    ERASED_PREFIX,
    Erased,
    Profile,
    Progress,
    decode,
    decode_erased,
    glance,
)

PERSONS_END = b"\xf5"  # UTF-8 has no byte from here on: what begins with one is no person
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
    """All persons of a partition. `hot` are the profiles in memory, `changed` the keys of changed ones."""

    hot: dict[str, Profile]
    profiles: Shelf[str, Profile]
    changed: dict[str, None]
    erased: Shelf[bytes, Erased]
    changed_erased: dict[bytes, None]

    @staticmethod
    def in_memory(profiles: dict[str, Profile], erased: dict[bytes, Erased]) -> Shelves:
        """Without a local store."""
        return Shelves(profiles, profiles, {}, erased, {})


class Kept(Generic[K, V]):
    """A Shelf of which `hot` is in memory and the rest in the store.

    Whoever alters a value puts its key into `changed`. Changed values stay in memory until they are
    `written`; so a key that is changed, or on its way to the store, and not `hot`, is gone, whatever the
    store still says. Only `written` drops anything from memory: in between, a value is one object.
    """

    def __init__(
        self,
        store: ColdStore,
        *,
        stored_key: Callable[[K], bytes],
        key_of: Callable[[bytes], K],
        decode: Callable[[bytes], V],
        span: tuple[bytes, bytes],
    ) -> None:
        self.hot: dict[K, V] = {}
        self.changed: dict[K, None] = {}
        self._in_flight: dict[K, None] = {}
        self._used: set[K] = set()
        self._count = 0
        self._absent: K | None = None  # what was last looked for in vain
        self._store, self._span = store, span
        self._stored_key, self._key_of, self._decode = stored_key, key_of, decode

    def get(self, key: K, /) -> V | None:
        value = self.hot.get(key)
        if value is None and key not in self.changed and key not in self._in_flight:
            data = self._store.get(self._stored_key(key))
            if data is None:
                self._absent = key
            else:
                value = self.hot[key] = self._decode(data)
        return value

    def pop(self, key: K, default: None = None, /) -> V | None:
        value = self.get(key)
        if value is not None:
            del self.hot[key]
            self._count -= 1
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
        self.changed[key] = None

    def __delitem__(self, key: K, /) -> None:
        if self.pop(key) is None:
            raise KeyError(key)

    def __iter__(self) -> Iterator[K]:
        yield from list(self.hot)
        for stored in self._store.keys(*self._span):
            key = self._key_of(stored)
            if key not in self.hot and key not in self.changed and key not in self._in_flight:
                yield key

    def __len__(self) -> int:
        """All there are, in memory or not."""
        return self._count

    def counted(self, count: int | None) -> None:
        """How many the store holds; None where nobody knows, and they have to be counted."""
        self._count = sum(1 for _ in self._store.keys(*self._span)) if count is None else count

    def taken(self) -> None:
        """What has changed is on its way to the store."""
        self._in_flight.update(self.changed)
        self.changed.clear()

    def written(self, most: int) -> None:
        """What was taken is in the store: drop from memory what is over `most`, the least used first."""
        self._used.update(self._in_flight)
        self._in_flight.clear()
        if len(self.hot) > most:
            self._evict(int(most * _LEFT_FULL))

    def _evict(self, down_to: int) -> None:
        """Oldest first; who was used since the last time goes to the end instead, if there are others."""
        hot, used = self.hot, self._used
        excess = len(hot) - down_to
        for key in list(hot):
            if excess <= 0:
                break
            if key in self.changed:
                continue
            value = hot.pop(key)
            if key in used:
                hot[key] = value
            else:
                excess -= 1
        used.clear()
        if excess > 0:
            for key in [key for key in hot if key not in self.changed][:excess]:
                del hot[key]


class Keeping:
    """All that a partition has in its local store: both shelves, and the indexes of what is due and open."""

    def __init__(self, store: ColdStore, hot: int) -> None:
        self.hot_limit = hot
        self.profiles: Kept[str, Profile] = Kept(
            store,
            stored_key=str.encode,
            key_of=bytes.decode,
            decode=decode,
            span=(b"", PERSONS_END),
        )
        self.erased: Kept[bytes, Erased] = Kept(
            store,
            stored_key=lambda name: ERASED_PREFIX + name,
            key_of=lambda stored: stored[1:],
            decode=decode_erased,
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
            due, is_open = (None, False) if value is None else glance(value)
            if due is not None:
                self.due.put(due, key)
            self.open.note(key, is_open)

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
