"""The ways to run a partition, all with one result: at once or in slices, in memory or with a local store."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """`most_due` puts off what is due beyond it; with a store, `hot_limit` profiles stay in memory."""

    most_due: int | None = None
    hot_limit: int | None = None


WAYS = {
    "at once, in memory": Way(),
    "in slices, in memory": Way(most_due=1),
    "at once, with a store": Way(hot_limit=3),
    "in slices, with a store": Way(most_due=1, hot_limit=2),
}


class DictStore:
    """A ColdStore in memory. What it holds is what was committed."""

    def __init__(self, content: Iterable[tuple[bytes, bytes | None]] = ()) -> None:
        self.content: dict[bytes, bytes] = {}
        self.reads = 0
        self._sorted: list[bytes] | None = None
        self.write(content)

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self.content.get(key)

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        assert start <= end
        if self._sorted is None:
            self._sorted = sorted(self.content)
        own = self._sorted
        return iter(own[bisect_left(own, start) : bisect_left(own, end)])

    def write(self, changes: Iterable[tuple[bytes, bytes | None]]) -> None:
        self._sorted = None
        for key, value in changes:
            if value is None:
                self.content.pop(key, None)
            else:
                self.content[key] = value
