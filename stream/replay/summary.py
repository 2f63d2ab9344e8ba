"""What a replay read and found, for the person who started it."""

from __future__ import annotations

from collections import Counter

import msgspec
from msgspec import Struct, field

from stream.core import records
from stream.core.times import parse_ms
from stream.replay.merging import Merging
from stream.replay.streams import Published, Stream

LATE_LOOKED_AT = 100_000


class Progress(Struct):
    """How far a replay has come. `size`, in bytes like `bytes_read`, is None where it cannot be known."""

    events: int = 0
    bytes_read: int = 0
    size: int | None = None


class Summary(Struct):
    """Counts of a finished replay; times in ms since 1970.

    `transitions` counts by (kind, reason), `people` by state; `dead_examples` has the first dead letter of
    each reason, `late_by_ms` how far behind the watermark the (first 100,000) late events were. `windows` and
    `days` are those that were published as final, of the whole product, `incidents` those that were opened.
    """

    events: int = 0
    applied: int = 0
    late: int = 0
    duplicate: int = 0
    ignored: int = 0
    joined: int = 0
    unjoined: int = 0
    visits: int = 0
    late_for_window: int = 0
    windows: int = 0
    incidents: int = 0
    days: int = 0
    cut_lines: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    dead_examples: dict[str, records.DeadLetter] = field(default_factory=dict)
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    late_by_ms: list[int] = field(default_factory=list)
    newest: int | None = None
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Events a second, reading and writing included."""
        return self.events / self.seconds if self.seconds else 0.0

    def note(self, published: Published) -> None:
        """Looks at records just published for the examples."""
        for value in published.get("dead-letters", ()):
            letter = _decode_dead_letter(value)
            self.dead_examples.setdefault(letter.reason, letter)
        if len(self.late_by_ms) < LATE_LOOKED_AT:
            for value in published.get("late", ()):
                late = _decode_late(value)
                self.late_by_ms.append((parse_ms(late.watermark) or 0) - (parse_ms(late.time) or 0))

    def add_up(self, stream: Stream, merging: Merging | None) -> None:
        """Takes over what the partitions have counted, once, at the end."""
        for partition in stream.partitions:
            counts = partition.counts
            self.applied += counts.applied
            self.late += counts.late
            self.duplicate += counts.duplicate
            self.ignored += counts.ignored
            self.joined += counts.joined
            self.unjoined += counts.unjoined
            self.visits += counts.visits
            self.dead.update(counts.dead)
            self.transitions.update(counts.transitions)
            self.late_for_window += counts.late_for_window
        self.newest = stream.newest
        if merging is not None:
            self.windows = merging.counts.windows
            self.incidents = merging.counts.incidents_opened
            self.days = merging.counts.days


_decode_dead_letter = msgspec.json.Decoder(records.DeadLetter).decode
_decode_late = msgspec.json.Decoder(records.Late).decode
