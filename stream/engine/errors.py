"""What ends a worker, said so that somebody can act on it."""

from __future__ import annotations

from typing import Self

Place = dict[str, object]
PLACE = ("topic", "partition", "offset")
"""What a log line, too, says of the record or the partition that it is about: as `extra`."""


def place(topic: str, partition: int, offset: int | None = None) -> Place:
    """Where something happened, for a log line's `extra`."""
    found: Place = {"topic": topic, "partition": partition}
    return found if offset is None else found | {"offset": offset}


class EngineError(Exception):
    """The worker can't go on: its message says what was wrong, where, and what would be right.

    `place` has the latter for the log, where it is a partition's.
    """

    place: Place | None = None

    def at(self, topic: str, partition: int, offset: int | None = None) -> Self:
        """The same error, with its place."""
        self.place = place(topic, partition, offset)
        return self


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
