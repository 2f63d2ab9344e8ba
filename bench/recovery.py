"""How long a worker takes to start: with its local store, from the changelog alone, and without a store.

    python bench/recovery.py [--persons 1000000] [--partitions 8]

Starts Apache Kafka (needs Java 17 and Maven). A worker reads one event of each person; then it is started
again with its local store, again without (from the changelog), and again with `store = "memory"`. Seconds are
from the start of the process until partitions are owned, those of Python and Faust included.
Writes bench/results/recovery-<persons>.json.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import orjson
import population

from stream.broker import start_broker
from stream.broker.port import free_port

LIMIT_MIB = 4_096


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=8)
    given = parser.parse_args()
    population.POLL_S = 0.1
    with tempfile.TemporaryDirectory() as folder, start_broker(kind="kafka", port=0) as broker:
        config = Path(folder, "footfall.toml")
        settings = (
            f'broker = "{broker.address}"\ntopics.partitions = {given.partitions}\n'
            f'data_dir = "{folder}/data"\nweb.port = {free_port()}\n'
        )
        # The port comes last: `population.run` reads it there.
        config.write_text(f'store = "rocksdb"\n{settings}')
        subprocess.run(
            [*population.FOOTFALL, "topics", "create", "--config", config],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        arrivals = population.arrivals(given.persons)
        asyncio.run(population.fill(broker.address, given.partitions, arrivals))
        result: dict[str, Any] = {"persons": given.persons, "partitions": given.partitions}
        result["arrive"] = population.run(config, LIMIT_MIB, read=given.persons)
        result["with_store"] = run(config)
        shutil.rmtree(Path(folder, "data"))
        result["store_lost"] = run(config)
        config.write_text(f'store = "memory"\n{settings}')
        result["memory"] = run(config)
    population.RESULTS.mkdir(exist_ok=True)
    written = population.RESULTS / f"recovery-{given.persons}.json"
    written.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(written.read_text())


def run(config: Path) -> dict[str, object]:
    """Start a worker, and stop it when it is ready: also with the processor time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = population.run(config, LIMIT_MIB)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result["cpu_s"] = round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)
    return result


if __name__ == "__main__":
    main()
