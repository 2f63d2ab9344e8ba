"""The parts of windows that are still open, by source, until they are added up (SPEC 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from stream.core.engagement.partials import Sums, WindowPart, encode

Rows = dict[str, Sums]

_decode = msgspec.msgpack.Decoder(WindowPart).decode


class OpenWindows:
    """Parts are upserts: a row takes the place of the same source's earlier one for its series.

    What a source says in advance (`final` is false) counts until its final word, and is not kept over a
    restart.
    """

    def __init__(self, *, track_changes: bool = True) -> None:
        self._track_changes = track_changes
        self._final: dict[int, dict[int, Rows]] = {}
        self._ahead: dict[int, dict[int, Rows]] = {}
        self._pieces: dict[tuple[int, int], int] = {}
        self._changed: dict[str, bytes | None] = {}

    def add(self, part: WindowPart) -> bool:
        """Takes a part in; False where it says what is known."""
        start, source, rows = part.start, part.source, part.rows
        if not part.final:
            if source in self._final.get(start, ()):
                return False
            self._ahead.setdefault(start, {}).setdefault(source, {}).update(rows)
            return True
        known = self._final.get(start, {}).get(source, {})
        if all(known.get(series) == sums for series, sums in rows.items()):
            return False
        self._final.setdefault(start, {}).setdefault(source, {}).update(rows)
        if self._track_changes:
            number = self._pieces[start, source] = self._pieces.get((start, source), 0) + 1
            self._changed[_key(start, source, number)] = encode(part)
        return True

    def earliest(self) -> int | None:
        """The first window, by its start, of which a source has said its final word."""
        return min(self._final, default=None)

    def starts(self) -> list[int]:
        """All windows of which anything is known, in order."""
        return sorted(self._final.keys() | self._ahead.keys())

    def rows(self, start: int) -> Rows:
        """Sums over the sources by series, with what some have said in advance."""
        sources = self._ahead.get(start, {}) | self._final.get(start, {})
        return _added_up(sources.values())

    def close(self, start: int) -> Rows:
        """Sums over the sources by series of what is final; the window is forgotten."""
        self._ahead.pop(start, None)
        sources = self._final.pop(start, {})
        for source in sources:
            for number in range(self._pieces.pop((start, source), 0)):
                self._changed[_key(start, source, number + 1)] = None
        return _added_up(sources.values())

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """What to keep of what has changed since the last call."""
        changed, self._changed = self._changed, {}
        yield from changed.items()

    def restore(self, value: bytes, window_ms: int) -> bool:
        """Take in what `changes` gave once, in the order of the keys.

        False where windows had another length then. Raises msgspec.DecodeError.
        """
        part = _decode(value)
        if part.start % window_ms:
            return False
        self._final.setdefault(part.start, {}).setdefault(part.source, {}).update(part.rows)
        piece = part.start, part.source
        self._pieces[piece] = self._pieces.get(piece, 0) + 1
        return True


def _key(start: int, source: int, number: int) -> str:
    return f"{start}/{source}/{number:06d}"


def _added_up(sources: Iterable[Rows]) -> Rows:
    """Whole numbers: the order does not matter. Rows may be a source's own, and are not to be changed."""
    total: Rows = {}
    for rows in sources:
        if not total:
            total = dict(rows)
            continue
        for series, sums in rows.items():
            known = total.get(series)
            total[series] = sums if known is None else added(known, sums)
    return total


def added(one: Sums, other: Sums) -> Sums:
    """The two together, as a new one."""
    return Sums(
        one.events + other.events,
        one.pageviews + other.pageviews,
        one.people + other.people,
        one.visits + other.visits,
        one.engaged + other.engaged,
        _counted(one.key_events, other.key_events),
        _counted(one.promoted_key_events, other.promoted_key_events),
        one.promoted_people + other.promoted_people,
    )


def _counted(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    if not other:
        return one
    if not one:
        return other
    both = dict(one)
    for name, count in other.items():
        both[name] = both.get(name, 0) + count
    return both
