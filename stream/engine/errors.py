"""What ends a worker, said so that somebody can act on it."""

from __future__ import annotations


class EngineError(Exception):
    """The worker can't go on: its message says what was wrong, where, and what would be right."""


class CheckpointError(EngineError):
    """A checkpoint did not become durable, so the state in memory is ahead of the log."""


class RecoveryError(EngineError):
    """State and position of a partition could not be rebuilt from the broker."""
