"""What an event costs in the core, as the worker drives it, without a broker: by step, and beside another.

    python -m bench.core [--events 400000] [--rounds 3] [--against ../other-tree] [--store rocksdb] [--rate 1]

Eight partitions take their shares of the benchmark's input (bench/input.py) in turns: in batches of 2,000
records, in slices as the engine's, with a checkpoint of a partition every 6,000 of its records (what comes in
half a second at 100,000 events a second). Each round is a process, which tells the processor time of:

    process       records into the states, reading included
    take_outputs  what a checkpoint publishes
    take_changes  what it writes to the changelog: the profiles that have changed
    store         with `--store rocksdb`: the same into the local store
    read          of `process`, as a loop of its own: decoding, validation, times (stream.core.events.read)

and, in the same process, of a bare `orjson.loads` of the same bytes. Shown is the least of the rounds. With
`--against`, the `stream` of another tree (a checkout, or a build) is run in turn with this one. The ratio is
this one's time by the other's, with those of single rounds as its spread; and both have to say the same.

Without `--rate`, twice: the input as it is, 2,000,000 events a day, and with as many in two weeks, as in a
backfill of a small product, where a window of engagement has a fourteenth of the events to share its cost.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple
from zlib import crc32

ROOT = Path(__file__).resolve().parent.parent
BATCH, SLICE, COMMIT_EVERY = 2_000, 800, 3
HOT = 100_000
SAMPLED = 4  # of so many batches one is decoded apart
WARM = 0.25  # so much of the events is worked off before anything is measured: at first everybody is new
STEPS = ("process", "take_outputs", "take_changes", "store")
APART = ("read", "orjson.loads")
EVENTS_A_DAY = 2_000_000
RATES = (1.0, 1 / 14)


class Record(NamedTuple):
    """A record as the engine hands it to a state."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Batch(NamedTuple):
    """What was fetched of a partition."""

    partition: int
    records: list[Record]


