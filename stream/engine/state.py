"""What the engine asks of a computation: the state of one input partition, and how to make it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol


class Record(Protocol):
    """A record as fetched. `timestamp` is Kafka's, in milliseconds since 1970."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


Output = tuple[str, bytes | None, bytes | None]
"""Name of an output (the engine maps it to a topic), key, value."""

Change = tuple[bytes, bytes | None]
"""Changelog key and value; None deletes the key."""


class Ahead(NamedTuple):
    """Records of an input partition that were not applied at `as_of_ms` (wall clock); 0: read to its end."""

    records: int
    as_of_ms: int


class PartitionState(Protocol):
    """All that is computed from one input partition. Called from one task at a time, and never awaits.

    What a process remembers beyond a checkpoint has to go through `take_changes`: after a restart or
    a move to another worker there are only the changelog and the input from the checkpoint's offset on.
    """

    def process(self, records: Sequence[Record]) -> None:
        """Apply records in offset order. Raising ends the worker, and nothing of the batch is committed."""

    def take_outputs(self) -> Sequence[Output]:
        """The outputs since the last call, in order; the state forgets them."""

    def take_changes(self) -> Sequence[Change]:
        """The changelog records since the last call; the state forgets that they changed."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record, in log order, to a fresh state."""

    def restored(self) -> None:
        """The last changelog record has been applied; events follow."""


StateFactory = Callable[[int], PartitionState]
"""Makes the empty state of the input partition with this number."""


class Observer(Protocol):
    """Is told what the engine does, for metrics. `seconds` are durations."""

    def on_batch(self, partition: int, records: int, seconds: float) -> None:
        """A batch of `records` was processed."""

    def on_checkpoint(self, partition: int, seconds: float) -> None:
        """A checkpoint became durable."""

    def on_recovery(self, partition: int, records: int, seconds: float) -> None:
        """A partition's state was rebuilt from `records` changelog records."""

    def on_assigned(self, partitions: Sequence[int]) -> None:
        """A rebalance has ended, and this worker owns `partitions`."""
