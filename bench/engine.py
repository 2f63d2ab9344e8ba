"""What an event costs in the engine: a worker whose state does next to nothing, on Kafka, exactly once.

    python -m bench.engine [--events 400000] [--rounds 3] [--store rocksdb] [--against ../other-tree]

Starts Apache Kafka (needs Java 17 and Maven), writes the benchmark's input (bench/input.py), and has a worker
with one engine work it off, from start to end, on a core of its own: fetching, checks, batches and slices,
a transaction each second for each of 8 partitions. Its state keeps the last 300 bytes of each person, as a
change, and puts out every seventh event: so much has to be written, and nothing is computed.

Shown is the processor time of an event by thread, and how much of it was the kernel's, from the first slice
on; the least of the rounds. With `--against`, the `stream` of another tree runs in turn with this one. Writes
bench/results/engine.json.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parent.parent
PARTITIONS = 8
VALUE_BYTES = 300
OUTPUT_EVERY = 7
COMMIT_INTERVAL_S = 1.0
LIMIT_S = 120.0
TOPIC = "app-events"


def main() -> None:
    if sys.argv[1:2] == ["--work"]:
        asyncio.run(work(orjson.loads(sys.argv[2])))
        return
    from bench.rig import parser, run

    options = parser(__doc__)
    options.add_argument("--events", type=int, default=400_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--store", choices=("memory", "rocksdb"), default="memory")
    options.add_argument(
        "--against", type=Path, metavar="TREE", help="a checkout to run in turn with this one"
    )
    run(bench(options.parse_args()))


async def bench(given: argparse.Namespace) -> None:
    from bench.input import cached
    from bench.rig import Tell, rig, write

    tell = Tell()
    trees = {"this": ROOT} | ({"other": given.against.resolve()} if given.against else {})
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in trees}
    async with rig(tell) as running:
        await running.create_topic(TOPIC, PARTITIONS)
        await running.create_topic("put-out", PARTITIONS)
        chunks = cached(given.events, partitions=PARTITIONS)
        records = (
            (partition, record.key, record.value)
            for chunk in chunks
            for partition, share in enumerate(chunk)
            for record in share
        )
        tell.step("writing the input")
        await running.fill(TOPIC, records)
        for number in range(given.rounds):
            for name, tree in trees.items():
                group = running.next_name()
                await running.create_topic(f"{group}-kept-changelog", PARTITIONS)
                order = {
                    "bootstrap": running.address,
                    "group": group,
                    "events": given.events,
                    "store": given.store,
                    "data_dir": str(running.folder / group),
                }
                measured = await measure(tree, order, running.worker_cores)
                tell.step(f"round {number + 1}, {name}: {measured['cpu_microseconds_an_event']} µs an event")
                found[name].append(measured)
    least = {
        name: min(runs, key=lambda run: run["cpu_microseconds_an_event"]) for name, runs in found.items()
    }
    result: dict[str, Any] = {"events": given.events, "store": given.store, **least}
    if given.against:
        costs = [least[name]["cpu_microseconds_an_event"] for name in ("this", "other")]
        result["ratio"] = round(costs[0] / costs[1], 3)
    write("engine", result)


async def measure(tree: Path, order: dict[str, Any], cores: Sequence[int]) -> dict[str, Any]:
    """Run a worker with the `stream` of a tree, until it has worked off all events."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--work", orjson.dumps(order).decode()),
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        sys.exit(f"the worker of {tree} ended with {process.returncode}")
    measured: dict[str, Any] = orjson.loads(said)
    return measured


class Kept:
    """A state that keeps what came last of each person, and puts out some of what comes."""

    def __init__(self) -> None:
        self._changed: dict[bytes | None, bytes | None] = {}
        self._outputs: list[Any] = []

    def process(self, records: Any) -> None:
        if hasattr(records, "values"):
            keys, values = records.keys, records.values
        else:  # as trees before columns had it
            keys = [record.key for record in records]
            values = [record.value for record in records]
        self._changed.update(zip(keys, values, strict=True))
        some = zip(keys[::OUTPUT_EVERY], values[::OUTPUT_EVERY], strict=True)
        self._outputs += [("put-out", key, value) for key, value in some]

    def take_outputs(self) -> list[Any]:
        outputs, self._outputs = self._outputs, []
        return outputs

    def take_changes(self) -> list[Any]:
        changed, self._changed = self._changed, {}
        return [(key, (value or b"")[:VALUE_BYTES]) for key, value in changed.items()]

    def work(self) -> bool:
        return False

    def take_local(self) -> tuple[()]:
        return ()

    def written(self) -> None:
        """Nothing is kept that could be dropped."""

    def value(self, key: bytes) -> None:
        return None

    def keys(self) -> Iterator[bytes]:
        return iter(())

    def restore(self, key: bytes, value: bytes | None) -> None:
        """There is nothing to restore: each worker begins anew."""

    def restored(self) -> None:
        """There is nothing to restore."""


