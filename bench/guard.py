"""Whether an event has become more work: instructions in each step of the core, against a recorded figure.

    python -m bench.guard             # measure, and compare with bench/guard.json
    python -m bench.guard --record    # the work has grown on purpose, or shrunk: write the new figure

Valgrind's callgrind counts instructions, so neither other processes nor the machine's speed matter. It counts
those of a small seeded input (bench/input.py) on its way through the core, as bench/core.py drives it, and
those of a fixed loop of plain Python in the same process. What is compared is the one by the other: another
build of Python needs other instructions for the same program.

tests/bench/test_guard.py runs this in CI, and fails where a step has grown by more than 15 %.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from zlib import crc32

import msgspec

from bench.core import STEPS, Batch, Core, collect_as_the_worker, in_batches, received

ROOT = Path(__file__).resolve().parent.parent
RECORDED = Path(__file__).with_suffix(".json")
GROWTH = 0.15
EVENTS, PERSONS, PARTITIONS, SEED = 8_000, 1_500, 2, 6
RATE = 0.25  # as many events to a window and partition as the whole input has
BATCH, WARM_BATCHES = 500, 4
LOOPS = 3_000
LIMIT_S = 1_200  # of a machine that has much else to do: alone it takes half a minute
CLOSER = (
    "Look closer: `python -m bench.core --against <a checkout from before>` has the time of each step, "
    "`python -m bench.profile` that of each function. If it is worth it, `python -m bench.guard --record` "
    "writes the new figure: say in the commit what it buys"
)


class GuardError(Exception):
    """The work can't be measured; the message says why."""


class Figure(msgspec.Struct, kw_only=True):
    """Instructions an event by step, `all` of them, and `read`, which is part of `process`; and with what.

    `loop` is those of a round of the fixed loop. `input` tells another input from this one.
    """

    steps: dict[str, float]
    loop: float
    input: str
    versions: dict[str, str]

    def relative(self, step: str) -> float:
        """In rounds of the fixed loop."""
        return self.steps[step] / self.loop


# -- what is counted -------------------------------------------------------------------------------


class Marks:
    """A clock for Core: callgrind writes out what it has counted before each call of `sched_yield`."""

    def __init__(self) -> None:
        self.steps = ["starting"]
        self.events: Counter[str] = Counter()
        self.prefix = ""

    def time(self, step: str, work: Callable[[], Any]) -> Any:
        self._begin(self.prefix + step)
        result = work()
        self._begin("between")
        return result

    def _begin(self, step: str) -> None:
        self.steps.append(step)
        os.sched_yield()

    def tell(self) -> None:
        """Say what was counted, for `measure`."""
        print(json.dumps({"steps": self.steps, "events": self.events}))


class Unmarked:
    """A clock that does not look."""

    def time(self, step: str, work: Callable[[], Any]) -> Any:
        return work()


def run(batches: Sequence[Batch], marks: Marks) -> None:
    """The core over the batches. The first are not counted: names are met, and caches fill."""
    from stream.core.events import Invalid, read

    core = Core(PARTITIONS, None, Unmarked())
    for batch in batches[:WARM_BATCHES]:
        core.take(batch)
    core.clock = marks
    for batch in batches[WARM_BATCHES:]:
        core.take(batch)
        marks.events[marks.prefix] += len(batch.records)
    for number in range(PARTITIONS):
        core.commit(number)

    def read_all() -> None:
        for batch in batches[WARM_BATCHES:]:
            for record in batch.records:
                with suppress(Invalid):
                    read(record.value)

    marks.time("read", read_all)


class Cell:
    """For the fixed loop: something with attributes and a method."""

    __slots__ = ("events", "span")

    def __init__(self) -> None:
        self.events = self.span = 0

    def meet(self, span: int) -> None:
        self.events += 1
        self.span = max(self.span, span)


def fixed_loop(rounds: int) -> int:
    """Plain Python of the kind that the core is made of: dicts, tuples, strings, attributes, calls.

    Never to be changed: all figures are by it.
    """
    seen: dict[str, tuple[int, int]] = {}
    cells = [Cell() for _ in range(7)]
    for i in range(rounds):
        name = f"name-{i % 97}"
        first, last = seen.get(name, (i, i))
        seen[name] = (first, i)
        cell = cells[i % 7]
        if i - last < 100 and name.endswith("7"):
            cell.meet(i - first)
        elif cell.events > 3:
            cell.span -= 1
    return sum(cell.span for cell in cells)


def counted(pipe: IO[bytes]) -> None:
    """All that is counted, in the process that callgrind watches."""
    batches = list(received(pipe))
    collect_as_the_worker()
    marks = Marks()
    fixed_loop(LOOPS)
    marks.time("loop", lambda: fixed_loop(LOOPS))
    run(batches, marks)
    marks.tell()


# -- counting --------------------------------------------------------------------------------------


