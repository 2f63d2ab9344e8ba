"""A partition's state and local store as far as its changelog has been read, and how to read on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from stream.engine.checkpoint import POSITION_HEADER, Snapshot
from stream.engine.errors import RecoveryError
from stream.engine.folders import KEEP_S
from stream.engine.layout import LAYOUT_KEY, Layout, check, decode
from stream.engine.state import OWN_PREFIX, Change, PartitionState
from stream.engine.store import Meta, PartitionStore


class Replica:
    """What has been read of partition `number` of `changelog`.

    `offset` is the next to read, `position` the input offset that goes with the state (None: not known),
    `records` how many records were read, and `as_of_ms` a wall clock time of which nothing is missing.
    `wanted` is the layout that the state has to have, its incarnation for a changelog without one;
    `layout` the one found, None before it was.
    """

    def __init__(
        self, changelog: str, number: int, state: PartitionState, store: PartitionStore | None, wanted: Layout
    ) -> None:
        self.changelog = changelog
        self.number = number
        self.state = state
        self.store = store
        self.wanted = wanted
        self.layout: Layout | None = None
        self._layout_due = False
        self.offset = 0
        self.position: int | None = None
        self.records = 0
        self.as_of_ms = 0
        if store is not None and store.meta is not None:
            self.offset, self.position = store.meta.offset, store.meta.position
            self.as_of_ms = store.meta.as_of_ms

    @property
    def incarnation(self) -> str | None:
        """The log that this is a copy of; None while nothing of it is known."""
        if self.layout is not None:
            return self.layout.incarnation
        return self.store.meta.incarnation if self.store is not None and self.store.meta is not None else None

    def layout_due(self) -> Change | None:
        """The layout record, once, where the changelog has none: it has to be its first."""
        due, self._layout_due = self._layout_due, False
        return (LAYOUT_KEY, self.layout.encode()) if due and self.layout is not None else None

    def settle(self) -> None:
        """The changelog has been read: where it has no layout yet, it gets the one wanted."""
        if self.layout is None:
            self.layout = self.wanted
            self._layout_due = True

    async def apply(self, records: Sequence[Any]) -> None:
        """Apply fetched records, in order, and have them in the local store. Raises RecoveryError."""
        restore = self.state.restore
        changes: list[Change] = []
        for record in records:
            key, value = record.key, record.value
            if key[:1] == OWN_PREFIX:
                if key == LAYOUT_KEY and value is not None:
                    self.layout = decode(value)
                    check(f"{self.changelog}/{self.number}", self.layout, self.wanted)
            else:
                self._restore(restore, record)
                changes.append((key, value))
            if record.headers:
                for name, header in record.headers:
                    if name == POSITION_HEADER:
                        self.position = int(header)
        self.records += len(records)
        self.offset = records[-1].offset + 1
        if self.store is not None:
            await self.store.write(changes, self.state.take_local(), self.meta())
            self.state.written()

    def _restore(self, restore: Any, record: Any) -> None:
        try:
            restore(record.key, record.value)
        except ValueError as error:
            raise RecoveryError(
                f"{record.topic}/{record.partition}, offset {record.offset}: this state can't be read "
                f"({error}). Was it written by a newer version? Run that one, or start over with another "
                "`group`"
            ).at(record.topic, record.partition, record.offset) from error

    def at_end(self, offset: int) -> None:
        """All there is has been read; `offset` is the next one, maybe behind transaction markers."""
        self.offset = max(self.offset, offset)
        self.as_of_ms = now_ms()

    async def committed(self, snapshot: Snapshot, changelog_end: int | None) -> None:
        """A checkpoint of this partition is in Kafka: have it in the local store. Raises StoreError.

        `changelog_end` is the changelog's next offset; None where it was not touched, or is not known.
        """
        self.position = snapshot.next_offset
        self.as_of_ms = now_ms()
        if changelog_end is not None:
            self.offset = changelog_end
        if self.store is not None:
            await self.store.write(snapshot.changes, snapshot.local, self.meta())

    def stamp(self) -> None:
        """Nothing is missing now: say so in the store, that it be trusted after a quiet time."""
        self.as_of_ms = now_ms()
        if self.store is not None and self.store.meta is not None:
            self.store.stamp(self.as_of_ms)

    def meta(self) -> Meta:
        """For the store: what it holds now."""
        return Meta(self.incarnation or "", self.offset, self.position, self.as_of_ms)

    def why_stale(self, layout: Layout | None, beginning: int, end: int | None) -> str | None:
        """Why it can't be gone on with, given what the changelog begins with, where, and its end."""
        if self.incarnation is None and not self.records:
            return None
        if layout is None or layout.incarnation != self.incarnation:
            return "it is a copy of another changelog"
        hours = (now_ms() - self.as_of_ms) / 3_600_000
        if hours * 3_600 > KEEP_S:
            return f"it was last written {hours:.0f} hours ago, and may have missed deletions"
        if self.offset < beginning or (end is not None and self.offset > end):
            return f"it goes to offset {self.offset}, the changelog from {beginning} to {end}"
        return None


def now_ms() -> int:
    """The wall clock, in milliseconds since 1970."""
    return int(time.time() * 1000)
