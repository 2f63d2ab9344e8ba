"""How much memory a person takes who is kept hot: resident memory over persons, in a process for each case.

    python -m bench.memory [--persons 100000]

Persons come by the benchmark's input (bench/input.py), event by event through the core, so that what is
measured are objects as a worker makes them, with all that hangs on them: timers, indexes, sets of changed
ones, what is left of joined anonymous ids, and what the allocator loses. What is decoded, of which there is a
fixed number at most (AWAKE in stream/core/keeping.py), is in it as far as the smaller of the two populations
that are compared had fewer. Three states: `input` is after the
benchmark's own input (by Zipf's law, a million events by default), `dormant` after about one closed visit
each, `open` with everybody in the middle of one. Each with `store = "memory"`, and in the hot set of a
worker with a local store (`hot`; the store itself, whose memory is bounded, is left out:
bench/population.py has that). At most 1 KiB a person is the goal. Writes bench/results/memory.json.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from bench.input import DAY_MS, DAYS, EVENTS, Record, cached
from bench.rig import BenchError, Tell, parser, write
from stream.core.definition import Definition
from stream.core.due import MOST_DUE
from stream.core.partition import Partition

STATES = ("input", "dormant", "open")
STORES = ("memory", "hot")
LIMIT_BYTES = 1024
PARTITIONS = 8
WARM_EVENTS = 20_000
INPUT_EVENTS_A_PERSON = 10
"""As 2,000,000 events of 200,000 persons are."""
ALL_AT_ONCE_MS = 60_000
"""All visits begin within so long: all persons are on theirs at the same time."""

Chunks = Iterable[list[list[Record]]]


class Nothing:
    """A local store in which nothing is: whoever is asked for has to be in memory."""

    def get(self, key: bytes) -> bytes | None:
        return None

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        return iter(())


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--persons", type=int, default=100_000)
    options.add_argument("--state", choices=STATES, action="append", help="only this (may be repeated)")
    options.add_argument("--store", choices=STORES, action="append", help="only this (may be repeated)")
    options.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.case:
        print(orjson.dumps(measure(*given.case, given.persons)).decode())
        return
    tell = Tell()
    cases = {}
    for state in given.state or STATES:
        # Making the input would leave its traces in the memory that is measured.
        tell.step(f"the input for {given.persons:,} persons, {state}")
        for count in (given.persons // 4, given.persons):
            for _ in events_of(state, count):
                pass
        for store in given.store or STORES:
            tell.step(f"{given.persons:,} persons, {state}, {store}")
            cases[f"{state}, {store}"] = in_processes(state, store, given.persons)
    largest = max(case["bytes_a_person"] for case in cases.values())
    result = {"persons": given.persons, "limit_bytes": LIMIT_BYTES, "cases": cases, "largest": largest}
    write("memory", result)


def in_processes(state: str, store: str, persons: int) -> dict[str, int]:
    """The case's figures: how much more many persons take than a quarter of them, over how many more.

    So what is there once, however many persons come (remembered times, names, windows), is `bytes_beside`.
    """
    few, many = (in_a_process(state, store, count) for count in (persons // 4, persons))
    more = many["persons"] - few["persons"]
    a_person = (many["grown_bytes"] - few["grown_bytes"]) / more
    return {
        **{name: value for name, value in many.items() if name != "grown_bytes"},
        "bytes_a_person": round(a_person),
        "bytes_beside": round(many["grown_bytes"] - a_person * many["persons"]),
    }


def in_a_process(state: str, store: str, persons: int) -> dict[str, int]:
    """Raises BenchError where it fails."""
    argv = [sys.executable, "-m", "bench.memory", "--case", state, store, "--persons", str(persons)]
    # The chunks of the input come and go as mappings of their own, and leave no holes to count as persons'.
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=False, env=env)
    if done.returncode:
        raise BenchError(f"{state}, {store} failed: what it said is above")
    found: dict[str, int] = orjson.loads(done.stdout)
    return found


def measure(state: str, store: str, persons: int) -> dict[str, int]:
    """Feed the persons to eight partitions of this process, and see how much it has grown."""
    gc.freeze()
    gc.set_threshold(20_000, 5, 1_000)  # as a worker
    # What is there once, however many persons come, is there before it is measured.
    warm = made("never used again", persons)
    feed(warm, cached(WARM_EVENTS, seed=99, persons=2_000))
    del warm
    partitions = made(store, persons)
    gc.collect()
    before = resident_bytes()
    feed(partitions, events_of(state, persons))
    gc.collect()
    grown = resident_bytes() - before
    profiles = sum(len(partition) for partition in partitions)
    there = [partition.population() for partition in partitions]
    known = sum(sum(one.states.values()) for one in there)
    stored = sum(len(partition.value(key) or b"") for partition in partitions for key in keys_of(partition))
    return {
        "persons": known,
        "ids_that_lead_to_one": profiles - known,
        "open_visits": sum(one.open_visits for one in there),
        "grown_bytes": grown,
        "changelog_bytes_a_person": round(stored / known),
    }


def keys_of(partition: Partition) -> Iterator[bytes]:
    return partition.keys()


def made(store: str, persons: int) -> list[Partition]:
    return [
        Partition(
            Definition(),
            number=number,
            store=Nothing() if store == "hot" else None,
            hot_limit=100 * persons,
            most_due=MOST_DUE,
        )
        for number in range(PARTITIONS)
    ]


def events_of(state: str, persons: int) -> Chunks:
    """The events that bring the persons into the state."""
    if state == "input":
        events = INPUT_EVENTS_A_PERSON * persons
        yield from cached(events, persons=persons, rate=rate_of(events, DAY_MS))
        return
    if state == "dormant":
        events = 8 * persons
        yield from cached(events, persons=2 * persons, zipf=0.0, rate=rate_of(events, DAY_MS))
        return
    events = 8 * persons
    chunks = cached(events, persons=2 * persons, zipf=0.0, rate=rate_of(events, ALL_AT_ONCE_MS))
    held = next(chunks)
    for chunk in chunks:
        yield held
        held = chunk
    # The last chunk would close all visits.


def rate_of(events: int, ms: int) -> float:
    """The input's rate that has so many events in so long."""
    return events / ms / (EVENTS / (DAYS * DAY_MS))


def feed(partitions: list[Partition], chunks: Chunks) -> None:
    """Process events as a worker does: in batches, with checkpoints between them."""
    offset, now_ms = 0, int(time.time() * 1000)
    for chunk in chunks:
        for partition, records in zip(partitions, chunk, strict=True):
            if records:
                values = [record.value for record in records]
                offsets = range(offset, offset + len(values))
                partition.process(values, keys=None, offsets=offsets, arrived_ms=[now_ms] * len(values))
                offset = offsets.stop
            while partition.work():
                pass
            partition.take_outputs()
            partition.take_changes()
            partition.take_local()
            partition.written()


def resident_bytes() -> int:
    """Private memory of this process that is resident."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise BenchError("no RssAnon in /proc/self/status")


if __name__ == "__main__":
    main()
