"""What an event costs with one worker, and with two who share the partitions: processor time, exactly once.

    python -m bench.two_workers [--events 400000] [--rounds 2] [--own-cores]

Starts Apache Kafka (needs Java 17 and Maven). One worker, then two, take in the same part of the
benchmark's input (bench/input.py), in turns. They are ready before the first event is written, so that
starting is left out; what counts is the kernel's processor time of all workers from then on until
everything is committed and merged, over the events. Two workers share one core, unless `--own-cores` gives
each one of its own, which the second then shares with the broker. The goal: at most 1.1 times as much with
two. Writes bench/results/two-workers.json.
"""

from __future__ import annotations

import argparse
import os
from contextlib import AsyncExitStack
from typing import Any

from bench.input import cached
from bench.population import Chunks, placed
from bench.rig import Rig, Tell, parser, rig, run, write

PARTITIONS = 8
GOAL = 1.1


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=400_000)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--own-cores", action="store_true", help="a core for each of the two")
    given = options.parse_args()
    run(bench(given))


async def bench(given: argparse.Namespace) -> None:
    tell = Tell()
    tell.step("the input")
    chunks = list(cached(given.events, partitions=PARTITIONS))
    usable = sorted(os.sched_getaffinity(0))
    found: dict[int, list[float]] = {1: [], 2: []}
    async with rig(tell) as running:
        cores = [[usable[0]], [usable[-1 if given.own_cores else 0]]]
        for number in range(given.rounds):
            for workers in (1, 2) if number % 2 == 0 else (2, 1):
                cost = await measure(running, chunks, cores[:workers])
                tell.step(f"round {number + 1}, {workers}: {cost:.1f} µs an event")
                found[workers].append(cost)
    ratio = min(found[2]) / min(found[1])
    result: dict[str, Any] = {
        "events": given.events,
        "own_cores": given.own_cores,
        "one_worker_cpu_microseconds_an_event": [round(cost, 2) for cost in found[1]],
        "two_workers_cpu_microseconds_an_event": [round(cost, 2) for cost in found[2]],
        "ratio_of_the_least": round(ratio, 3),
        "goal": GOAL,
    }
    write("two-workers", result)


async def measure(running: Rig, chunks: Chunks, cores: list[list[int]]) -> float:
    """Microseconds of processor time an event, of all workers together."""
    name = running.next_name()
    await running.create_topic(name, PARTITIONS)
    flow = await running.flow(topic=name, partitions=PARTITIONS)
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(flow.worker(cores=one)) for one in cores]
        for worker in workers:
            await worker.owns(PARTITIONS // len(workers))
        before = sum(worker.cpu_s for worker in workers)
        events = await running.fill(name, placed(chunks))
        for worker in workers:
            await worker.caught_up()
        return (sum(worker.cpu_s for worker in workers) - before) / events * 1e6


if __name__ == "__main__":
    main()
