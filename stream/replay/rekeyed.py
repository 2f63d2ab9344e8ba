"""A replay of input partitions that are not keyed by person: each judges its own, persons are together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.core import records
from stream.core.clock import Newest
from stream.core.definition import Definition
from stream.core.movable import MovablePartition
from stream.core.rekeyed import RekeyedPartition
from stream.core.router import REKEYED, Router
from stream.replay.streams import Published, Stream


class RekeyedStream(Stream):
    """What a worker does with `input.keyed = false`, through one partition of the internal topic.

    So joins find everybody, and whether an event is late is each input partition's own affair.
    """

    def __init__(self, definition: Definition, *, partitions: int, topic: str) -> None:
        newest = Newest()
        self._routers = [
            Router(definition, topic=topic, number=number, partitions=1, newest=newest)
            for number in range(partitions)
        ]
        self._persons = MovablePartition(definition, topic=topic, track_changes=False)
        self._rekeyed = RekeyedPartition(
            definition, number=0, partitions=1, routers=partitions, partition=self._persons
        )
        self._start(definition, [*self._routers, self._persons])
        self._offsets = [0] * partitions
        self._read = 0
        self._published: Published = {}

    def feed(self, number: int, values: Sequence[bytes]) -> None:
        """The next records of one partition."""
        first = self._offsets[number]
        after = self._offsets[number] = first + len(values)
        self._routers[number].process(values, keys=None, offsets=range(first, after), arrived_ms=None)
        self._pass_on(self._routers[number])

    def _pass_on(self, router: Router) -> None:
        envelopes = []
        for topic, _, value, *_ in router.take_outputs():
            if topic == REKEYED:
                envelopes.append(value)
            else:
                self._published.setdefault(topic, []).append(value)
        self._rekeyed.process(envelopes, range(self._read, self._read + len(envelopes)))
        self._read += len(envelopes)

    @property
    def sources(self) -> int:
        """The persons are all in one partition."""
        return 1

    def _finish(self, end_ms: int) -> None:
        self._persons.advance(end_ms, final=True)
        for router in self._routers:
            router.advance(end_ms)
            self._pass_on(router)

    def take_published(self) -> Published:
        """Topic to records published since the last call, partials among them."""
        published, self._published = self._published, {}
        for topic, _, value in self._persons.take_outputs():
            published.setdefault(topic, []).append(value)
        return published

    def people(self) -> Iterator[records.Person]:
        """All registered persons, by id."""
        return self._persons.people()

    def explain(self, person: str) -> records.Explanation | None:
        """A person's state and the evidence for it."""
        return self._persons.explain(person)