class Clock:
    """Processor time by step, in seconds, of this thread: what RocksDB does in its own is left out."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = dict.fromkeys((*STEPS, *APART), 0.0)

    def time(self, step: str, work: Callable[[], Any]) -> Any:
        began = time.thread_time()
        result = work()
        self.spent[step] += time.thread_time() - began
        return result


class Core:
    """The states of all partitions, driven as the engine drives them."""

    def __init__(self, partitions: int, folder: Path | None, clock: Any) -> None:
        from stream.agents.activity import ActivityState
        from stream.agents.dead_letters import DeadLetterGuard
        from stream.core.due import MOST_DUE
        from stream.core.partition import Partition
        from stream.core.partitioner import partition_for
        from stream.metrics import Metrics
        from stream.settings import Settings

        settings, metrics = Settings(), Metrics()
        self.clock = clock
        self.stores = [None] * partitions if folder is None else open_stores(folder, partitions)

        def state(number: int) -> ActivityState:
            partition = Partition(
                settings.definition,
                topic="app-events",
                number=number,
                owns=lambda person: partition_for(person.encode(), partitions) == number,
                store=self.stores[number],
                hot_limit=HOT // partitions,
                most_due=MOST_DUE,
            )
            return ActivityState(partition, DeadLetterGuard("app-events", number, 0.5), metrics)

        self.states = [state(number) for number in range(partitions)]
        self.said = {"outputs": 0, "changes": 0}
        self._batches = [0] * partitions

    def take(self, batch: Batch) -> None:
        """Work off a batch, and write a checkpoint where it is time for one."""
        number, records = batch
        state, clock = self.states[number], self.clock

        def process() -> None:
            for start in range(0, len(records), SLICE):
                state.process(records[start : start + SLICE])
                gc.freeze()  # as stream/engine/garbage.py does
                while state.work():
                    pass

        clock.time("process", process)
        self._batches[number] += 1
        if self._batches[number] % COMMIT_EVERY == 0:
            self.commit(number)

    def _check(self, what: str, *parts: bytes | None) -> None:
        for part in parts:
            self.said[what] = crc32(part or b"", self.said[what])

    def commit(self, number: int) -> None:
        """A checkpoint, up to where it would go to Kafka."""
        state, clock, store = self.states[number], self.clock, self.stores[number]
        outputs = clock.time("take_outputs", state.take_outputs)
        changes = clock.time("take_changes", state.take_changes)
        for name, key, value, *_ in outputs:
            self._check("outputs", name.encode(), key, value)
        for key, value in changes:
            self._check("changes", key, value)
        if store is not None:
            from stream.engine.store import Meta

            meta = Meta("", 0, None, 0)
            clock.time("store", lambda: asyncio.run(store.write(changes, state.take_local(), meta)))
        clock.time("take_changes", state.written)


def collect_as_the_worker() -> None:
    """The garbage collector as stream/worker.py sets it."""
    gc.freeze()
    gc.set_threshold(20_000, 5, 1_000)


def open_stores(folder: Path, partitions: int) -> list[Any]:
    """RocksDB, as the worker has it."""
    from stream.engine.store import PartitionStore, StoreMemory

    memory = StoreMemory()
    return [PartitionStore(folder / str(number), memory) for number in range(partitions)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--persons", type=int, default=200_000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="a tree with another `stream` in it")
    parser.add_argument("--store", choices=("memory", "rocksdb"), default="memory")
    parser.add_argument("--rate", type=float, help="1: 2,000,000 events a day")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--round", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.round:
        print(json.dumps(one_round(given, sys.stdin.buffer)))
        return
    trees = [ROOT] if given.against is None else [ROOT, given.against.resolve()]
    figures = {}
    for rate in RATES if given.rate is None else (given.rate,):
        rounds: list[list[dict[str, Any]]] = [[] for _ in trees]
        for number in range(given.rounds):
            # In turns, and each as often first as the other.
            for which in sorted(range(len(trees)), reverse=number % 2 == 1):
                rounds[which].append(run_round(trees[which], number, given, rate))
        figures[f"{EVENTS_A_DAY * rate:.0f} events a day"] = report(given, rate, rounds)
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


def in_batches(chunks: Iterable[list[list[Any]]], size: int = BATCH) -> Iterator[Batch]:
    """What bench/input.py generates, as it would be fetched from one partition after another."""
    offsets: Counter[int] = Counter()
    waiting: dict[int, list[Record]] = {}
    for chunk in chunks:
        for number, records in enumerate(chunk):
            first, pile = offsets[number], waiting.setdefault(number, [])
            pile += [Record(i, ms, key, value) for i, (key, value, ms) in enumerate(records, first)]
            offsets[number] += len(records)
            while len(pile) >= size:
                yield Batch(number, pile[:size])
                del pile[:size]
    for number, pile in waiting.items():
        if pile:
            yield Batch(number, pile)


def run_round(tree: Path, number: int, given: argparse.Namespace, rate: float) -> dict[str, Any]:
    """One round with the tree's `stream`: what `one_round` says."""
    # By its path, so that `stream` is the tree's; the other tree need not know the benchmark, nor its input.
    from bench.input import cached

    chunks = cached(given.events, persons=given.persons, partitions=given.partitions, rate=rate)
    command = [sys.executable, "-P", str(Path(__file__).resolve()), *sys.argv[1:], "--round"]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONHASHSEED": str(number)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        with suppress(BrokenPipeError):  # it has failed, and says why
            for batch in in_batches(chunks):
                pickle.dump((batch.partition, [tuple(record) for record in batch.records]), running.stdin)
            running.stdin.close()
        said = running.stdout.read()
    if running.returncode:
        sys.exit(f"the round of {tree} has failed")
    result: dict[str, Any] = json.loads(said)
    if not Path(result.pop("stream")).is_relative_to(tree):
        sys.exit(f"{tree} has no `stream` of its own")
    return result


