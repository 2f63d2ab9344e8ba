"""Records of a partition as columns: a list of all values, one of all keys, and so on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

from stream.engine.state import Record


class Row(NamedTuple):
    """A record of `Columns`."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Columns(Sequence[Record]):
    """A sequence of records that has what is in them at hand by the list; a slice is one, too.

    An object for each record would cost more than reading and checking it does. Whoever works off many
    takes the lists; a single one is made for whoever asks. In order of their offsets, without repeats.
    """

    __slots__ = ("keys", "offsets", "timestamps", "values")

    def __init__(
        self,
        offsets: list[int],
        timestamps: list[int],
        keys: list[bytes | None],
        values: list[bytes | None],
    ) -> None:
        self.offsets = offsets
        self.timestamps = timestamps
        self.keys = keys
        self.values = values

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Columns: ...
    def __getitem__(self, at: int | slice) -> Row | Columns:
        if isinstance(at, slice):
            return Columns(self.offsets[at], self.timestamps[at], self.keys[at], self.values[at])
        return Row(self.offsets[at], self.timestamps[at], self.keys[at], self.values[at])

    def __iter__(self) -> Iterator[Row]:
        return map(Row, self.offsets, self.timestamps, self.keys, self.values)

    def add(self, batch: Sequence[Any], *, start: int) -> None:
        """Append aiokafka's records of a Kafka batch, from offset `start` on."""
        if batch and batch[0].offset < start:
            batch = [record for record in batch if record.offset >= start]
        if not batch:
            return
        first, last = batch[0].offset, batch[-1].offset
        if last - first + 1 == len(batch):
            self.offsets += range(first, last + 1)
        else:
            self.offsets += [record.offset for record in batch]
        self.timestamps += [record.timestamp for record in batch]
        self.keys += [record.key for record in batch]
        self.values += [record.value for record in batch]


def columns(records: Sequence[Record]) -> Columns:
    """The records as columns: themselves, if they are."""
    if isinstance(records, Columns):
        return records
    return Columns(
        [record.offset for record in records],
        [record.timestamp for record in records],
        [record.key for record in records],
        [record.value for record in records],
    )
