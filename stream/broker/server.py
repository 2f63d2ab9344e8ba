"""A broker as a child process: started, waited for, and gone when its owner goes."""

from __future__ import annotations

import asyncio
import fcntl
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from stream.broker import kafka, tansu
from stream.broker.errors import BrokerError
from stream.broker.launch import NO_EXTRAS, Extras, Kind, Launch, Progress
from stream.broker.parent import ending_with_parent
from stream.broker.port import HOST, answers, free_port, is_free

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 15.0

_POLL_S = 0.02
_STARTS = 3
_LOG_LINES = 15


class Broker:
    """A broker on the loopback interface, used as a context manager, `with` or `async with`.

    Entered, it answers requests; left, it has ended. `port` 0 takes a free one. `data` keeps Apache
    Kafka's storage over restarts; without it everything goes with the broker. `progress` is told what
    takes long. `extras` are for Apache Kafka only. Raises `BrokerError` where it cannot start.

    The broker has a session of its own, so that a Ctrl-C in the terminal leaves it to its clients until
    they have finished. On Linux it ends with the thread that entered, even if that is killed.
    """

    def __init__(
        self,
        *,
        kind: Kind = "tansu",
        port: int = 0,
        data: Path | None = None,
        progress: Progress = lambda _: None,
        extras: Extras = NO_EXTRAS,
    ) -> None:
        self.kind: Kind = kind
        self.port = port
        self._any_port = port == 0
        self._data = data
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._lock_file: TextIO | None = None
        self._progress = progress
        self._extras = extras
        self._starts = 0
        self._deadline_s = 0.0
        self._log: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._child: subprocess.Popen[str] | None = None
        self._stopped = False

    @property
    def address(self) -> str:
        """`host:port`, as the setting `broker` takes it."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, None while it does not run."""
        return self._process.pid if self._process else None

    def wait(self) -> None:
        """Block until the broker ends by itself, which it should not: raises `BrokerError`."""
        assert self._process is not None
        self._process.wait()
        raise self._death()

    def stop(self) -> None:
        """End the broker and wait until it is gone; leaving the context does it too."""
        self._stopped = True
        if self._child is not None:
            self._child.kill()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def __enter__(self) -> Broker:
        try:
            self._spawn(self._prepare())
            while not answers(self.port):
                self._expect_alive()
                time.sleep(_POLL_S)
        except BaseException:
            self.stop()
            raise
        return self

    async def __aenter__(self) -> Broker:
        try:
            launch = await asyncio.to_thread(self._prepare)
            # Not in a thread: the broker ends with the one that starts it.
            self._spawn(launch)
            while not await asyncio.to_thread(answers, self.port):
                self._expect_alive()
                await asyncio.sleep(_POLL_S)
        except BaseException:
            await asyncio.to_thread(self.stop)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _prepare(self) -> Launch:
        if self._any_port:
            self.port = free_port(other_than=self._extras.listeners.values())
        elif not is_free(self.port):
            raise BrokerError(
                f"port {self.port} is in use, by another broker perhaps: "
                "end that one, or pick another with --port (0 takes a free one)"
            )
        if self.kind == "tansu":
            if self._data is not None:
                raise BrokerError(
                    "tansu keeps everything in memory and has no use for --data: "
                    "leave it out, or use --kind kafka"
                )
            return tansu.launch(self.port, self._folder())
        return kafka.launch(self.port, self._folder(), self._progress, self._adopt, self._extras)

    def _folder(self) -> Path:
        if self._data is not None:
            try:
                self._data.mkdir(parents=True, exist_ok=True)
                self._lock(self._data / ".lock")
            except BlockingIOError as error:
                raise BrokerError(
                    f"--data {self._data} is in use by another broker: end that one, or take another folder"
                ) from error
            except OSError as error:
                raise BrokerError(f"--data {self._data} cannot be used: {error.strerror}") from error
            return self._data.resolve()
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix="footfall-broker-", ignore_cleanup_errors=True
            )
        return Path(self._temporary.name)

    def _lock(self, path: Path) -> None:
        # Kafka has a lock of its own, but finds it taken only after it has disturbed the owner.
        if self._lock_file is None:
            self._lock_file = path.open("w")
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _adopt(self, child: subprocess.Popen[str]) -> None:
        self._child = child
        if self._stopped:
            child.kill()

    def _spawn(self, launch: Launch) -> None:
        self._starts += 1
        self._deadline_s = time.monotonic() + READY_WITHIN_S
        self._log = launch.log
        with launch.log.open("wb") as log:
            self._process = subprocess.Popen(
                launch.argv,
                env=launch.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # The lock lasts as long as anyone has it open: the broker too.
                pass_fds=(self._lock_file.fileno(),) if self._lock_file else (),
                preexec_fn=ending_with_parent(),
            )

    def _expect_alive(self) -> None:
        """Raise if the broker has ended or is overdue; start again where only the port may be to blame."""
        assert self._process is not None
        if self._process.poll() is not None:
            # Between finding a free port and listening on it, anyone could have taken it.
            if not self._any_port or self._starts == _STARTS or is_free(self.port):
                raise self._death()
            self._spawn(self._prepare())
        elif time.monotonic() > self._deadline_s:
            raise BrokerError(f"{self.kind} did not answer within {READY_WITHIN_S:.0f} s{self._last_words()}")

    def _death(self) -> BrokerError:
        assert self._process is not None
        return BrokerError(f"{self.kind} ended with exit code {self._process.returncode}{self._last_words()}")

    def _last_words(self) -> str:
        try:
            said = self._log.read_text(errors="replace").splitlines() if self._log else []
        except OSError:
            said = []
        lines = [line for line in said if not line.startswith("\tat ")]
        return "; the last it said:\n" + "\n".join(lines[-_LOG_LINES:]) if lines else " and said nothing"


def start_broker(
    *, kind: Kind = "tansu", port: int = 0, data: Path | None = None, progress: Progress = lambda _: None
) -> Broker:
    """A broker to enter: `async with start_broker(kind="kafka") as broker: ... broker.address`."""
    return Broker(kind=kind, port=port, data=data, progress=progress)
