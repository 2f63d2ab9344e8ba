"""The tools of Docker Compose and Kubernetes that tests run, each from its registry, in a folder of its own.

`python -m tests.deploy.tools` makes those that are missing, in ~/.cache/footfall/tools. Helm takes a minute
and a half of two cores, once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from tests.conftest import REQUIRE_ALL

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "footfall/tools"


class Tool(Struct, frozen=True):
    """Something to be made once: `make` is given the folder, in which `command` is then."""

    name: str
    version: str
    command: str
    make: Callable[[Path], None]

    @property
    def path(self) -> Path:
        """Where this version of it is kept."""
        return FOLDER / f"{self.name}-{self.version}" / self.command


def _go(module: str, version: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        subprocess.run(
            ["go", "install", "-ldflags=-s -w", f"{module}@v{version}"],
            env={**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"},
            check=True,
        )

    return make


def _python(*packages: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", *packages], check=True)

    return make


TOOLS = (
    Tool("helm", "3.22.0", "helm", _go("helm.sh/helm/v3/cmd/helm", "3.22.0")),
    # What `docker compose` reads its files with: schema, merge keys, what a service refers to.
    Tool("compose-go", "2.16.2", "cmd", _go("github.com/compose-spec/compose-go/v2/cmd", "2.16.2")),
    # The operators' resources, made from the schemas that they publish. Apart, for they bring a plugin of
    # pytest's that does not start.
    Tool(
        "operators",
        "keda-2.16.1-prometheus-0.80.1",
        "bin/python",
        _python("cloudcoil-models-keda==2.16.1.0", "cloudcoil-models-prometheus-operator==0.80.1.0"),
    ),
)


def need(name: str) -> str:
    """The tool's path. Skips the test, saying why, where it is missing; fails it if all must run."""
    (tool,) = (tool for tool in TOOLS if tool.name == name)
    if tool.path.exists():
        return str(tool.path)
    reason = f"there is no {name} {tool.version} (python -m tests.deploy.tools; helm and compose-go need Go)"
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{REQUIRE_ALL}=1, and {reason}")
    pytest.skip(reason)


def main() -> None:
    """Make what is missing. Raises CalledProcessError where that fails, which has said why."""
    for tool in TOOLS:
        if tool.path.exists():
            continue
        folder = FOLDER / f"{tool.name}-{tool.version}"
        shutil.rmtree(folder, ignore_errors=True)  # what was begun and not finished
        tool.make(folder)


if __name__ == "__main__":
    main()
