"""Quix Streams with the closing strategy that is its default; see README.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers.quixstreams import peer as by_partition

if TYPE_CHECKING:
    from bench.versus.job import Job

NAME = "quixstreams-by-key"
EXPECTED_PER_S = 12_000
VERSIONS = by_partition.VERSIONS


def prepare(cache: Path, tell: Callable[[str], object]) -> None:
    """Make the environment that both have, unless it is there."""
    by_partition.prepare(cache, tell)


def command(cache: Path, job: Job) -> tuple[list[str], dict[str, str]]:
    """The process that does the job until it gets a SIGTERM."""
    argv, environment = by_partition.command(cache, job)
    return argv, {**environment, "CLOSING": "key"}
