"""What it costs to re-key a stream: one worker's events a second with `input.keyed = false`, against `true`.

    python bench/rekeyed.py [--events 300000] [--users 20000] [--partitions 8]

One topic of simulated events (seed 1), read by two groups one after the other on one Apache Kafka (needs
Java 17 and Maven). As in bench/worker.py, starting is left out. Writes bench/results/rekeyed.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import orjson
from worker import FOOTFALL, measure

from stream.broker import start_broker
from stream.broker.port import free_port

RESULTS = Path(__file__).parent / "results" / "rekeyed.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=8)
    given = parser.parse_args()
    results = RESULTS.absolute()
    with tempfile.TemporaryDirectory() as folder, start_broker(kind="kafka", port=0) as broker:
        os.chdir(folder)
        found = {}
        for name in ("keyed", "rekeyed"):
            Path("footfall.toml").write_text(
                f'broker = "{broker.address}"\ntopics.partitions = {given.partitions}\n'
                f'group = "{name}"\nprefix = "{name}"\ninput.keyed = {str(name == "keyed").lower()}\n'
                f'data_dir = "{folder}/data"\nweb.port = {free_port()}\n'
            )
            subprocess.run([FOOTFALL, "topics", "create"], check=True, stdout=subprocess.DEVNULL)
            if not found:
                options = ["--seed", "1", "--users", given.users, "--events", given.events, "--days", 365]
                target = ["--broker", broker.address, "--topic", "app-events"]
                subprocess.run([FOOTFALL, "simulate", *map(str, options), *target], check=True)
            found[name] = measure(Path("footfall.toml"), given.events)
    spent = [float(str(found[name]["cpu_microseconds_per_event"])) for name in ("keyed", "rekeyed")]
    result = {
        "events": given.events,
        "users": given.users,
        "partitions": given.partitions,
        **found,
        "cpu_ratio": round(spent[1] / spent[0], 2),
    }
    results.parent.mkdir(exist_ok=True)
    results.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()
