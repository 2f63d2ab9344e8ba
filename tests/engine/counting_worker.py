"""A worker that counts: the engine's own test subject, a process to be stopped and killed.

`python -m tests.engine.counting_worker '{"bootstrap": …}'`. Its state is the number of records and the
sum of their numbers, by key; its output has one record for each record read, with the count so far.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from stream.engine.app import Store, add_engine, create_app, input_topic, state_table
from stream.engine.client import probe
from stream.engine.connection import Connection
from stream.engine.engine import EngineConfig
from stream.engine.errors import EngineError
from stream.engine.run import run
from stream.engine.state import Change, LocalStore, Output, Record
from stream.engine.transport import BatchMessage


class Order(msgspec.Struct, kw_only=True):
    """What the worker is asked to do."""

    bootstrap: str
    group: str
    topic: str
    output: str
    partitions: int
    data_dir: str
    guarantee: str = "exactly_once"
    commit_interval_s: float = 0.1
    echo: bool = True
    echo_to: int | None = None
    store: Store = "rocksdb"
    # The least that Kafka takes: tests wait for it after each kill.
    session_timeout_s: float = 6.0
    keyed: bool = True
    standby: int = 0
    slice_s: float = 0.0
    restore_s: float = 0.0


INDEX = b"\xfd"
"""First byte of the keys that are in local stores only: one for each key counted."""


class Counting:
    """Records and sum of values, by key. With a store, only what is not in it yet is in memory.

    What it processes in one go takes `slice_s` besides, and each record that it is restored from `restore_s`.
    """

    def __init__(
        self,
        store: LocalStore | None = None,
        *,
        echo: bool = True,
        echo_to: int | None = None,
        slice_s: float = 0.0,
        restore_s: float = 0.0,
    ) -> None:
        self.totals: dict[bytes, list[int]] = {}
        self._store = store
        self._changed: set[bytes] = set()
        self._taken: set[bytes] = set()
        self._index: list[Change] = []
        self._outputs: list[Output] = []
        self._echo = echo
        self._echo_to = echo_to
        self._slice_s = slice_s
        self._restore_s = restore_s

    def process(self, records: Sequence[Record]) -> None:
        if self._slice_s:
            time.sleep(self._slice_s)
        for record in records:
            key = record.key or b""
            total = self.totals.get(key) or self._cold(key)
            total[0] += 1
            total[1] += int(record.value or b"0")
            self._changed.add(key)
            if self._echo:
                output = ("counted", key, b"%d:%d" % (record.offset, total[0]))
                self._outputs.append(output if self._echo_to is None else (*output, self._echo_to))

    def _cold(self, key: bytes) -> list[int]:
        value = None if self._store is None else self._store.get(key)
        total = self.totals[key] = [0, 0] if value is None else [int(part) for part in value.split()]
        return total

    def take_outputs(self) -> Sequence[Output]:
        outputs, self._outputs = self._outputs, []
        return outputs

    def take_changes(self) -> Sequence[Change]:
        self._taken, self._changed = self._changed, set()
        return [(key, b"%d %d" % tuple(self.totals[key])) for key in self._taken]

    def work(self) -> bool:
        return False

    def take_local(self) -> Sequence[Change]:
        index, self._index = self._index, []
        return [*index, *((INDEX + key, b"") for key in self._taken)]

    def written(self) -> None:
        self._taken = set()
        if self._store is not None:
            self.totals = {key: self.totals[key] for key in self._changed}

    def value(self, key: bytes) -> bytes | None:
        return b"%d %d" % tuple(self.totals[key]) if key in self.totals else None

    def keys(self) -> Iterator[bytes]:
        return iter(self.totals)

    def restore(self, key: bytes, value: bytes | None) -> None:
        if self._restore_s:
            print("restoring", flush=True)  # noqa: T201
            time.sleep(self._restore_s)
        if self._store is not None:
            self._index.append((INDEX + key, None if value is None else b""))
        elif value is None:
            self.totals.pop(key, None)
        else:
            self.totals[key] = [int(part) for part in value.split()]

    def restored(self) -> None:
        pass


class Talking:
    """An observer that says on standard output what a test waits for."""

    def __init__(self) -> None:
        self.records = 0

    def on_batch(self, partition: int, records: int, seconds: float) -> None:
        self.records += records
        print("processed", self.records, flush=True)  # noqa: T201

    def on_checkpoint(self, partition: int, seconds: float) -> None:
        print("committed", self.records, flush=True)  # noqa: T201

    def on_recovery(self, partition: int, records: int, seconds: float) -> None:
        print("recovered", partition, records, flush=True)  # noqa: T201

    def on_assigned(self, partitions: Sequence[int]) -> None:
        print("assigned", *partitions, flush=True)  # noqa: T201


async def work(order: Order) -> None:
    connection = Connection(order.bootstrap)
    capabilities = await probe(connection, f"{order.group}-probe")
    config = EngineConfig(
        connection=connection,
        group=order.group,
        topic=order.topic,
        changelog=f"{order.group}-counts-changelog",
        outputs={"counted": order.output},
        commit_interval_s=order.commit_interval_s,
        guarantee="exactly_once" if order.guarantee == "exactly_once" else "at_least_once",
        capabilities=capabilities,
        partitions=order.partitions,
        keyed=order.keyed,
    )
    app = create_app(
        order.group,
        connection,
        capabilities,
        data_dir=Path(order.data_dir),
        store=order.store,
        standby=order.standby,
        broker_session_timeout=order.session_timeout_s,
        broker_heartbeat_interval=1.0,
    )
    app.on_stopped = lambda seconds: print("stood still", seconds, flush=True)  # noqa: T201
    engine = add_engine(
        app,
        config,
        lambda number, store: Counting(
            store,
            echo=order.echo,
            echo_to=order.echo_to,
            slice_s=order.slice_s,
            restore_s=order.restore_s,
        ),
        Talking(),
    )
    state_table(app, engine, "counts", partitions=order.partitions)

    @app.agent(input_topic(app, engine), name="count")
    async def count(stream):  # type: ignore[no-untyped-def]
        async for event in stream.events():
            message: BatchMessage = event.message
            await engine.process(message.partition, message.records, follows=message.follows)

    if order.standby:

        @app.timer(0.2)  # type: ignore[untyped-decorator]
        async def tell_of_standbys() -> None:
            read = sum(replica.records for replica in engine.standbys.replicas.values())
            print("standby has", read, flush=True)  # noqa: T201

    await run(app, on_ready=lambda: print("ready", flush=True))  # noqa: T201


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    for module in ("engine", "recovery", "folders"):
        logging.getLogger(f"stream.engine.{module}").setLevel(logging.INFO)
    try:
        asyncio.run(work(msgspec.json.decode(sys.argv[1], type=Order)))
    except EngineError as error:
        sys.exit(str(error))
