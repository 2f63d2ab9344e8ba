"""How a worker carries a population that is larger than its memory, on Apache Kafka, exactly once.

    python -m bench.population [--persons 10000000] [--limit-mib 2048] [--store rocksdb|memory]

Starts Apache Kafka (needs Java 17 and Maven), and writes the changelog of that many persons who are known
already (bench/grown.py: as a worker writes it, without the events of months). A worker whose private memory
the kernel limits (RLIMIT_DATA) restores all of it; then come `--events` of the benchmark's input, whose
persons are drawn from all of them by Zipf's law, and as many of persons drawn evenly. Then it is stopped
and started again with its local store. Ten million persons take about ten minutes. Writes
bench/results/population-<persons>-<store>.json.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from bench.grown import Population, Samples, ids_of, samples, write
from bench.input import DAY_MS, START_MS, Record, cached
from bench.rig import BenchError, Flow, Placed, Rig, Tell, Worker, parser, rig, run, total
from bench.rig import Samples as Metrics
from bench.rig import write as write_result

PARTITIONS = 8
RESTORE_WITHIN_S = 1_200.0
VISITS = (("zipf", 1.0, START_MS), ("evenly", 0.0, START_MS + 5 * DAY_MS))
"""How persons are drawn, the exponent, and when they come."""

Chunks = Sequence[Sequence[Sequence[Record]]]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--persons", type=int, default=10_000_000)
    options.add_argument("--events", type=int, default=300_000, help="events of each way of drawing persons")
    options.add_argument("--limit-mib", type=int, default=2_048)
    options.add_argument("--store", choices=["rocksdb", "memory"], default="rocksdb")
    given = options.parse_args()
    run(bench(given.persons, given.events, given.limit_mib, given.store))


async def bench(persons: int, events: int, limit_mib: int, store: str) -> None:
    tell = Tell()
    tell.step("the events that come later, and the samples of persons")
    visits = {name: coming(events, persons, zipf, start_ms) for name, zipf, start_ms in VISITS}
    found = samples()
    result: dict[str, Any] = {"persons": persons, "store": store, "limit_mib": limit_mib, "events": events}
    async with rig(tell) as running:
        flow = await running.flow(f'store = "{store}"', partitions=PARTITIONS)
        result |= await grow(flow, found, persons, list(visits.values()))
        tell.step("a worker restores it, within the limit")
        async with flow.worker(limit_mib=limit_mib) as worker:
            ready_s = await worker.ready(within_s=RESTORE_WITHIN_S)
            result["restore"] = {"ready_after_s": round(ready_s, 1), **await stands(worker)}
            for name, chunks in visits.items():
                tell.step(f"{events:,} events, persons drawn: {name}")
                result[name] = await visit(worker, chunks)
        if store == "rocksdb":
            tell.step("the same again, with its local store")
            async with flow.worker(limit_mib=limit_mib) as worker:
                ready_s = await worker.ready()
                result["restart"] = {"ready_after_s": round(ready_s, 1), **await stands(worker)}
            stored = sum(file.stat().st_size for file in flow.data.rglob("*") if file.is_file())
            result["disk_mib"] = round(stored / 1024**2)
            result["disk_bytes_a_person"] = round(stored / persons)
    result["within_limit"] = True
    write_result(f"population-{persons}-{store}", result)


def coming(events: int, persons: int, zipf: float, start_ms: int) -> Chunks:
    """The benchmark's input, of persons drawn from so many."""
    return list(cached(events, persons=persons, zipf=zipf, start_ms=start_ms, partitions=PARTITIONS))


async def grow(
    flow: Flow, found: Samples, persons: int, visits: list[Chunks], **how: float
) -> dict[str, int]:
    """Write the state of so many persons, all who come among them, to the flow's changelog."""
    flow.rig.tell.step(f"writing the changelog of {persons:,} persons")
    met = [
        [
            ids
            for chunks in visits
            for chunk in chunks
            for record in chunk[number]
            if (ids := ids_of(record)) is not None
        ]
        for number in range(PARTITIONS)
    ]
    population = Population(found, persons, met)
    records = await write(flow, population, **how)
    return {
        "profiles": population.profiles,
        "changelog_records": records,
        "changelog_mib": round(flow.rig.log_bytes(f"{flow.name}-profiles-changelog") / 1024**2),
        "who_come": sum(len(some) for some in population.met),
    }


def placed(chunks: Chunks) -> Iterator[Placed]:
    """The records as they are written: partition by partition within a chunk."""
    for chunk in chunks:
        for number, records in enumerate(chunk):
            for one in records:
                yield number, one.key, one.value


async def visit(worker: Worker, chunks: Chunks) -> dict[str, Any]:
    """Have the worker take events in, and say what an event cost."""
    before_s, before = worker.cpu_s, await worker.metrics()
    running: Rig = worker.flow.rig
    events = await running.fill(worker.flow.topic, placed(chunks))
    written_at = time.monotonic()
    await worker.caught_up(within_s=RESTORE_WITHIN_S)
    seconds = time.monotonic() - written_at
    used_s, after = worker.cpu_s - before_s, await worker.metrics()
    return {
        "cpu_microseconds_an_event": round(used_s / events * 1e6, 1),
        "seconds_after_the_last_was_written": round(seconds, 1),
        "visits": round(total(after, "footfall_visits_total") - total(before, "footfall_visits_total")),
        **await stands(worker),
    }


async def stands(worker: Worker) -> dict[str, Any]:
    """What memory the worker takes, and whom it knows."""
    found: Metrics = await worker.metrics()
    if not found:
        raise BenchError("the worker does not answer /metrics")
    return {
        "rss_mib": round(worker.status_mib("VmRSS")),
        "peak_rss_mib": round(worker.status_mib("VmHWM")),
        "cpu_s": round(worker.cpu_s, 1),
        "recovered_records": round(total(found, "footfall_recovery_records_total")),
        "profiles": round(total(found, "footfall_profiles")),
        "people": round(total(found, "footfall_people")),
    }


if __name__ == "__main__":
    main()
