"""How long a worker takes to have its persons back: from its local store, and from the changelog alone.

    python -m bench.recovery [--persons 1000000] [--partitions 8]

Starts Apache Kafka (needs Java 17 and Maven), and writes the changelog of that many known persons
(bench/grown.py), half of its records twice, as in one that is not compacted yet. A worker is started
without a local store, again with the one that it has now, and again with `store = "memory"`. Seconds are
from the start of the process until it has its partitions, those of Python and Faust included. The goal:
1,000,000 persons in 20 s. Writes bench/results/recovery-<persons>.json.
"""

from __future__ import annotations

from typing import Any

from bench.grown import Population, samples, write
from bench.population import stands
from bench.rig import Flow, Tell, parser, rig, run
from bench.rig import write as write_result

GOAL_S = 20.0
REPEATED = 0.5
WITHIN_S = 600.0


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--persons", type=int, default=1_000_000)
    options.add_argument("--partitions", type=int, default=8)
    given = options.parse_args()
    run(bench(given.persons, given.partitions))


async def bench(persons: int, partitions: int) -> None:
    tell = Tell()
    tell.step("samples of persons")
    found = samples()
    result: dict[str, Any] = {"persons": persons, "partitions": partitions, "goal_s": GOAL_S}
    async with rig(tell) as running:
        flow = await running.flow('store = "rocksdb"', partitions=partitions)
        tell.step(f"writing the changelog of {persons:,} persons")
        population = Population(found, persons, [[] for _ in range(partitions)])
        result["changelog_records"] = await write(flow, population, repeated=REPEATED)
        result["profiles"] = population.profiles
        for name in ("store_lost", "with_store", "memory"):
            tell.step(f"a worker is started: {name}")
            if name == "memory":
                flow.config.write_text(flow.config.read_text().replace('"rocksdb"', '"memory"'))
            result[name] = await started(flow)
    write_result(f"recovery-{persons}", result)


async def started(flow: Flow) -> dict[str, Any]:
    """Start a worker, and stop it when it is ready."""
    async with flow.worker() as worker:
        ready_s = await worker.ready(within_s=WITHIN_S)
        return {"ready_after_s": round(ready_s, 1), **await stands(worker)}


if __name__ == "__main__":
    main()
