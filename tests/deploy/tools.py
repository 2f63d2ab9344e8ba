"""The tools of Docker Compose and Kubernetes that tests run, made from their Go modules.

`python -m tests.deploy.tools` makes those that are missing, in ~/.cache/footfall/tools. Helm takes a minute
and a half of two cores, once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REQUIRE_ALL

MODULES = {
    "helm": ("helm.sh/helm/v3/cmd/helm", "v3.22.0"),
    # What `docker compose` reads its files with: schema, merge keys, what a service refers to.
    "compose-go": ("github.com/compose-spec/compose-go/v2/cmd", "v2.16.2"),
}
FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "footfall/tools"


def path_of(tool: str) -> Path:
    """Where this version of it is kept."""
    module, version = MODULES[tool]
    return FOLDER / f"{tool}-{version}" / Path(module).name


def need(tool: str) -> str:
    """The tool's path. Skips the test, saying why, where it is missing; fails it if all must run."""
    found = path_of(tool)
    if found.exists():
        return str(found)
    reason = f"there is no {tool} (with Go: python -m tests.deploy.tools)"
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{REQUIRE_ALL}=1, and {reason}")
    pytest.skip(reason)


def make(tool: str) -> None:
    """Make the tool, if it is not there yet. Raises CalledProcessError, having said why."""
    module, version = MODULES[tool]
    target = path_of(tool)
    if target.exists():
        return
    making = target.parent.with_name(f"{target.parent.name}.{os.getpid()}")
    subprocess.run(
        ["go", "install", "-ldflags=-s -w", f"{module}@{version}"],
        env={**os.environ, "GOBIN": str(making), "CGO_ENABLED": "0"},
        check=True,
    )
    shutil.rmtree(target.parent, ignore_errors=True)
    making.rename(target.parent)


if __name__ == "__main__":
    for name in sys.argv[1:] or MODULES:
        make(name)
