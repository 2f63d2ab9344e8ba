"""How the harness makes and starts this peer; see README.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers.shared.environment import make_environment, peer_command, version_of

if TYPE_CHECKING:
    from bench.versus.job import Job

NAME = "quixstreams"
# Ten times as much until the first sessions fall due, after some 110,000 events; a tenth from there on.
EXPECTED_PER_S = 2_500
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
VERSIONS = version_of(REQUIREMENTS, "quixstreams")


def prepare(cache: Path, tell: Callable[[str], object]) -> None:
    """Make the peer's environment under `cache`, unless it is there."""
    make_environment(cache, NAME, REQUIREMENTS, tell)


def command(cache: Path, job: Job) -> tuple[list[str], dict[str, str]]:
    """The process that does the job until it gets a SIGTERM."""
    return peer_command(cache, NAME, job)