def received(pipe: IO[bytes]) -> Iterator[Batch]:
    """The batches that `run_round` sends."""
    with suppress(EOFError):
        while True:
            partition, records = pickle.load(pipe)
            yield Batch(partition, [Record(*record) for record in records])


def one_round(given: argparse.Namespace, pipe: IO[bytes]) -> dict[str, Any]:
    """µs of processor time an event by step, a check of what came out, and where the measured `stream` is."""
    import orjson

    import stream
    from stream.core.events import Invalid, read

    loads = orjson.loads

    def sound(value: bytes) -> bool:
        try:
            read(value)
        except Invalid:
            return False
        return True

    def read_all(values: Sequence[bytes]) -> None:
        for value in values:
            read(value)

    def loads_all(values: Sequence[bytes]) -> None:
        for value in values:
            loads(value)

    apart = [("read", read_all), ("orjson.loads", loads_all)]
    with tempfile.TemporaryDirectory() as folder:
        core = Core(given.partitions, Path(folder) if given.store == "rocksdb" else None, Clock())
        collect_as_the_worker()
        seen = measured = sampled = count = 0
        for batch in received(pipe):
            if seen < given.events * WARM:
                core.take(batch)
                seen += len(batch.records)
                continue
            if not measured:
                gc.collect(1)
                gc.freeze()
                core.clock = Clock()
            core.take(batch)
            measured += len(batch.records)
            count += 1
            if count % SAMPLED == 1:
                values = [record.value for record in batch.records if sound(record.value or b"")]
                for step, work in apart:
                    core.clock.time(step, partial(work, values))
                apart.reverse()
                sampled += len(values)
        for number in range(given.partitions):
            core.commit(number)
    per_event = {
        step: seconds / (sampled if step in APART else measured) * 1e6
        for step, seconds in core.clock.spent.items()
    }
    per_event["all"] = sum(per_event[step] for step in STEPS)
    return {"stream": stream.__file__, "said": core.said, "us": per_event}


def report(
    given: argparse.Namespace, rate: float, rounds: list[list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Prints the table, and returns what is in it."""
    times = [[one["us"] for one in each] for each in rounds]
    least = [{step: min(one[step] for one in each) for step in each[0]} for each in times]
    print(
        f"{given.events:,} events, {EVENTS_A_DAY * rate:,.0f} a day, {given.partitions} partitions, "
        f"store {given.store};\n"
        f"the last {1 - WARM:.0%}, least of {given.rounds} rounds, µs of processor time an event:\n"
    )
    print(f"{'':14}{'this':>9}" + (f"{'other':>9}{'ratio':>9}   of the rounds" if len(rounds) > 1 else ""))
    figures: list[dict[str, Any]] = []
    for step in (*STEPS, "all", *APART):
        this = least[0][step]
        if not this:
            continue
        line, figure = f"{step:14}{this:9.3f}", {"step": step, "us": round(this, 3)}
        if len(rounds) > 1:
            other = least[1][step]
            single = sorted(a[step] / b[step] for a, b in zip(*times, strict=True))
            line += f"{other:9.3f}{this / other:9.3f}   {single[0]:.3f} – {single[-1]:.3f}"
            figure |= {"other_us": round(other, 3), "ratio": round(this / other, 3)}
        print(f"\n{line}\n" if step == "all" else line)
        figures.append(figure)
    print(
        f"\n{1e6 / least[0]['all']:,.0f} events a second of processor time; "
        f"read takes {least[0]['read'] / least[0]['orjson.loads']:.2f} times a bare orjson.loads"
    )
    if len(rounds) > 1:
        for what, check in rounds[0][0]["said"].items():
            same = check == rounds[1][0]["said"][what]
            print(f"{what}: {'the same' if same else 'NOT THE SAME'} in both, byte by byte")
    print(flush=True)
    return figures


if __name__ == "__main__":
    main()
