"""What a soak does to workers, broker and the line between them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from random import Random

import click

from tests.chaos.cluster import Cluster
from tests.chaos.proxy import Proxy
from tests.chaos.supervisor import Supervisor
from tests.chaos.trial import Trial

MOST_WORKERS = 3
# A session to time out, a worker to be started, some transactions to expire; and then three times that.
STUCK_S = 240.0


class Troubles:
    """The faults, as methods; each returns when it is over, and the stream moves again or is about to."""

    def __init__(self, here: Trial, cluster: Cluster, line: Proxy, rng: Random) -> None:
        self.here = here
        self._cluster = cluster
        self._line = line
        self._rng = rng
        self._began_at = time.monotonic()
        self.running: list[Supervisor] = []
        self._faults: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (6, self._kill_one),
            (2, self._kill_all),
            (3, self._pause),
            (3, self._join),
            (3, self._leave),
            (2, self._kill_broker),
            (2, self._silence),
            (2, self._refuse),
            (2, self._narrow),
        ]

    def say(self, what: str) -> None:
        watch, written = self.here.watch, self.here.writer.written
        minutes, seconds = divmod(int(time.monotonic() - self._began_at), 60)
        click.echo(
            f"{minutes:3}:{seconds:02}  {written:>9,} written  {watch.total:>9,} committed  "
            f"{len(self.running)} workers  {what}"
        )

    def _did(self, fault: str, detail: str = "") -> None:
        self.here.did(fault)
        self.say(f"{fault} {detail}")

    async def next_fault(self) -> None:
        """A random one; then, more often than not, wait until the stream has recovered from it."""
        weights, faults = zip(*self._faults, strict=True)
        await self._rng.choices(faults, weights)[0]()
        if self._rng.random() < 0.7:
            await self.moves()
            await asyncio.sleep(self._rng.uniform(0.0, 8.0))
        else:
            await asyncio.sleep(self._rng.uniform(0.0, 3.0))

    async def moves(self) -> None:
        """Wait until more is committed on every partition."""
        before = dict(self.here.watch.committed)
        await self.here.watch.until(
            lambda: all(self.here.watch.committed[number] > before[number] for number in before),
            "all partitions moving",
            stalled_s=STUCK_S,
        )

    async def start_worker(self) -> None:
        self.running.append(await self.here.worker())

    async def _kill_one(self) -> None:
        worker = self._rng.choice(self.running)
        worker.kill()
        self._did("kill -9", worker.name)

    async def _kill_all(self) -> None:
        for worker in self.running:
            worker.kill()
        self._did("kill -9 of all")

    async def _pause(self) -> None:
        worker, seconds = self._rng.choice(self.running), self._rng.uniform(0.5, 25.0)
        self._did("SIGSTOP", f"{worker.name}, {seconds:.0f} s")
        worker.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        worker.send(signal.SIGCONT)

    async def _join(self) -> None:
        if len(self.running) < MOST_WORKERS:
            await self.start_worker()
            self._did("joined", self.running[-1].name)

    async def _leave(self) -> None:
        if len(self.running) > 1:
            worker = self.running.pop(self._rng.randrange(len(self.running)))
            self._did("left", worker.name)
            # Not always with 0: while it starts, or when the broker is gone just then, it can't commit.
            await worker.leave()

    async def _kill_broker(self) -> None:
        seconds = self._rng.choice((0.0, self._rng.uniform(0.0, 15.0)))
        self._did("broker killed", f"for {seconds:.0f} s and a start")
        await self._cluster.kill()
        await asyncio.sleep(seconds)
        await self._cluster.start()

    async def _silence(self) -> None:
        seconds = self._rng.uniform(1.0, 70.0)
        self._did("line silent", f"for {seconds:.0f} s")
        self._line.silence()
        await asyncio.sleep(seconds)
        await self._line.restore()

    async def _refuse(self) -> None:
        seconds = self._rng.uniform(1.0, 70.0)
        self._did("line cut", f"for {seconds:.0f} s")
        await self._line.refuse()
        await asyncio.sleep(seconds)
        await self._line.restore()

    async def _narrow(self) -> None:
        seconds, bytes_per_s = self._rng.uniform(5.0, 30.0), self._rng.choice((50_000, 200_000, 500_000))
        self._did("line narrow", f"{bytes_per_s // 1000} kB/s for {seconds:.0f} s")
        self._line.narrow(bytes_per_s)
        await asyncio.sleep(seconds)
        self._line.narrow(None)
