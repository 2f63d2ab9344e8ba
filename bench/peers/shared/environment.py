"""A virtual environment of its own for each Python peer, with exactly pinned versions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.versus.job import Job

SHARED = Path(__file__).parent


def python_of(cache: Path, name: str) -> Path:
    """The Python of the peer's environment."""
    return cache / "peers" / name / "bin" / "python"


def version_of(requirements: Path, package: str) -> dict[str, str]:
    """The pinned version of a package, by its name."""
    pinned = dict(line.split("==") for line in requirements.read_text().split())
    return {package: pinned[package]}


def make_environment(cache: Path, name: str, requirements: Path, tell: Callable[[str], object]) -> None:
    """Make the peer's environment under `cache` from `requirements`, unless it is there as they ask."""
    home = cache / "peers" / name
    done = home / "installed.txt"
    wanted = f"{sys.version}\n{requirements.read_text()}"
    if done.is_file() and done.read_text() == wanted:
        return
    tell(f"{name}: making its environment in {home}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    subprocess.run(
        [python_of(cache, name), "-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements],
        check=True,
        stdout=sys.stderr,
    )
    done.write_text(wanted)


def peer_command(cache: Path, name: str, job: Job) -> tuple[list[str], dict[str, str]]:
    """What runs the `app.py` of the peer in its environment, and what that has in its own besides."""
    asked = {
        "bootstrap": job.bootstrap,
        "input_topic": job.input_topic,
        "output_topic": job.output_topic,
        "partitions": job.partitions,
        "group": job.group,
        "state_dir": str(job.state_dir),
        "key_events": list(job.key_events),
        "gap_ms": job.gap_ms,
        "lateness_ms": job.lateness_ms,
    }
    app = SHARED.parent / name / "app.py"
    argv = [str(python_of(cache, name)), str(app), json.dumps(asked)]
    return argv, {"PYTHONPATH": str(SHARED)}
