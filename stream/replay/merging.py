"""The one merger behind the partitions of a replay: windows, incidents and daily reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.core.definition import Definition
from stream.core.engagement.merger import Counts, Merger
from stream.replay.streams import Published


class Merging:
    """Feeds a merger with the parts of `sources` partitions."""

    def __init__(self, definition: Definition, *, sources: int) -> None:
        self._merger = Merger(definition, sources=sources, track_changes=False)

    @property
    def counts(self) -> Counts:
        """What it has published so far."""
        return self._merger.counts

    def merge(self, parts: Sequence[bytes]) -> Iterator[Published]:
        """What follows from the parts, in pieces: a long silence makes very many empty windows at once."""
        self._merger.process(parts)
        yield self._taken()
        while self._merger.work():
            yield self._taken()
        yield self._taken()

    def _taken(self) -> Published:
        published: Published = {}
        for topic, _, value in self._merger.take_outputs():
            published.setdefault(topic, []).append(value)
        return published
