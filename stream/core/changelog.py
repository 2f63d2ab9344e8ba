"""What a partition hands to its changelog, and takes up from it again."""

from __future__ import annotations

from collections.abc import Iterator

from stream.core.activity import Activity, Vocabulary
from stream.core.clock import BEGINNING
from stream.core.engagement.days import STANDING_KEY, Days
from stream.core.engagement.windows import Windows
from stream.core.keeping import PERSONS_END, Keeping, Shelves, profiles_in
from stream.core.persons import Persons
from stream.core.profile import (
    ERASED_PREFIX,
    PROGRESS_KEY,
    Erased,
    Profile,
    Progress,
    check_version,
    decode,
    decode_erased,
    decode_progress,
    encode,
    encode_erased,
    encode_progress,
)

_BESIDE = STANDING_KEY, b"\xf9"
"""Between these are the keys of what is counted beside the persons: days and windows."""


class Changelog:
    """Profiles under their persons, what is left of the deleted under a hash, and the partition's progress.

    Beside them what is counted over all persons. With a local store, what is restored goes there, and
    nothing of it stays in memory.
    """

    def __init__(self, keeping: Keeping | None) -> None:
        self._keeping = keeping
        self._written: Progress | None = None
        self._progress: Progress | None = None
        self._profiles = profiles_in(None)
        self._erased: dict[bytes, Erased] = {}
        self._beside: dict[bytes, bytes] = {}

    def take(
        self,
        persons: Persons,
        activity: Activity,
        windows: Windows,
        days: Days,
        *,
        watermark: int,
        newest: int,
    ) -> list[tuple[bytes, bytes | None]]:
        """Records since last taken: key, value (None deletes). The progress comes last, if there is any."""
        changes: list[tuple[bytes, bytes | None]] = []
        hot, keeping = persons.hot, self._keeping
        has_open: set[bytes] = set() if keeping is None else keeping.open.keys
        for person in persons.changed:
            p = hot.get(person)  # who has changed is there, or gone
            key = person.encode()
            changes.append((key, None if p is None else encode(p)))
            if keeping is not None and (key in has_open) != (p is not None and bool(p.open)):
                keeping.open.note(key, key not in has_open)
        for name in persons.erased.changed:
            erased = persons.erased.lives.get(name)
            changes.append((ERASED_PREFIX + name, None if erased is None else encode_erased(erased)))
        changes += windows.changes()
        changes += days.changes()
        if keeping is not None:
            keeping.taken()
        else:
            persons.profiles.taken()
            persons.erased.changed.clear()
        written = self._written
        progressed = newest != (BEGINNING if written is None else written.newest)
        progressed = progressed or (written is not None and written.watermark != watermark)
        if changes or activity.grown or progressed:
            activity.grown = False
            self._written = Progress(watermark, newest, Vocabulary())
            whole = Progress(
                watermark,
                newest,
                activity.vocabulary,
                len(persons.profiles),
                len(persons.erased.lives),
                persons.open_visits,
            )
            changes.append((PROGRESS_KEY, encode_progress(whole)))
        return changes

    def restore(self, key: bytes, value: bytes | None) -> None:
        """One record, in log order. Raises ValueError for a newer version's."""
        if self._keeping is not None:
            self._keeping.restore(key, value)
        elif key == PROGRESS_KEY:
            if value is not None:
                self._progress = decode_progress(value)
        elif key[:1] == ERASED_PREFIX:
            if value is None:
                self._erased.pop(key[1:], None)
            else:
                self._erased[key[1:]] = decode_erased(value)
        elif _BESIDE[0] <= key < _BESIDE[1]:
            if value is None:
                self._beside.pop(key, None)
            else:
                self._beside[key] = value
        elif key >= PERSONS_END:
            return  # what a re-keyed stream or the engine keeps beside the persons
        elif value is None:
            self._profiles.asleep.pop(key.decode(), None)
        else:
            check_version(value)
            self._profiles.asleep[key.decode()] = value

    def restored(self) -> Progress | None:
        """The last record has been restored: how far the partition was; None where it had not begun."""
        if self._keeping is not None:
            stored = self._keeping.get(PROGRESS_KEY)
            self._progress = None if stored is None else decode_progress(stored)
        self._written = self._progress
        return self._progress

    def beside(self) -> dict[bytes, bytes]:
        """The records restored of what is counted over all persons."""
        keeping = self._keeping
        if keeping is None:
            beside, self._beside = self._beside, {}
            return beside
        stored = ((key, keeping.get(key)) for key in keeping.keys(*_BESIDE))
        return {key: value for key, value in stored if value is not None}

    def profiles(self, persons: Persons) -> Iterator[tuple[str, Profile]]:
        """All that was restored, by person. From the local store, they don't stay in memory."""
        if self._keeping is None:
            for person, data in persons.profiles.asleep.items():
                yield person, decode(data)
            return
        for key in self._keeping.keys(b"", PERSONS_END):
            value = self._keeping.get(key)
            if value is not None:
                yield key.decode(), decode(value)

    def shelves(self) -> Shelves:
        """Where the persons are: those restored, and all to come."""
        if self._keeping is not None:
            return self._keeping.shelves()
        self._profiles.counted(None)
        shelves = Shelves.in_memory(self._profiles, self._erased)
        self._profiles, self._erased = profiles_in(None), {}
        return shelves

    def take_up(self, persons: Persons, progress: Progress) -> None:
        """Have the timers of the restored population set."""
        if self._keeping is None:
            persons.take_up()
        else:
            self._keeping.restored(progress)
            persons.open_visits = self._keeping.open_visits(progress)
            persons.take_up_open(self._keeping.open.keys, progress.watermark)