def measure(script: Path | None = None) -> dict[str, Figure]:
    """The figures by prefix of the marks; `script` does instead of `counted`. Raises GuardError."""
    batches = small_input()
    program = [str(script)] if script is not None else ["-m", "bench.guard", "--counted"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "counts"
        # --vgdb=no: nobody attaches, and it would leave pipes in /tmp.
        valgrind = ["valgrind", "--quiet", "--vgdb=no", "--tool=callgrind", "--dump-before=sched_yield"]
        done = watched([*valgrind, f"--callgrind-out-file={out}", sys.executable, *program], batches)
        if done.returncode:
            raise GuardError(f"what is to be counted has failed:\n{done.stderr.decode()[-2000:]}")
        told = json.loads(done.stdout)
        counts = totals(out, told["steps"])
    input_is = f"{crc32(b''.join(record[3] or b'' for batch in batches for record in batch.records)):08x}"
    return {
        prefix: Figure(
            steps=by_step(counts, prefix, events),
            loop=round(counts["loop"] / LOOPS, 2),
            input=input_is,
            versions=versions(),
        )
        for prefix, events in told["events"].items()
    }


def watched(command: Sequence[str], batches: Sequence[Batch]) -> subprocess.CompletedProcess[bytes]:
    """Run what is to be counted to its end. Raises GuardError where it has none."""
    try:
        return subprocess.run(
            command,
            input=b"".join(pickle.dumps((batch.partition, batch.records)) for batch in batches),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "TZ": "UTC"},
            cwd=ROOT,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise GuardError(f"what is to be counted did not end within {LIMIT_S:,} s") from error


def totals(out: Path, steps: Sequence[str]) -> Counter[str]:
    """The instructions of each step: callgrind numbers its files as they were written."""
    counts: Counter[str] = Counter()
    written = len(list(out.parent.iterdir()))
    if written != len(steps):
        raise GuardError(f"callgrind has written {written} counts, and {len(steps)} were marked")
    for number, step in enumerate(steps, 1):
        # The last one, up to the program's end, has no number.
        file = out if number == written else out.with_name(f"{out.name}.{number}")
        with file.open() as lines:
            counts[step] += next(int(line.split()[1]) for line in lines if line.startswith("totals:"))
    return counts


def by_step(counts: Counter[str], prefix: str, events: int) -> dict[str, float]:
    """Instructions an event."""
    of = {step: counts[prefix + step] for step in (*STEPS, "read") if counts[prefix + step]}
    of["all"] = sum(of.get(step, 0) for step in STEPS)
    return {step: round(count / events) for step, count in of.items()}


def small_input() -> list[Batch]:
    """The events that are counted, and before them those that are not."""
    from bench.input import generate

    chunks = generate(EVENTS, seed=SEED, persons=PERSONS, partitions=PARTITIONS, rate=RATE)
    return list(in_batches(chunks, BATCH))


def versions() -> dict[str, str]:
    """Of all that has its share in the count."""
    said = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "python": platform.python_version(),
        "built_by": platform.python_compiler(),
        "msgspec": version("msgspec"),
        "valgrind": said.strip().removeprefix("valgrind-"),
        "machine": platform.machine(),
    }


# -- judging ---------------------------------------------------------------------------------------


def judge(measured: Figure, recorded: Figure) -> list[str]:
    """What is wrong, in sentences: nothing, where no step has grown by more than GROWTH."""
    if measured.input != recorded.input:
        return [
            "bench/guard.json was recorded with another input, so there is nothing to compare: check the "
            "change of bench/input.py, and record the work of the new one by `python -m bench.guard --record`"
        ]
    grown = [step for step in recorded.steps if growth(measured, recorded, step) > GROWTH]
    if not grown:
        return []
    said = [
        f"The work of an event has grown by {growth(measured, recorded, step):.0%} "
        f"{'in all' if step == 'all' else f'in `{step}`'}, from {recorded.steps[step]:,.0f} to "
        f"{measured.steps[step]:,.0f} instructions; {GROWTH:.0%} are let pass."
        for step in sorted(grown, key=lambda step: step == "all")
    ]
    if measured.versions != recorded.versions:
        different = (
            f"{name} {recorded.versions.get(name)} → {now}"
            for name, now in measured.versions.items()
            if now != recorded.versions.get(name)
        )
        said.append(f"(Not all the same as when the figure was recorded: {', '.join(different)}.)")
    return [*said, f"{CLOSER}."]


def growth(measured: Figure, recorded: Figure, step: str) -> float:
    """By which share of the recorded work a step has grown, both by the fixed loop."""
    if step not in measured.steps:
        return -1.0
    return measured.relative(step) / recorded.relative(step) - 1


def recorded() -> Figure:
    """bench/guard.json."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=Figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="write what is measured to bench/guard.json")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.counted:
        counted(sys.stdin.buffer)
        return
    if shutil.which("valgrind") is None:
        sys.exit("there is no valgrind: install your system's package of that name")
    try:
        measured = measure()[""]
    except GuardError as error:
        sys.exit(str(error))
    before = recorded() if RECORDED.exists() else None
    for step, count in measured.steps.items():
        line = f"{step:14}{count:9,.0f} instructions an event"
        print(line if before is None else f"{line}  {growth(measured, before, step):+7.1%}")
    print(f"{'fixed loop':14}{measured.loop:9,.0f} instructions a round")
    if given.record:
        RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(measured)) + b"\n")
    elif before is not None:
        sys.exit("\n".join(judge(measured, before)))


if __name__ == "__main__":
    main()
