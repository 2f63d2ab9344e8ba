"""How a worker carries a population that is larger than its memory, on Apache Kafka, exactly once.

    python bench/population.py [--persons 5000000] [--limit-mib 1024] [--store rocksdb|memory]

Starts Apache Kafka (needs Java 17 and Maven). Every person appears once, over 60 days, so that millions of
midnights fall due on the way; then come `--visits` events of persons drawn by a skewed law over all of them,
the steady state. The worker's private memory is limited by the kernel (RLIMIT_DATA). Then it is stopped and
started again with its local store, and once more without it, from the changelog alone.
Writes bench/results/population-<persons>-<store>.json.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from stream.broker import start_broker
from stream.broker.port import free_port
from stream.core.partitioner import partition_for

RESULTS = Path(__file__).parent / "results"
FOOTFALL = (sys.executable, "-c", "from stream.cli import main; main()")
START_MS = 1_767_225_600_000  # 2026-01-01
DAY_MS = 86_400_000
DAYS = 60
MIB = 1024 * 1024
LIMIT_S = 1_800
POLL_S = 0.5

EVENT = (
    b'{"messageId":"m-%d","type":"track","event":"%b","userId":"%b","timestamp":%d,"properties":{"total":%d,'
    b'"currency":"EUR"},"context":{"campaign":{"name":"spring","source":"news","medium":"cpc"},"page":{"path":"/p"}}}'
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=5_000_000)
    parser.add_argument("--visits", type=int, default=500_000, help="events after everyone has appeared")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--limit-mib", type=int, default=1024)
    parser.add_argument("--store", choices=["rocksdb", "memory"], default="rocksdb")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_broker(kind="kafka", port=0) as broker:
        config = Path(folder, "footfall.toml")
        config.write_text(
            f'broker = "{broker.address}"\ntopics.partitions = {given.partitions}\nstore = "{given.store}"\n'
            f'data_dir = "{folder}/data"\nweb.port = {free_port()}\n'
        )
        subprocess.run(
            [*FOOTFALL, "topics", "create", "--config", config], check=True, stdout=subprocess.DEVNULL
        )
        asyncio.run(fill(broker.address, given.partitions, arrivals(given.persons)))
        result: dict[str, Any] = {
            "persons": given.persons,
            "store": given.store,
            "limit_mib": given.limit_mib,
        }
        result["arrive"] = run(config, given.limit_mib, read=given.persons)
        asyncio.run(fill(broker.address, given.partitions, visits(given.persons, given.visits)))
        result["visit"] = run(config, given.limit_mib, read=given.visits)
        result["restart"] = run(config, given.limit_mib)
        result["disk_mib"] = size(Path(folder, "data")) // MIB
        shutil.rmtree(Path(folder, "data"))
        result["restore"] = run(config, given.limit_mib)
    RESULTS.mkdir(exist_ok=True)
    written = RESULTS / f"population-{given.persons}-{given.store}.json"
    written.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(written.read_text())


def arrivals(persons: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each person's first event, evenly over the days."""
    step_ms = DAYS * DAY_MS / persons
    for number in range(persons):
        person = b"user-%08d" % (number * 7_919 % persons)
        yield (
            person,
            EVENT % (number, b"Order Completed", person, START_MS + int(number * step_ms), number % 90),
        )


def visits(persons: int, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Half an hour of events of persons of whom few come often and most seldom, a fifth of them orders."""
    chance = random.Random(1)
    from_ms = START_MS + DAYS * DAY_MS
    for number in range(count):
        person = b"user-%08d" % int(persons * chance.random() ** 3)
        name = b"Order Completed" if number % 5 == 0 else b"Product Viewed"
        yield person, EVENT % (number, name, person, from_ms + number * 1_800_000 // count, number % 90)


async def fill(address: str, partitions: int, events: Iterator[tuple[bytes, bytes]]) -> None:
    """Write events to their partitions, in order."""
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", max_batch_size=512 * 1024)
    await producer.start()
    batches = {number: producer.create_batch() for number in range(partitions)}
    now_ms = int(time.time() * 1000)
    waiting: set[asyncio.Future[Any]] = set()
    for key, value in events:
        number = partition_for(key, partitions)
        if batches[number].append(key=key, value=value, timestamp=now_ms) is None:
            waiting.add(await producer.send_batch(batches[number], "app-events", partition=number))
            batches[number] = producer.create_batch()
            batches[number].append(key=key, value=value, timestamp=now_ms)
            if len(waiting) > 32:
                await asyncio.wait(waiting)
                waiting.clear()
    for number, batch in batches.items():
        waiting.add(await producer.send_batch(batch, "app-events", partition=number))
    await asyncio.gather(*waiting)
    await producer.stop()


def run(config: Path, limit_mib: int, *, read: int = 0) -> dict[str, object]:
    """Run a worker until it has read so many events (0: until it is ready), and stop it."""
    port = config.read_text().rpartition("web.port = ")[2].strip()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit_mib * MIB, limit_mib * MIB))

    log = config.with_suffix(".log").open("wb")
    began = time.monotonic()
    seen: list[tuple[float, float]] = []
    ready_s = 0.0
    with subprocess.Popen([*FOOTFALL, "worker", "--config", config], stderr=log, preexec_fn=limit) as worker:
        while not ready_s or (seen[-1][1] if seen else 0) < read:
            if worker.poll() is not None or time.monotonic() - began > LIMIT_S:
                worker.kill()
                sys.exit(
                    "the worker ended, or was too slow:\n" + config.with_suffix(".log").read_text()[-2000:]
                )
            samples = scrape(port)
            if not ready_s and samples.get("footfall_partitions"):
                ready_s = time.monotonic() - began
            done = sum(n for name, n in samples.items() if name.startswith("footfall_events_total"))
            if done and (not seen or done > seen[-1][1]):
                seen.append((time.monotonic(), done))
                if sys.stderr.isatty():
                    print(f"\r{done:,.0f} events, {rss_mib(worker.pid)} MiB", end="", file=sys.stderr)
            time.sleep(POLL_S)
        worker.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(worker.pid, 0)
        worker.returncode = os.waitstatus_to_exitcode(status)
    if worker.returncode:
        sys.exit("the worker failed:\n" + config.with_suffix(".log").read_text()[-2000:])
    result: dict[str, object] = {
        "ready_after_s": round(ready_s, 1),
        "peak_rss_mib": round(used.ru_maxrss / 1024),
        "recovered_records": round(samples.get("footfall_recovery_records_total", 0)),
    }
    if read:
        (from_s, first), (to_s, last) = seen[0], seen[-1]
        result["events_per_second"] = round((last - first) / (to_s - from_s)) if to_s > from_s else None
        result["cpu_microseconds_per_event"] = round((used.ru_utime + used.ru_stime) / read * 1e6, 1)
    return result


def rss_mib(pid: int) -> int:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() // MIB


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def scrape(port: str) -> dict[str, float]:
    """The worker's metrics; none before it serves them."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if not x.startswith("#"))}


if __name__ == "__main__":
    main()
