"""A worker as a process of its own: started, listened to, stopped, killed."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from types import TracebackType

LIMIT_S = 60.0


class Process:
    """A command whose output, standard error included, can be waited for line by line.

    An async context manager: what is still running when it is left is killed.
    """

    def __init__(self, *argv: str, environ: dict[str, str] | None = None) -> None:
        self._argv = argv
        self._environ = environ or {}
        self._process: asyncio.subprocess.Process | None = None
        self.lines: list[str] = []

    async def __aenter__(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environ},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running.returncode is None:
            self._running.kill()
        await self._running.wait()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "enter the context first"
        return self._process

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def output(self) -> str:
        """What has been read of the output so far; all of it once the process has ended."""
        return "\n".join(self.lines)

    async def says(self, what: str, *, times: int = 1, limit_s: float = LIMIT_S) -> str:
        """The line, when so many more have come that contain `what`. Fails if the process ends before."""
        try:
            async with asyncio.timeout(limit_s):
                while (line := await self._line()) is not None:
                    if what in line:
                        times -= 1
                        if not times:
                            return line
        except TimeoutError:
            raise AssertionError(f"in {limit_s} s it did not say {what!r}:\n{self.output}") from None
        raise AssertionError(f"ended before it said {what!r}:\n{self.output}")

    async def ends(self, limit_s: float = LIMIT_S) -> int:
        """The exit code."""
        try:
            async with asyncio.timeout(limit_s):
                # A pipe that nobody reads fills up, and the process waits.
                while await self._line() is not None:
                    pass
                return await self._running.wait()
        except TimeoutError:
            raise AssertionError(f"did not end in {limit_s} s:\n{self.output}") from None

    async def _line(self) -> str | None:
        assert self._running.stdout is not None
        line = await self._running.stdout.readline()
        if not line:
            return None
        self.lines.append(line.decode().rstrip())
        return self.lines[-1]

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended, and do not wait."""
        with suppress(ProcessLookupError):
            self._running.send_signal(number)

    async def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.send(signal.SIGTERM)
        return await self.ends()

    async def kill(self) -> None:
        """kill -9."""
        self.send(signal.SIGKILL)
        await self.ends()
