"""Workers whose pages are asked: each a process of its own, on a stage with simulated persons."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import orjson
from yarl import URL

from tests.worker.stage import FOOTFALL, Stage

LIMIT_S = 60.0


class Served:
    """A worker, and what its pages answer. A context manager, which waits until the worker is ready."""

    def __init__(self, stage: Stage, *options: str, log: str = "worker.log") -> None:
        self.stage = stage
        self.log = stage.folder / log
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> Served:
        argv = [*FOOTFALL, "worker", "--config", str(self.stage.config), "--web-port", "0", *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        line = self.says("metrics on")
        found = re.search(r"http://[^/\s]+", line)
        assert found is not None
        self.address = found[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "enter the context first"
        return self._process

    def says(self, what: str, limit_s: float = LIMIT_S) -> str:
        """The line of the log with this in it, once it is there."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            lines = self.log.read_text().splitlines()
            for line in lines:
                if what in line:
                    return line
            assert self.process.poll() is None, "\n".join(lines)
            time.sleep(0.02)
        raise AssertionError(f"in {limit_s} s it did not say {what!r}:\n{self.log.read_text()}")

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """Status, and the JSON or text of a page."""
        return await self.ask("GET", path, **headers)

    async def ask(self, method: str, path: str, **headers: str) -> tuple[int, Any]:
        """The same by any method; `_` in the names of headers stands for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, URL(self.address + path, encoded=True), headers=sent) as answer,
        ):
            body = await answer.read()
            if answer.content_type == "application/json":
                return answer.status, orjson.loads(body)
            return answer.status, body.decode()

    async def got(
        self, path: str, condition: Callable[[Any], bool], *, status: int = 200, limit_s: float = LIMIT_S
    ) -> Any:
        """What a page answers, as soon as the condition holds of it."""
        found: tuple[int, Any] = 0, None
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            found = await self.get(path)
            if found[0] == status and condition(found[1]):
                return found[1]
            await asyncio.sleep(0.05)
        raise AssertionError(f"in {limit_s} s {path} came to {found}")


def stage(address: str, name: str, folder: Path, *, partitions: int = 2, extra: str = "") -> Stage:
    """A stage with its topics."""
    here = Stage(address, name, folder, partitions=partitions, extra=extra)
    asyncio.run(here.create_topics())
    return here


def applied(events: int) -> Callable[[str], bool]:
    """Whether the metrics say that so many have been read, wherever they went."""

    def are(metrics: str) -> bool:
        read = [line for line in metrics.splitlines() if line.startswith("footfall_events_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in read) >= events

    return are
