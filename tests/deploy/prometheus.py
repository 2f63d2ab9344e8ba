"""The real Prometheus and the real Alertmanager, Debian's, each on a free port with a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from stream.broker.port import HOST, free_port
from tests.conftest import REQUIRE_ALL

READY_WITHIN_S = 30.0

_POLL_S = 0.05
_STOP_WITHIN_S = 10.0
_STARTS = 3
_LOG_CHARACTERS = 2_000

# The labels of each series that an expression has, and its value.
Samples = list[tuple[dict[str, str], float]]
# The labels of each series, and its values at times (seconds since 1970).
Ranges = list[tuple[dict[str, str], list[tuple[float, float]]]]


def need_prometheus() -> None:
    """Skips the test, saying why, where `prometheus` or `promtool` is missing; fails it if all must run."""
    _need("prometheus", "promtool", package="prometheus")


def need_alertmanager() -> None:
    """Skips the test, saying why, where Alertmanager or `amtool` is missing; fails it if all must run."""
    _need("prometheus-alertmanager", "amtool", package="prometheus-alertmanager")


def _need(*commands: str, package: str) -> None:
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        reason = f"{', '.join(missing)} not on the path (Debian and Ubuntu: apt-get install {package})"
        if os.environ.get(REQUIRE_ALL) == "1":
            pytest.fail(f"{REQUIRE_ALL}=1, and {reason}")
        pytest.skip(reason)


class _Server:
    """A program that serves HTTP on a free port of the loopback interface while the context lasts."""

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """`http://host:port`."""
        return f"http://{self.address}"

    @property
    def folder(self) -> Path:
        """Where it keeps its data, gone when the context is left."""
        assert self._temporary is not None, "only within the context"
        return Path(self._temporary.name)

    def log(self) -> str:
        """The end of what it printed."""
        return (self.folder / "log").read_text()[-_LOG_CHARACTERS:]

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """The JSON that `path` answers. Raises `AssertionError`, saying what came, where it is an error."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return _json(Request(f"{self.url}{path}{query}"))

    def post(self, path: str, body: object) -> Any:
        """The JSON that `path` answers when `body` is posted as JSON."""
        headers = {"Content-Type": "application/json"}
        return _json(Request(f"{self.url}{path}", json.dumps(body).encode(), headers))

    def _command(self) -> list[str]:
        """What to run; called with `port` and `folder` set."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._temporary = tempfile.TemporaryDirectory(prefix="footfall-")
        try:
            for _ in range(_STARTS):
                if self._serves():
                    return self
            raise AssertionError(f"it did not come up:\n{self.log()}")
        except BaseException:
            self.stop()
            raise

    def _serves(self) -> bool:
        """Whether it came up; not so where another program was faster in taking the port."""
        self.port = free_port()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                    if answer.status == 200:
                        return True
            except (URLError, OSError):
                pass
            time.sleep(_POLL_S)
        self._end()
        return False

    def stop(self) -> None:
        """End the program and forget its data; leaving the context does it too."""
        self._end()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Prometheus(_Server):
    """A Prometheus, used as a context manager; entered, it answers queries, and scrapes some 5 s later.

    It scrapes `targets` (`host:port`) as job `job` every `scrape_interval_s`, evaluates the rules of
    `rule_files` as often, and sends alerts to the Alertmanagers at `alertmanagers` (`host:port`).
    With `config`, a file, it runs on that instead, and nothing else is taken.
    """

    def __init__(
        self,
        *,
        targets: Sequence[str] = (),
        job: str = "footfall",
        scrape_interval_s: int = 1,
        rule_files: Sequence[Path] = (),
        alertmanagers: Sequence[str] = (),
        config: Path | None = None,
    ) -> None:
        super().__init__()
        self._targets = list(targets)
        self._job = job
        self._interval = f"{scrape_interval_s}s"
        self._rule_files = [str(path.resolve()) for path in rule_files]
        self._alertmanagers = list(alertmanagers)
        self._config = config

    def scrape(self, targets: Sequence[str]) -> None:
        """Scrape these from now on (Prometheus takes 5 s to see it), and none of those of before."""
        self._targets = list(targets)
        path = self.folder / "targets.json"
        # Renamed into place, so that no half of it is read.
        fresh = path.with_suffix(".fresh")
        fresh.write_text(json.dumps([{"targets": self._targets}]))
        fresh.rename(path)

    def query(self, expression: str, *, at_s: float | None = None) -> Samples:
        """What the PromQL `expression` has, now or at a time; a scalar is one sample without labels."""
        parameters = {"query": expression} | ({} if at_s is None else {"time": str(at_s)})
        data = self.get("/api/v1/query", parameters)["data"]
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(row["metric"], float(row["value"][1])) for row in data["result"]]

    def query_range(self, expression: str, *, start_s: float, end_s: float, step_s: float = 1.0) -> Ranges:
        """What the PromQL `expression` had at each step of a time."""
        parameters = {"query": expression, "start": str(start_s), "end": str(end_s), "step": str(step_s)}
        data = self.get("/api/v1/query_range", parameters)["data"]
        return [
            (row["metric"], [(float(at), float(value)) for at, value in row["values"]])
            for row in data["result"]
        ]

    def wait_for(
        self, expression: str, condition: Callable[[Samples], bool] = bool, *, within_s: float = 30.0
    ) -> Samples:
        """What `expression` has as soon as that meets `condition`: by default, as soon as it has anything.

        Raises `AssertionError`, with what it had last, where that takes longer than `within_s`.
        """
        deadline = time.monotonic() + within_s
        while not condition(samples := self.query(expression)):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s} s: {expression} has {samples}\n{self.log()}")
            time.sleep(_POLL_S)
        return samples

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or firing: `labels`, `annotations`, `state`, `activeAt`, `value`."""
        alerts: list[dict[str, Any]] = self.get("/api/v1/alerts")["data"]["alerts"]
        return alerts

    def _command(self) -> list[str]:
        return [
            "prometheus",
            f"--config.file={self._config or self._written()}",
            f"--web.listen-address={self.address}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            # Of the 10 s that it takes by default until new targets are scraped, this takes away 5.
            "--scrape.discovery-reload-interval=100ms",
            "--log.level=warn",
        ]

    def _written(self) -> Path:
        self.scrape(self._targets)
        path = self.folder / "prometheus.yml"
        # JSON is YAML.
        path.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": self._interval, "evaluation_interval": self._interval},
                    "rule_files": self._rule_files,
                    "alerting": {
                        "alertmanagers": [{"static_configs": [{"targets": self._alertmanagers}]}],
                    },
                    "scrape_configs": [
                        {
                            "job_name": self._job,
                            "scrape_timeout": self._interval,
                            "file_sd_configs": [
                                {"files": [str(self.folder / "targets.json")], "refresh_interval": "1s"}
                            ],
                        }
                    ],
                }
            )
        )
        return path


class Alertmanager(_Server):
    """An Alertmanager on the configuration file `config`, used as a context manager."""

    def __init__(self, config: Path) -> None:
        super().__init__()
        self._config = config

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts it has: `labels`, `annotations`, `receivers`, and `status`: `state`, `inhibitedBy`."""
        alerts: list[dict[str, Any]] = self.get("/api/v2/alerts")
        return alerts

    def _command(self) -> list[str]:
        return [
            "prometheus-alertmanager",
            f"--config.file={self._config.resolve()}",
            f"--web.listen-address={self.address}",
            f"--storage.path={self.folder / 'data'}",
            # None: without it, it looks for others on every interface.
            "--cluster.listen-address=",
            "--log.level=warn",
        ]


def _json(request: Request) -> Any:
    try:
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except URLError as error:
        said = error.read().decode() if hasattr(error, "read") else ""
        raise AssertionError(f"{request.full_url}: {error} {said}") from error
