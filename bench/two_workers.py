"""What an event costs with one worker, and with two who share the partitions: processor time, exactly once.

    python -m bench.two_workers [--events 400000] [--rounds 3]

Starts Apache Kafka (needs Java 17 and Maven). In turns, the same part of the benchmark's input
(bench/input.py) is taken in by

    one            one worker
    two            two workers of one group, each on a core of its own (of two, one is the broker's, too)
    two, one core  the same two on one core
    strangers      two workers of two groups on one core, each taking in everything

Workers are ready before the first event is written, so that starting is left out; what counts is the kernel's
processor time of all workers from then on until everything is committed and merged, over the events they took
in. The goal: `two` at most 1.1 times `one`. Two processes on one core push each other out of its caches,
whatever they do, and `strangers` say how much that is: against them, `two, one core` has only what dividing
the work costs. Writes bench/results/two-workers.json.
"""

from __future__ import annotations

import argparse
import os
from contextlib import AsyncExitStack
from statistics import mean
from typing import Any

from bench.input import cached
from bench.population import Chunks, placed
from bench.rig import Rig, Tell, parser, rig, run, write

PARTITIONS = 8
GOAL = 1.1
# the groups, and for each worker its group and which of the machine's usable cores it is on
KINDS = {
    "one": [(0, 0)],
    "two": [(0, 0), (0, -1)],
    "two, one core": [(0, 0), (0, 0)],
    "strangers": [(0, 0), (1, 0)],
}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=400_000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    run(bench(given))


async def bench(given: argparse.Namespace) -> None:
    tell = Tell()
    tell.step("the input")
    chunks = list(cached(given.events, partitions=PARTITIONS))
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    async with rig(tell) as running:
        for number in range(given.rounds):
            for kind in KINDS if number % 2 == 0 else reversed(KINDS):
                cost = await measure(running, chunks, KINDS[kind])
                tell.step(f"round {number + 1}, {kind}: {cost:.1f} µs an event")
                found[kind].append(cost)
    least = {kind: min(costs) for kind, costs in found.items()}
    average = {kind: mean(costs) for kind, costs in found.items()}
    result: dict[str, Any] = {
        "events": given.events,
        "cpu_microseconds_an_event": {
            kind: [round(cost, 2) for cost in costs] for kind, costs in found.items()
        },
        "two_to_one": ratios("two", "one", least, average),
        "two_to_strangers_on_one_core": ratios("two, one core", "strangers", least, average),
        "goal": GOAL,
    }
    write("two-workers", result)


def ratios(a: str, b: str, least: dict[str, float], average: dict[str, float]) -> dict[str, float]:
    """What `a` costs over what `b` does."""
    return {"of_the_least": round(least[a] / least[b], 3), "of_the_means": round(average[a] / average[b], 3)}


async def measure(running: Rig, chunks: Chunks, places: list[tuple[int, int]]) -> float:
    """Microseconds of processor time for each event that a group takes in, of all workers together."""
    name = running.next_name()
    await running.create_topic(name, PARTITIONS)
    usable = sorted(os.sched_getaffinity(0) | set(running.worker_cores))
    groups = [group for group, _ in places]
    flows = [await running.flow(topic=name, partitions=PARTITIONS) for _ in set(groups)]
    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(flows[group].worker(cores=[usable[core]]))
            for group, core in places
        ]
        for worker, group in zip(workers, groups, strict=True):
            await worker.owns(PARTITIONS // groups.count(group))
        before = sum(worker.cpu_s for worker in workers)
        events = await running.fill(name, placed(chunks))
        for worker in workers:
            await worker.caught_up()
        spent = sum(worker.cpu_s for worker in workers) - before
        return spent / (events * len(flows)) * 1e6


if __name__ == "__main__":
    main()
