"""How many events a second `footfall replay` gets through on one core, start and output included.

    python bench/replay.py [--events 1000000] [--users 20000] [--repeat 3]

Reads simulated events (seed 1), plain JSON Lines from the page cache. Next to it, on the same core: a bare
loop of orjson.loads over the same lines, so that runs on different machines can be compared. Writes
bench/results/replay.json.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

RESULTS = Path(__file__).parent / "results" / "replay.json"
FOOTFALL = Path(sys.executable).with_name("footfall")
TARGET = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--file", type=Path, help="JSON Lines to read instead of simulated events")
    given = parser.parse_args()
    core = max(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        events = given.file or simulated(Path(folder), given.events, given.users)
        lines = events.read_bytes().splitlines()
        os.sched_setaffinity(0, {core})
        loads = min(loads_seconds(lines) for _ in range(given.repeat))
        runs = [replay_seconds(events, Path(folder) / "out") for _ in range(given.repeat)]
        loads = min(loads, *(loads_seconds(lines) for _ in range(given.repeat)))
    best, processor = min(seconds for seconds, _ in runs), min(seconds for _, seconds in runs)
    result = {
        "events": len(lines),
        "bytes_per_event": round(sum(map(len, lines)) / len(lines)),
        "users": None if given.file else given.users,
        "seconds": [round(seconds, 2) for seconds, _ in runs],
        "events_per_second": round(len(lines) / best),
        "events_per_cpu_second": round(len(lines) / processor),
        "orjson_loads_events_per_second": round(len(lines) / loads),
        "times_orjson_loads": round(best / loads, 2),
        "target_events_per_second": TARGET,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor_name(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())


def simulated(folder: Path, events: int, users: int) -> Path:
    """A file of simulated events, seed 1."""
    path = folder / "events.jsonl"
    options = ["--seed", "1", "--users", str(users), "--events", str(events), "--days", "3650"]
    subprocess.run([FOOTFALL, "simulate", *options, "--out", path], check=True)
    return path


def replay_seconds(events: Path, out: Path) -> tuple[float, float]:
    """Wall and processor seconds of a whole `footfall replay`."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([FOOTFALL, "replay", events, "--out", out], check=True, stderr=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, used


def loads_seconds(lines: list[bytes]) -> float:
    """Seconds of decoding every line and nothing else."""
    loads = orjson.loads
    began = time.perf_counter()
    for line in lines:
        loads(line)
    return time.perf_counter() - began


def processor_name() -> str:
    """The model as Linux names it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
