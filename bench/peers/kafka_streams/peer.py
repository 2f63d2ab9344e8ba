"""How the harness makes and starts this peer; see README.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.peers.java.maven import Job, build, run

NAME = "kafka-streams"
EXPECTED_PER_S = 24_000
VERSIONS = {"kafka-streams": "4.3.1"}
PROJECT = Path(__file__).parent


def prepare(cache: Path, tell: Callable[[str], object]) -> None:
    """Build it into `cache`, where it is not there yet."""
    build(PROJECT, cache, tell)


def command(cache: Path, job: Job) -> list[str]:
    """The process that does the job until it gets a SIGTERM."""
    return run(PROJECT, cache, job)
