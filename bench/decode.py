"""What reading an event costs beside a bare `orjson.loads` of the same bytes, step by step.

    python -m bench.decode [--events 200000] [--rounds 15]

On the benchmark's input (bench/input.py), partition by partition in batches of 500 records, as warm as a
worker that has just taken a fetch apart finds them. The steps take turns on each batch, in an order drawn
anew each round, and of each step and batch the least processor time counts: another process costs a round,
not a figure. The steps, each with the loop over the batch:

    orjson.loads   the bytes into dictionaries: nothing is checked but that they are JSON
    scan           msgspec over the bytes, keeping nothing: what a typed decoder cannot go below
    decode         msgspec into the fields that every event needs
    read           that and UTF-8, depth, required fields, person and time: `stream.core.events.read`
    read, entry    and campaign, channel and page: all that a partition reads of a usual event

Writes bench/results/decode.json.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import orjson

from bench import rig
from bench.input import cached
from stream.core.events import Invalid, Wire, entry_of, read

BATCH = 500
TARGET = 0.6
Step = Callable[[Sequence[bytes]], None]


class Nothing(msgspec.Struct):
    """No field of an event: msgspec skips them all."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    batches = batches_of(given.events)
    events = sum(map(len, batches))
    seconds = least_seconds(STEPS, batches, given.rounds)
    loads = seconds["orjson.loads"]
    result = {
        "events": events,
        "bytes_per_event": round(sum(len(value) for batch in batches for value in batch) / events),
        "rounds": given.rounds,
        "us_per_event": {name: round(spent / events * 1e6, 3) for name, spent in seconds.items()},
        "times_orjson_loads": {name: round(spent / loads, 3) for name, spent in seconds.items()},
        "target": TARGET,
    }
    for name, spent in seconds.items():
        print(f"{name:12}  {spent / events * 1e6:6.3f} us  {spent / loads:5.2f} times orjson.loads")
    rig.write("decode", result)


def batches_of(events: int) -> list[list[bytes]]:
    """Each partition's records in its order; the partitions take turns, as when they are fetched."""
    batches = []
    for chunk in cached(events):
        for records in chunk:
            values = [bytes(record.value) for record in records]
            batches += [values[start : start + BATCH] for start in range(0, len(values), BATCH)]
    return batches


def least_seconds(
    steps: dict[str, Step], batches: Sequence[Sequence[bytes]], rounds: int
) -> dict[str, float]:
    """Processor time of each step over all batches, each batch at its best."""
    rng = random.Random(1)
    least = {name: [float("inf")] * len(batches) for name in steps}
    names = list(steps)
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for number, batch in enumerate(batches):
            rng.shuffle(names)
            for name in names:
                began = time.process_time()
                steps[name](batch)
                spent = time.process_time() - began
                least[name][number] = min(least[name][number], spent)
    return {name: sum(spent) for name, spent in least.items()}


def decoding(decode: Callable[[bytes], Any]) -> Step:
    """A loop of `decode`; what it refuses (one record in a thousand is bad) is left out."""

    def step(values: Sequence[bytes]) -> None:
        for value in values:
            try:
                decode(value)
            except ValueError:
                continue

    return step


def reading(values: Sequence[bytes]) -> None:
    for value in values:
        try:
            read(value)
        except Invalid:
            continue


def reading_entries(values: Sequence[bytes]) -> None:
    for value in values:
        try:
            wire, _, _ = read(value)
        except Invalid:
            continue
        entry_of(wire)


STEPS: dict[str, Step] = {
    "orjson.loads": decoding(orjson.loads),
    "scan": decoding(msgspec.json.Decoder(Nothing).decode),
    "decode": decoding(msgspec.json.Decoder(Wire).decode),
    "read": reading,
    "read, entry": reading_entries,
}


if __name__ == "__main__":
    main()
