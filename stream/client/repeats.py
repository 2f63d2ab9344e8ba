"""Remembers what a subscriber was given, so that a repeat is known."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class Repeats:
    """The `most` identities seen last in one partition."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[Hashable, None] = OrderedDict()

    def is_new(self, identity: Hashable) -> bool:
        """Whether it was not seen yet; from now on it is."""
        if identity in self._seen:
            self._seen.move_to_end(identity)
            return False
        self._seen[identity] = None
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return True
