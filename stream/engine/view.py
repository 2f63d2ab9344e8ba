"""What a Faust table shows of the states behind it: the partitions that this worker owns, as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from faust.stores import memory

if TYPE_CHECKING:
    from stream.engine.engine import Engine
    from stream.engine.table import StateTable


class StateView(Mapping[bytes, bytes]):
    """Values by key as the next checkpoint would write them. Read only: states change by records alone.

    Its length is counted, which reads all keys.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getitem__(self, key: bytes) -> bytes:
        for owned in self._engine.partitions.values():
            value = owned.state.value(key)
            if value is not None:
                return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[bytes]:
        for owned in list(self._engine.partitions.values()):
            yield from owned.state.keys()

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ViewStore(memory.Store[bytes, bytes]):
    """Faust's store of a StateTable: nothing is kept twice."""

    def __init__(self, url: str, app: Any, table: StateTable, **kwargs: Any) -> None:
        super().__init__(url, app, cast(Any, table), **kwargs)
        self.data = cast(Any, StateView(table.engine))
