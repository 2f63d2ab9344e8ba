"""How long a worker takes from its start, and from joining its group, to its first event.

    python -m bench.start [--rounds 5] [--persons 200000]

Starts Apache Kafka (needs Java 17 and Maven). Workers are started on a core of their own:

- `fresh`: nobody is known yet, and events wait;
- `state`: `--persons` are known (bench/grown.py), and the local store was lost: all is restored;
- `store`: the same worker again after SIGTERM, with its local store;
- `killed`: again, after kill -9: a static member comes back;
- `second`: a worker joins another that is running, on a stream that goes on; it gets half of the partitions.

Times are seconds from the start of the process: until the broker has it as a member of the group, until
its first event is processed (its own counter), and until the group's offset has moved: the first
events are committed, with all that came of them. The goal: first event within 5 s of joining.
Writes bench/results/start.json.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from bench.grown import Population, Samples, ids_of, samples, write
from bench.input import Record, cached
from bench.rig import Flow, Placed, Rig, Tell, Worker, parser, rig, run, total
from bench.rig import write as write_result

GOAL_S = 5.0
PARTITIONS = 8
POLL_S = 0.02
WAITING = 4_000
"""Events that wait for a worker each time."""
STREAM_EVERY_S, PARTS = 0.02, 10
LIMIT_S = 60.0


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--persons", type=int, default=200_000)
    given = options.parse_args()
    run(bench(given))


async def bench(given: argparse.Namespace) -> None:
    tell = Tell()
    tell.step("the input, and the samples of persons")
    chunks = list(cached(200_000, partitions=PARTITIONS))
    found = samples()
    seen: dict[str, list[dict[str, float]]] = {}
    async with rig(tell) as running:
        for number in range(1, given.rounds + 1):
            for name, times in await one_round(running, chunks, found, given.persons, number):
                seen.setdefault(name, []).append(times)
                tell.step(f"round {number}, {name}: " + ", ".join(f"{k} {v:.2f}" for k, v in times.items()))
    cases = {name: summary(times) for name, times in seen.items()}
    worst = max(case["joined_to_event_s"]["max"] for case in cases.values())
    result = {"rounds": given.rounds, "persons": given.persons, "goal_s": GOAL_S, "cases": cases}
    write_result("start", {**result, "longest_joined_to_event_s": worst})


def summary(times: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    def of(name: str) -> dict[str, float]:
        values = [one[name] for one in times]
        return {"median": round(statistics.median(values), 2), "max": round(max(values), 2)}

    return {name: of(name) for name in times[0]}


async def one_round(
    running: Rig, chunks: list[list[list[Record]]], found: Samples, persons: int, number: int
) -> list[tuple[str, dict[str, float]]]:
    """Each case once."""
    waiting = pieces(chunks)
    results = []
    running.tell.step(f"round {number}")
    topic = f"fresh{number}"
    await running.create_topic(topic, PARTITIONS)
    flow = await running.flow(topic=topic, partitions=PARTITIONS)
    await running.fill(topic, next(waiting))
    async with flow.worker() as worker:
        results.append(("fresh", await first_event(flow, worker)))
        async with events_go_on(running, topic, waiting), flow.worker() as second:
            results.append(("second", await first_event(flow, second, beside=True)))

    topic = f"known{number}"
    await running.create_topic(topic, PARTITIONS)
    flow = await running.flow(topic=topic, partitions=PARTITIONS)
    met = [
        [ids for chunk in chunks for one in chunk[place] if (ids := ids_of(one)) is not None]
        for place in range(PARTITIONS)
    ]
    await write(flow, Population(found, persons, met))
    await running.fill(topic, next(waiting))
    async with flow.worker() as worker:
        results.append(("state", await first_event(flow, worker)))
        await worker.caught_up()
    await running.fill(topic, next(waiting))
    async with flow.worker() as worker:
        results.append(("store", await first_event(flow, worker)))
        await worker.caught_up()
        os.kill(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        await running.fill(topic, next(waiting))
        async with flow.worker() as again:
            results.append(("killed", await first_event(flow, again)))
        worker.ended_as_wanted()
    return results


def pieces(chunks: list[list[list[Record]]]) -> Iterator[list[Placed]]:
    """The input in pieces of WAITING events."""
    share = max(1, WAITING // PARTITIONS)
    for chunk in chunks:
        for first in range(0, min(map(len, chunk)) - share + 1, share):
            yield [
                (place, one.key, one.value)
                for place, records in enumerate(chunk)
                for one in records[first : first + share]
            ]


@asynccontextmanager
async def events_go_on(running: Rig, topic: str, waiting: Iterator[list[Placed]]) -> AsyncIterator[None]:
    """Some events in each partition, again and again."""

    async def go_on() -> None:
        while True:
            piece = next(waiting)
            for part in range(PARTS):
                await running.fill(topic, piece[part::PARTS])
                await asyncio.sleep(STREAM_EVERY_S)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def first_event(flow: Flow, worker: Worker, *, beside: bool = False) -> dict[str, float]:
    """Watch a worker that was just started, perhaps `beside` another, until it has committed something."""
    began_at = worker.began
    before, members = await flow.position(), await flow.rig.members(flow.name)
    times: dict[str, float] = {}

    async def member() -> bool:
        return bool(await flow.rig.members(flow.name) - members)

    async def processed() -> bool:
        return total(await worker.metrics(), "footfall_events_total") > 0

    async def committed() -> bool:
        # Of two workers, the other commits as well: this one has when its checkpoints are counted.
        if beside:
            return total(await worker.metrics(), "footfall_checkpoint_seconds_count") > 0
        return await flow.position() > before

    async def note(name: str, done: Any) -> None:
        await worker.until(done, name, within_s=LIMIT_S, poll_s=POLL_S)
        times[name] = time.monotonic() - began_at

    await asyncio.gather(note("joined_s", member), note("event_s", processed), note("committed_s", committed))
    return {
        **dict(sorted(times.items(), key=lambda one: one[1])),
        "joined_to_event_s": max(0.0, times["event_s"] - times["joined_s"]),
        "joined_to_committed_s": max(0.0, times["committed_s"] - times["joined_s"]),
    }


if __name__ == "__main__":
    main()