class Meter:
    """An Observer that measures from the first slice to the last event, then has the worker end."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._records = self._slices = self._checkpoints = 0
        self._began: tuple[float, int, dict[int, tuple[float, float]]] | None = None

    def on_batch(self, partition: int, records: int, seconds: float) -> None:
        self._records += records
        self._slices += 1
        if self._began is None:
            self._began = time.monotonic(), records, _threads()
        if self._records >= self._events:
            self._tell()
            os.kill(os.getpid(), signal.SIGTERM)
            self._events = sys.maxsize

    def _tell(self) -> None:
        assert self._began is not None
        began, skipped, before = self._began
        took_s, events = time.monotonic() - began, self._records - skipped
        spent = {
            thread: (user - before.get(thread, (0.0, 0.0))[0], system - before.get(thread, (0.0, 0.0))[1])
            for thread, (user, system) in _threads().items()
        }

        def an_event(seconds: float) -> float:
            return round(seconds / events * 1e6, 2)

        main = sum(spent[os.getpid()])
        total = sum(user + system for user, system in spent.values())
        told = {
            "cpu_microseconds_an_event": an_event(total),
            "of_it_main_thread": an_event(main),
            "of_it_other_threads": an_event(total - main),
            "of_it_system": an_event(sum(system for _, system in spent.values())),
            "events_per_second": round(events / took_s),
            "slices": self._slices,
            "checkpoints": self._checkpoints,
        }
        print(orjson.dumps(told).decode(), flush=True)

    def on_checkpoint(self, partition: int, seconds: float) -> None:
        self._checkpoints += 1

    def on_recovery(self, partition: int, records: int, seconds: float) -> None:
        """Not what is measured."""

    def on_assigned(self, partitions: Sequence[int]) -> None:
        gc.freeze()


def _threads() -> dict[int, tuple[float, float]]:
    """Processor time of each thread, user and system, in seconds."""
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    found = {}
    for folder in Path("/proc/self/task").iterdir():
        fields = (folder / "stat").read_text().rpartition(") ")[2].split()
        found[int(folder.name)] = int(fields[11]) * tick_s, int(fields[12]) * tick_s
    return found


async def work(order: dict[str, Any]) -> None:
    """Be the worker. (Imports nothing of `bench`: the `stream` may be another tree's.)"""
    from stream.engine.app import add_engine, create_app, input_topic, state_table
    from stream.engine.client import probe
    from stream.engine.connection import Connection
    from stream.engine.engine import EngineConfig
    from stream.engine.run import run

    gc.freeze()
    gc.set_threshold(20_000, 5, 1_000)
    group, connection = order["group"], Connection(order["bootstrap"])
    capabilities = await probe(connection, f"{group}-probe")
    config = EngineConfig(
        connection=connection,
        group=group,
        topic=TOPIC,
        changelog=f"{group}-kept-changelog",
        outputs={"put-out": "put-out"},
        commit_interval_s=COMMIT_INTERVAL_S,
        guarantee="exactly_once",
        capabilities=capabilities,
        partitions=PARTITIONS,
    )
    app = create_app(group, connection, capabilities, data_dir=Path(order["data_dir"]), store=order["store"])
    engine = add_engine(app, config, lambda *_: Kept(), Meter(order["events"]))
    state_table(app, engine, "kept", partitions=PARTITIONS)

    @app.agent(input_topic(app, engine), name="keep")
    async def keep(batches: Any) -> None:
        async for event in batches.events():
            batch = event.message
            await engine.process(batch.partition, batch.records, follows=batch.follows)

    await run(app)


if __name__ == "__main__":
    main()
