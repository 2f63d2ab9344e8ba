"""What came of the records of a partition."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field


class Counts(Struct):
    """Where the records went, and what came of them, since the partition was opened.

    `late_for_window` are applied events that were too late for their window of engagement. `key_events` are
    occurrences by name, as it was when their events were applied: what is voided later has been counted.
    """

    applied: int = 0
    late: int = 0
    duplicate: int = 0
    ignored: int = 0
    joined: int = 0
    unjoined: int = 0
    visits: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    late_for_window: int = 0
    key_events: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)

    def records(self) -> int:
        """All records read: each has gone to exactly one place."""
        return self.applied + self.late + self.duplicate + self.ignored + sum(self.dead.values())
