"""How the harness makes and starts this peer; see README.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers.shared.environment import make_environment, peer_command, version_of

if TYPE_CHECKING:
    from bench.versus.job import Job

NAME = "faust"
EXPECTED_PER_S = 4_500
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
VERSIONS = version_of(REQUIREMENTS, "faust-streaming")


def prepare(cache: Path, tell: Callable[[str], object]) -> None:
    """Make the peer's environment under `cache`, unless it is there."""
    make_environment(cache, NAME, REQUIREMENTS, tell)


def command(cache: Path, job: Job) -> tuple[list[str], dict[str, str]]:
    """The process that does the job until it gets a SIGTERM."""
    argv, environment = peer_command(cache, NAME, job)
    return argv, {**environment, "FAUST_LOOP": "uvloop"}
