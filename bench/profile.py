"""Where the time of an event goes in a running worker: a flame graph, and a table by step.

    python -m bench.profile [--events 2000000] [--seconds 15]

Starts Apache Kafka (needs Java 17 and Maven), writes the benchmark's input (bench/input.py) to a topic, and
lets a worker with the default settings, so exactly once and with a local store, work it off on a core of its
own. Once it is through the first fifth, py-spy looks at its threads 200 times a second. Writes
docs/img/flame.svg and bench/results/profile.json, and prints the table. Two threads of a worker want the one
core, and one that waits for it looks busy to py-spy. So the samples of the main thread, and those of the
others (the consumer's above all), are weighed by the processor time that the kernel has counted for each.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.flame import Stacks, parse, svg
from bench.input import cached
from bench.rig import INPUT, BenchError, Placed, Tell, parser, rig, run, write

IMAGE = Path(__file__).resolve().parent.parent / "docs" / "img" / "flame.svg"
RATE_HZ = 200
WARM = 0.2

# How a command gets going: above it, all is of interest.
ENTRANCE = ("<string>", "click/", "threading.py", "stream/cli/")

# In the stacks of every thread but the main one that runs Python.
OTHER_THREAD = "mode/threads.py"

# The first that one of the stack's frames is in.
ANYWHERE = (
    ("the product: merging, judging", ("agents/merging.py", "agents/feedback.py")),
    ("time passing: visits close, midnights", ("core/due.py",)),
    ("a checkpoint: outputs", ("take_outputs (",)),
    ("a checkpoint: changed profiles", ("take_changes (", "core/changelog.py")),
    ("a checkpoint: the local store", ("engine/replica.py", "written (")),
    (
        "a checkpoint: transactions",
        ("engine/checkpoint.py", "aiokafka/producer/", "record/default_records.py"),
    ),
)
LOOP = "the event loop, sockets"
IN_THE_LOOP = "the loop over records"
# Else that of the innermost frame that one names.
INNERMOST = (
    (LOOP, ("asyncio/runners.py", "asyncio/base_events.py", "mode/threads.py", "selectors.py")),
    ("decoding, validation, times", ("core/events.py", "core/times.py")),
    ("persons from the local store", ("core/keeping.py", "engine/store.py")),
    ("windows, days", ("core/engagement/",)),
    ("persons, visits", ("stream/core/",)),
    ("engine, agents, metrics", ("stream/",)),
    ("fetching", ("aiokafka/",)),
    ("Faust", ("faust/", "mode/")),
)


def step_of(frames: tuple[str, ...]) -> str:
    """The step that a stack belongs to."""
    for step, marks in ANYWHERE:
        if any(mark in frame for frame in frames for mark in marks):
            return step
    for frame in reversed(frames):
        if "core/partition.py" in frame:
            return IN_THE_LOOP
        for step, marks in INNERMOST:
            if any(mark in frame for mark in marks):
                return step
    return "Python itself"


def without_entrance(stacks: Stacks) -> Counter[tuple[str, ...]]:
    """The stacks from where they begin to differ in what they do."""
    shorter: Counter[tuple[str, ...]] = Counter()
    for frames, count in stacks.items():
        inner = tuple(frame for frame in frames if not any(mark in frame for mark in ENTRANCE))
        shorter[inner or frames] += count
    return shorter


def weighed(stacks: Stacks, main_s: float, others_s: float) -> Counter[tuple[str, ...]]:
    """Stacks by processor time, in units of 10 µs, where the main thread and the others have used so much."""
    threads: tuple[Counter[tuple[str, ...]], ...] = (Counter(), Counter())
    for frames, count in stacks.items():
        threads[any(OTHER_THREAD in frame for frame in frames)][frames] = count
    times: Counter[tuple[str, ...]] = Counter()
    for stacked, seconds in zip(threads, (main_s, others_s), strict=True):
        for frames, count in stacked.items():
            times[frames] = round(count / stacked.total() * seconds * 1e5)
    return times


def main_thread_s(pid: int) -> float:
    """Processor time, user and system, that a process's main thread has used so far."""
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def by_step(stacks: Stacks) -> dict[str, float]:
    """The share of each step, the largest first."""
    counts: Counter[str] = Counter()
    for frames, count in stacks.items():
        counts[step_of(frames)] += count
    return {step: count / counts.total() for step, count in counts.most_common()}


async def profile(events: int, partitions: int, seconds: int) -> None:
    """Measure, print and write."""
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        raise BenchError("there is no py-spy: `pip install 'footfall[dev]'` brings it")
    tell = Tell()
    async with rig(tell) as running:
        tell.step(f"writing {events:,} events")
        await running.create_topic(INPUT, partitions)
        await running.fill(INPUT, placed(events, partitions))
        flow = await running.flow(partitions=partitions)
        folded = running.folder / "stacks"
        async with flow.worker() as worker:
            tell.step("the worker starts")
            await worker.ready()

            async def warm() -> bool:
                return await flow.position() >= WARM * events

            await worker.until(warm, "through the first fifth")
            tell.step(f"looking at it for {seconds} s")
            pid = worker.process.pid
            cpu_s, main_s = worker.cpu_s, main_thread_s(pid)
            position, began = await flow.position(), time.monotonic()
            options = ["--format", "raw", "--function", "--rate", str(RATE_HZ), "--duration", str(seconds)]
            spying = await asyncio.create_subprocess_exec(
                *(spy, "record", *options, "--output", str(folded), "--pid", str(pid)),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await spying.communicate()
            if spying.returncode:
                raise BenchError(f"py-spy has failed (it needs to be let trace processes):\n{said.decode()}")
            cpu_s, main_s, done = worker.cpu_s - cpu_s, main_thread_s(pid) - main_s, await flow.position()
            took_s = time.monotonic() - began
        if done >= events:
            raise BenchError("it was through before py-spy was: more --events, or fewer --seconds")
        with folded.open() as lines:
            stacks = weighed(parse(lines), main_s, cpu_s - main_s)
    per_event_us = cpu_s / (done - position) * 1e6
    shares = by_step(stacks)
    rate = (done - position) / took_s
    print(f"{rate:,.0f} events/s under observation, {per_event_us:.1f} µs of processor time an event:\n")
    for step, share in shares.items():
        print(f"{step:40}{share:7.1%}{share * per_event_us:8.2f} µs")
    print()
    IMAGE.write_text(
        svg(
            without_entrance(stacks),
            f"footfall worker, {cpu_s:.1f} s of processor time on the benchmark's input",
        )
    )
    write(
        "profile",
        {
            "events": done - position,
            "main_thread": round(main_s / cpu_s, 3),
            "us_per_event": round(per_event_us, 2),
            "steps_us": {step: round(share * per_event_us, 2) for step, share in shares.items()},
        },
    )


def placed(events: int, partitions: int) -> Iterator[Placed]:
    """The benchmark's input, for Kafka."""
    for chunk in cached(events, partitions=partitions):
        for number, records in enumerate(chunk):
            for key, value, _ in records:
                yield number, key, value


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=2_000_000)
    options.add_argument("--partitions", type=int, default=8)
    options.add_argument("--seconds", type=int, default=15)
    given = options.parse_args()
    run(profile(given.events, given.partitions, given.seconds))


if __name__ == "__main__":
    main()
