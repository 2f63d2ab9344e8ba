"""A small disk of one's own: a tmpfs in a mount namespace, where workers are started and ballast is put."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

_AS_ROOT = ("unshare", "--mount", "--map-root-user")


def why_not() -> str | None:
    """Why this machine can't have one, or None."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "a small disk needs unshare and nsenter (util-linux)"
    tried = subprocess.run(
        [*_AS_ROOT, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else f"a small disk can't be mounted here: {tried.stderr.strip()}"


class SmallDisk:
    """`megabytes` at `folder`, for processes whose command begins with `inside`; an async context manager."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self._folder = folder
        self._megabytes = megabytes
        self._holder: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> SmallDisk:
        self._folder.mkdir(parents=True, exist_ok=True)
        mount = f"mount -t tmpfs -o size={self._megabytes}m tmpfs '{self._folder}'"
        # The namespace lasts as long as a process in it: this one, until its input ends.
        self._holder = await asyncio.create_subprocess_exec(
            *_AS_ROOT,
            "sh",
            "-c",
            f"{mount} && echo mounted && exec cat",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        assert await self._holder.stdout.readline() == b"mounted\n"
        return self

    async def __aexit__(self, *raised: object) -> None:
        assert self._holder is not None
        self._holder.kill()
        await self._holder.wait()

    @property
    def inside(self) -> tuple[str, ...]:
        assert self._holder is not None
        where = ("--target", str(self._holder.pid), "--user", "--mount", "--preserve-credentials")
        # Into the namespace leads its root directory, not the one where this process is.
        return ("nsenter", *where, "sh", "-c", f"cd '{Path.cwd()}' && exec \"$@\"", "sh")

    async def fill(self) -> None:
        """Put ballast on it until nothing more fits."""
        await self._run(f"cat /dev/zero > '{self._folder}/ballast'", may_fail=True)

    async def make_space(self) -> None:
        """Take the ballast away."""
        await self._run(f"rm '{self._folder}/ballast'")

    async def _run(self, command: str, *, may_fail: bool = False) -> None:
        process = await asyncio.create_subprocess_exec(
            *self.inside, "sh", "-c", command, stderr=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0 or may_fail, command
