"""How many events a second `footfall worker` gets through on Apache Kafka, exactly once, checkpoints and all.

    python bench/worker.py [--events 600000] [--users 20000] [--partitions 8]

Starts Apache Kafka (needs Java 17 and Maven), writes simulated events (seed 1) to a topic, then starts a
worker on it. The rate is that between the first and the last of its metrics that show it busy, so starting
is left out; the processor time is the whole worker's. Writes bench/results/worker.json.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
from rig import scrape

from stream.broker import start_broker
from stream.broker.port import free_port

RESULTS = Path(__file__).parent / "results" / "worker.json"
FOOTFALL = Path(sys.executable).with_name("footfall")
LIMIT_S = 300
POLL_S = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_broker(kind="kafka", port=0) as broker:
        os.chdir(folder)
        Path("footfall.toml").write_text(
            f'broker = "{broker.address}"\ntopics.partitions = {given.partitions}\n'
            f'data_dir = "{folder}/data"\nweb.port = {free_port()}\n'
        )
        subprocess.run([FOOTFALL, "topics", "create"], check=True, stdout=subprocess.DEVNULL)
        options = ["--seed", "1", "--users", given.users, "--events", given.events, "--days", 365]
        target = ["--broker", broker.address, "--topic", "app-events"]
        subprocess.run([FOOTFALL, "simulate", *map(str, options), *target], check=True)
        result = {"events": given.events, "users": given.users, "partitions": given.partitions} | measure(
            Path("footfall.toml"), given.events
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())


def measure(config: Path, events: int) -> dict[str, object]:
    """Run a worker until it has read all events."""
    port = int(config.read_text().rpartition("web.port = ")[2])
    seen: list[tuple[float, float]] = []
    began = time.monotonic()
    with subprocess.Popen([FOOTFALL, "worker"], stderr=subprocess.DEVNULL) as worker:
        while not seen or seen[-1][1] < events:
            if worker.poll() is not None or time.monotonic() - began > LIMIT_S:
                worker.kill()
                sys.exit("the worker ended, or did not get through in time: run `footfall worker` to see why")
            samples = scrape(port)
            read = sum(n for name, n in samples.items() if name.startswith("footfall_events_total"))
            if read and (not seen or read > seen[-1][1]):
                seen.append((time.monotonic(), read))
            time.sleep(POLL_S)
        commits = samples["footfall_checkpoint_seconds_count"]
        mean_commit_s = samples["footfall_checkpoint_seconds_sum"] / commits
        worker.send_signal(signal.SIGTERM)
        _, _, used = os.wait4(worker.pid, 0)
        worker.returncode = 0
    (from_s, first), (to_s, last) = seen[0], seen[-1]
    return {
        "events_per_second": round((last - first) / (to_s - from_s)),
        "cpu_microseconds_per_event": round((used.ru_utime + used.ru_stime) / events * 1e6, 1),
        "first_event_after_seconds": round(from_s - began, 2),
        "checkpoints": round(commits),
        "mean_checkpoint_milliseconds": round(mean_commit_s * 1000),
        "peak_rss_mib": round(used.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
