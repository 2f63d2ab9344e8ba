"""Which series have a window in which nothing happened in them (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from stream.core.definition import DAY
from stream.core.engagement.rows import EMPTY, TOTAL, Row

_decode = msgspec.msgpack.Decoder(int).decode
_encode = msgspec.msgpack.Encoder().encode


class LastSeen:
    """In which window, by its start in ms, each series had something last. Windows come in order."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._changed: set[str] = set()

    def fill(self, start_ms: int, rows: Mapping[str, Row], keeps: Callable[[str], bool]) -> dict[str, Row]:
        """All series of the window, `total` first, then by name.

        `total` is always there; others with a row, or with one less than a day ago, where the cap still
        `keeps` them: what goes under `other` now is not empty.
        """
        seen = self._seen
        gone = [name for name, at in seen.items() if start_ms - at >= DAY or not keeps(name)]
        for name in gone:
            del seen[name]
        for name in rows:
            seen[name] = start_ms
        self._changed.update(gone)
        self._changed.update(rows)
        return self._filled(rows, seen)

    def peek(self, start_ms: int, rows: Mapping[str, Row]) -> dict[str, Row]:
        """What `fill` would give if the window closed now."""
        recent = {name for name, at in self._seen.items() if start_ms - at < DAY}
        return self._filled(rows, dict.fromkeys(sorted(recent | rows.keys()), 0))

    def _filled(self, rows: Mapping[str, Row], names: Mapping[str, int]) -> dict[str, Row]:
        filled = {TOTAL: rows.get(TOTAL, EMPTY)}
        for name in sorted(names):
            if name != TOTAL:
                filled[name] = rows.get(name, EMPTY)
        return filled

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """What to keep of what has changed since the last call."""
        changed, self._changed = sorted(self._changed), set()
        for name in changed:
            at = self._seen.get(name)
            yield name, None if at is None else _encode(at)

    def restore(self, key: str, value: bytes) -> None:
        """Take in what `changes` gave once, in any order."""
        self._seen[key] = _decode(value)
