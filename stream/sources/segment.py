"""JSON Lines of Segment events: what Footfall reads from Kafka, as it stands in a file."""

from __future__ import annotations

from collections.abc import Iterator

from stream.sources.lines import Lines


class SegmentFormat:
    """One JSON object a line, passed on byte for byte; blank lines are no records."""

    def records(self, lines: Lines) -> Iterator[list[bytes]]:
        for block in lines:
            records = [line for line in block if line.strip()]
            if records:
                yield records
