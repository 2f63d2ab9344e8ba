"""Keeps a worker running, as systemd or Kubernetes would: whatever it ends with, it is started again."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import aiohttp

from tests.engine.process import Process

# What systemd waits by default is 0.1 s; an error at the very start must not keep both cores busy.
RESTART_AFTER_S = 0.2
POLL_S = 0.02
READY_WITHIN_S = 120.0
LAST_LINES = 60


class Exit(NamedTuple):
    """How a worker ended by itself, or was ended: its exit code (negative: the signal) and last lines."""

    code: int
    said: str


class WorkerProcess(Process):
    """`footfall worker`; `ready_s` is how long it took from its start to its partitions, None before."""

    def __init__(self, *argv: str, environ: dict[str, str] | None = None) -> None:
        super().__init__(*argv, environ=environ)
        self._made_at = time.monotonic()
        self.ready_s: float | None = None

    async def _line(self) -> str | None:
        line = await super()._line()
        if line is not None and self.ready_s is None and "Ready: " in line:
            self.ready_s = time.monotonic() - self._made_at
        return line


class Supervisor:
    """An async context manager around one worker; what is still running when it is left is killed.

    `exits` has every end but the one that `leave` asked for; `ready_s` how long the starts took.
    """

    def __init__(self, start: Callable[[], WorkerProcess], name: str = "worker") -> None:
        self.name = name
        self.starts = 0
        self.exits: list[Exit] = []
        self.exit_code: int | None = None
        self.peak_bytes = 0
        self.ready_s: list[float] = []
        self._start = start
        self._process: WorkerProcess | None = None
        self._leaving = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Supervisor:
        self._task = asyncio.create_task(self._keep_running(), name=f"supervisor of {self.name}")
        return self

    async def __aexit__(self, *raised: object) -> None:
        assert self._task is not None
        self._leaving = True
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _keep_running(self) -> None:
        while not self._leaving:
            async with self._start() as process:
                assert isinstance(process, WorkerProcess)
                self._process = process
                self.starts += 1
                code = await process.ends(limit_s=3600.0)
                if process.ready_s is not None:
                    self.ready_s.append(process.ready_s)
                if self._leaving:
                    self.exit_code = code
                    return
                self.exits.append(Exit(code, "\n".join(process.lines[-LAST_LINES:])))
            await asyncio.sleep(RESTART_AFTER_S)

    @property
    def left(self) -> bool:
        """Whether it was told to leave."""
        return self._leaving

    @property
    def lines(self) -> list[str]:
        """What the present process has said so far."""
        return self._process.lines if self._process is not None else []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process._running.pid

    async def says(self, what: str, *, limit_s: float = READY_WITHIN_S) -> str:
        """The first line with `what` of the process that runs now, or of one that comes after it."""
        began_at = time.monotonic()
        while time.monotonic() - began_at < limit_s:
            for line in self.lines:
                if what in line:
                    return line
            await self._a_moment()
        raise AssertionError(f"in {limit_s:.0f} s {self.name} did not say {what!r}:\n{self.story()}")

    async def started(self, times: int, *, limit_s: float = READY_WITHIN_S) -> None:
        """Wait until it has been started so many times."""
        began_at = time.monotonic()
        while self.starts < times:
            if time.monotonic() - began_at > limit_s:
                raise AssertionError(f"{self.name} was started {self.starts} times only:\n{self.story()}")
            await self._a_moment()

    async def _a_moment(self) -> None:
        assert self._task is not None
        if self._task.done():
            self._task.result()
        await asyncio.sleep(POLL_S)

    async def ready(self) -> None:
        """Wait until it has partitions."""
        await self.says("Ready")

    async def samples(self) -> dict[str, float]:
        """What its /metrics says, by name with labels; nothing where nobody answers."""
        if self.metrics is None:
            return {}
        try:
            async with aiohttp.ClientSession() as session, session.get(self.metrics) as answer:
                lines = (await answer.text()).splitlines()
        except aiohttp.ClientError:
            return {}
        samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    async def shows(self, name: str, value: float, *, limit_s: float = READY_WITHIN_S) -> None:
        """Wait until a metric has this value."""
        began_at = time.monotonic()
        while (found := (await self.samples()).get(name)) != value:
            if time.monotonic() - began_at > limit_s:
                raise AssertionError(f"{name} of {self.name} is {found}, not {value}:\n{self.story()}")
            await self._a_moment()

    @property
    def metrics(self) -> str | None:
        """The address of its metrics, once it has told."""
        for line in self.lines:
            found = re.search(r"http://\S+/metrics", line)
            if found:
                return found[0]
        return None

    def send(self, number: signal.Signals) -> None:
        """Send the process that runs now a signal, if one does."""
        if self._process is not None:
            self._process.send(number)

    def kill(self) -> None:
        """kill -9; it is started again."""
        self.send(signal.SIGKILL)

    async def leave(self, *, limit_s: float = 60.0) -> int:
        """SIGTERM, for good. The exit code; of one that had ended by itself just before, that one's."""
        assert self._task is not None
        self._leaving = True
        self.send(signal.SIGTERM)
        done, _ = await asyncio.wait([self._task], timeout=limit_s)
        if not done:
            # With Python's fault handler it says where each of its threads is.
            self.send(signal.SIGABRT)
            await asyncio.wait([self._task], timeout=10.0)
            raise AssertionError(f"{self.name} did not end in {limit_s:.0f} s:\n{self.story(200)}")
        self._task.result()
        return self.exit_code if self.exit_code is not None else self.exits[-1].code

    def resident_bytes(self) -> int:
        """Its resident memory now; 0 while none runs. `peak_bytes` keeps the largest that was asked for."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, AssertionError, IndexError):
            return 0
        self.peak_bytes = max(self.peak_bytes, pages * 4096)
        return pages * 4096

    def story(self, lines: int = 20) -> str:
        """How it ended, by itself above all, and the last that the present one said."""
        by_itself = [one for one in self.exits if one.code >= 0]
        ends = [f"{self.name} ended with {one.code}, having said\n{one.said}" for one in by_itself[-5:]]
        ends.insert(0, f"{self.name} ended with {[one.code for one in self.exits]}")
        return "\n".join([*ends, f"{self.name}, started {self.starts} times:", *self.lines[-lines:]])

    def unexplained(self) -> list[Exit]:
        """Ends by an error that the worker has not explained: a defect of its own."""
        return [one for one in self.exits if one.code > 0 and "Unexpected: " in one.said]

    def fenced(self) -> bool:
        """Whether the present process has ended because Kafka took its partitions for another's."""
        return any("another worker has taken the partition over" in line for line in self.lines[-3:])
