"""What ends a worker, said so that somebody can act on it."""

from __future__ import annotations


class EngineError(Exception):
    """The worker can't go on: its message says what was wrong, where, and what would be right."""


class CheckpointError(EngineError):
    """A checkpoint did not become durable, so the state in memory is ahead of the log."""


class RecoveryError(EngineError):
    """State and position of a partition could not be rebuilt from the broker."""


class SecurityError(EngineError):
    """Kafka does not let us in, or we do not trust it: what was `found`, and the `advice` what to do."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}: {advice}")
        self.found = found
        self.advice = advice
