"""What the engine asks of a computation: the state of one input partition, and how to make it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


Output = tuple[str, bytes | None, bytes | None] | tuple[str, bytes | None, bytes | None, int]
"""Name of an output (the engine maps it to a topic), key, value, and the partition to go to.

Without a partition it is the input's, modulo the number of the output's.
"""

Change = tuple[bytes, bytes | None]
"""Key and value, in the changelog or the local store; None deletes the key."""

OWN_PREFIX = b"\xf9"
"""First byte of the engine's own keys in changelogs and local stores, which states never see.

Readers of a changelog beside the engine skip them. UTF-8 never has this byte.
"""


class LocalStore(Protocol):
    """One partition's local store, as its state reads it.

    Only the engine writes it, and only what is committed in Kafka.
    """

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        """The keys from `start` to before `end`, ascending."""


class Ahead(NamedTuple):
    """Records of an input partition that were not applied at `as_of_ms` (wall clock); 0: read to its end."""

    records: int
    as_of_ms: int


ANSWERED_WITHIN_MS = 5_000
"""A fetch of nothing is answered every half second; without an answer for this long, nobody knows whether a
partition has been read to its end."""


class PartitionState(Protocol):
    """All that is computed from one input partition. Called from one task at a time, and never awaits.

    What it drops must not be cycles: the garbage collector does not see what it keeps (`garbage.py`).

    What a process remembers beyond a checkpoint has to go through `take_changes`: after a restart or
    a move to another worker there are only the changelog and the input from the checkpoint's offset on.
    """

    def process(self, records: Sequence[Record]) -> None:
        """Apply records in offset order. Raising ends the worker, and nothing of the batch is committed."""

    def work(self) -> bool:
        """Do a slice (some milliseconds) of work that was due but put off; True while more is left."""

    def take_outputs(self) -> Sequence[Output]:
        """The outputs since the last call, in order; the state forgets them."""

    def take_changes(self) -> Sequence[Change]:
        """The changelog records since the last call; the state forgets that they changed."""

    def take_local(self) -> Sequence[Change]:
        """Changes of the local store only. They belong to the last `take_changes`, or to `restore` since."""

    def written(self) -> None:
        """What was taken last is committed, and in the local store if there is one.

        So it may be dropped from memory. Until then nothing more is taken.
        """

    def value(self, key: bytes) -> bytes | None:
        """What `take_changes` would say of the key now; None where there is nothing."""

    def keys(self) -> Iterator[bytes]:
        """All keys that have a value. Not to be gone on with after another call."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record, in log order, to a fresh state, or to one that has a local store.

        With a store, keep next to nothing: the engine writes the record, and `take_local`, to the store.
        """

    def restored(self) -> None:
        """The last changelog record has been applied, and is in the local store; events follow."""


StateFactory = Callable[[int, LocalStore | None], PartitionState]
"""Makes the state of the input partition with this number, on its local store if there is one."""


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
