"""A trial: events flow to supervised workers, something happens to them, and the outcome is compared."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import orjson

from stream.core.times import parse_ms
from stream.simulate.delivery import Faults
from tests.chaos.cluster import Cluster
from tests.chaos.numbers import KINDS, Numbers, compare
from tests.chaos.report import Report, keep
from tests.chaos.supervisor import Supervisor, WorkerProcess
from tests.chaos.watch import STALLED_S, Watch
from tests.chaos.writer import Writer
from tests.engine import offsets
from tests.worker.stage import DAY_MS, FOOTFALL, Event, Stage, closing, encoded, simulated

FULL = os.environ.get("FOOTFALL_REQUIRE_ALL") == "1"
"""Whether to run the trials at their full size: in `.ci/run`."""

TROUBLE = Faults(late=0.01, disorder=0.1, duplicates=0.02)
# Idle partitions take over others' watermarks by the wall clock, which a replay knows nothing of.
NEVER_IDLE = "1h"
PARTITIONS = 4
# Commits often: a fault then more often meets a checkpoint under way.
OFTEN = 'commit_interval = "100ms"\n'


class Place(NamedTuple):
    """Where trials happen: brokers, names that nobody else has, and a folder.

    `kafka` is an address that other tests use, too; `cluster` may be killed, and has a way in for a proxy.
    """

    kafka: str
    cluster: Cluster
    name: Callable[[str], str]
    folder: Path

    def on_cluster(self) -> Place:
        """The same, with the cluster instead of the broker that others use."""
        return self._replace(kafka=self.cluster.address)


class Flow:
    """Events of a simulated product, and the time at which a replay of them ends."""

    def __init__(self, events: Sequence[Event], until_ms: int) -> None:
        self.events = events
        self.until_ms = until_ms


@lru_cache(maxsize=4)
def flow(count: int, *, partitions: int = PARTITIONS, seed: int = 1) -> Flow:
    """`count` events of some weeks; the last ones close each partition."""
    # A person has about 1.5 events a day.
    users, days = max(100, count // 36), 25
    events: list[Event] = []
    while len(events) < count:
        events = simulated(users=users, days=days, seed=seed, faults=TROUBLE)
        days += 5
    events = events[: count - partitions]
    newest = max(parse_ms(orjson.loads(value or b"")["timestamp"]) or 0 for _, value in events[-10_000:])
    # Within a day, or a replay takes it for an event of the future.
    until_ms = newest + DAY_MS // 2
    return Flow(events + closing(partitions, until_ms), until_ms)


class Trial:
    """One group of workers and its topics. Faults are counted as they are told, by `did`."""

    def __init__(self, stage: Stage, what: Flow, watch: Watch, writer: Writer, bootstrap: str) -> None:
        self.stage = stage
        self.flow = what
        self.watch = watch
        self.writer = writer
        self.faults: Counter[str] = Counter()
        self.measured: dict[str, float] = {}
        self.workers: list[Supervisor] = []
        self.bootstrap = bootstrap
        self.command: Sequence[str] = FOOTFALL
        self._stack = AsyncExitStack()
        self._began_at = time.monotonic()

    async def worker(self, name: str | None = None) -> Supervisor:
        """One more supervised worker."""
        return await self.supervise(self._start_worker, name or f"worker {len(self.workers) + 1}")

    async def supervise(self, start: Callable[[], WorkerProcess], name: str) -> Supervisor:
        supervisor = Supervisor(start, name)
        self.workers.append(supervisor)
        await self._stack.enter_async_context(supervisor)
        return supervisor

    def _start_worker(self) -> WorkerProcess:
        environ = {"FOOTFALL_BROKER": self.bootstrap, "PYTHONFAULTHANDLER": "1"}
        options = ("worker", "--config", str(self.stage.config), "--web-port", "0")
        return WorkerProcess(*self.command, *options, environ=environ)

    def did(self, fault: str) -> None:
        self.faults[fault] += 1

    async def at(self, share: float, *, stalled_s: float = STALLED_S) -> None:
        """Wait until this share of the events is committed."""
        await self.watch.reaches(int(share * len(self.flow.events)), stalled_s=stalled_s)

    async def write_all(self, *, stalled_s: float = STALLED_S) -> None:
        await self.writer.write(self.flow.events, stalled_s=stalled_s)

    async def finish(self, name: str, *, stalled_s: float = STALLED_S) -> Report:
        """Wait until everything is committed, have the workers leave, and compare."""
        await self.watch.reaches(len(self.flow.events), stalled_s=stalled_s)
        seconds = self.seconds
        wanted = await self.replayed()
        await self.merges(wanted, limit_s=stalled_s)
        # One that was just started would not end with 0, but by the signal.
        await asyncio.gather(*(worker.ready() for worker in self.workers if not worker.left))
        codes = await asyncio.gather(*(worker.leave() for worker in self.workers))
        # What one had not committed that was fenced just then, the other has computed again.
        assert all(code == 0 or worker.fenced() for worker, code in zip(self.workers, codes, strict=True)), (
            codes,
            self.story(),
        )
        return self.report(name, await self.compare_with(wanted), seconds)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began_at

    def report(self, name: str, numbers: Sequence[Numbers], seconds: float) -> Report:
        """The outcome, kept for the summary of the test run."""
        ready_s = sorted(seconds for worker in self.workers for seconds in worker.ready_s)
        if ready_s:
            self.measured["median start s"] = round(ready_s[len(ready_s) // 2], 1)
            self.measured["longest start s"] = round(ready_s[-1], 1)
        report = Report(
            trial=name,
            events=self.writer.written,
            faults=dict(self.faults),
            numbers=numbers,
            starts=sum(worker.starts for worker in self.workers),
            seconds=seconds,
            measured=self.measured,
            unexplained=[one.said for worker in self.workers for one in worker.unexplained()],
        )
        keep(report)
        return report

    async def merges(self, wanted: Mapping[str, Sequence[bytes]], *, limit_s: float) -> None:
        """Wait until the merger has published what a replay makes last; if it is lost, so long."""
        with suppress(TimeoutError):
            await self.stage.merges(wanted, limit_s=limit_s)

    async def replayed(self) -> dict[str, list[bytes]]:
        """What `footfall replay --partitions N` makes of the events: lines by output."""
        out = self.stage.folder / f"replayed-{time.monotonic_ns()}"
        return await self.stage.replay(list(self.flow.events), out, until_ms=self.flow.until_ms)

    async def compare(self) -> list[Numbers]:
        """What a replay says against what the topics hold, read committed."""
        return await self.compare_with(await self.replayed())

    async def compare_with(self, wanted: Mapping[str, Sequence[bytes]]) -> list[Numbers]:
        """Lines by output against what the topics hold."""
        stage = self.stage
        ends = await offsets.ends(stage.address, stage.settings.input.topic)
        # Else what follows would blame the workers.
        assert sum(ends.values()) == self.writer.written, f"the writer failed: {ends}"
        found = {}
        for name in KINDS:
            if name == "people":
                found[name] = encoded(await stage.people())
            else:
                found[name] = [line for _, line in await stage.published(name)]
        return [compare(name, wanted[name], found[name]) for name in KINDS]

    def story(self) -> str:
        return "\n".join(worker.story() for worker in self.workers)


@asynccontextmanager
async def trial(
    at: Place,
    stem: str,
    what: Flow,
    *,
    extra: str = "",
    idle_after: str = NEVER_IDLE,
    partitions: int = PARTITIONS,
    ahead: int | None = None,
    bootstrap: str | None = None,
    named: bool = False,
) -> AsyncIterator[Trial]:
    """Topics of its own on `at.kafka`, where the test reads and writes; workers use `bootstrap` if given.

    `stem` is the name's beginning, or the whole name if it is `named`.
    """
    address, name, folder = at.kafka, stem if named else at.name(stem), at.folder / stem
    folder.mkdir(parents=True, exist_ok=True)
    extra = f'idle_after = "{idle_after}"\nignore_events = ["Email *"]\n{extra}'
    stage = Stage(address, name, folder, partitions=partitions, extra=extra)
    await stage.create_topics()
    settings = stage.settings
    running: list[Trial] = []
    watch = Watch(
        address,
        settings.group,
        settings.input.topic,
        partitions,
        tell=lambda: "\n".join(one.story() for one in running),
    )
    if ahead is None:
        ahead = max(1_000, len(what.events) // 25)
    async with watch, Writer(address, settings.input.topic, partitions, watch, ahead=ahead) as writer:
        one = Trial(stage, what, watch, writer, bootstrap or address)
        running.append(one)
        async with one._stack:
            yield one
