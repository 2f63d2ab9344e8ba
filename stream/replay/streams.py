"""The partitions of a replay, and the way records find theirs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from stream.core import records
from stream.core.clock import Newest
from stream.core.conditions import lookup
from stream.core.counts import Counts
from stream.core.definition import Definition
from stream.core.events import Invalid, decode_whole, read
from stream.core.partition import Partition
from stream.core.partitioner import partition_for

Published = dict[str, list[bytes]]


class Counting(Protocol):
    """Somebody who reads records, and counts where they go."""

    @property
    def counts(self) -> Counts: ...
    @property
    def newest(self) -> int | None: ...


class Stream:
    """One partition takes all records. With several, a record goes where Kafka's own partitioner puts its
    person (or the value at `input.key`); what is no event goes to the first.
    """

    def __init__(self, definition: Definition, *, partitions: int, topic: str) -> None:
        newest = Newest()  # the `future` check of SPEC 9 is over the whole replay
        key = definition.input_key is not None
        self._offsets = [0] * partitions
        own = [
            Partition(
                definition,
                topic=topic,
                number=number,
                owns=self._owner(number) if partitions > 1 and not key else None,
                newest=newest,
                track_changes=False,
            )
            for number in range(partitions)
        ]
        self._persons_in = own
        self._start(definition, own)

    def _start(self, definition: Definition, counting: Sequence[Counting]) -> None:
        self.partitions = counting
        self._key = definition.input_key.split(".") if definition.input_key and definition.keyed else None
        self._homes: dict[str, int] = {}

    def feed(self, number: int, values: Sequence[bytes]) -> None:
        """The next records of one partition."""
        first = self._offsets[number]
        after = self._offsets[number] = first + len(values)
        self._persons_in[number].process(values, keys=None, offsets=range(first, after), arrived_ms=None)

    def route(self, values: Iterable[bytes]) -> None:
        """The next records of the whole stream, each to its partition.

        Runs of one partition are handed over together, but the order is kept: what `future` means at a
        record depends on all records before it.
        """
        run: list[bytes] = []
        home = 0
        for value in values:
            number = self._home(value)
            if number != home and run:
                self.feed(home, run)
                run = []
            home = number
            run.append(value)
        if run:
            self.feed(home, run)

    def finish(self, until_ms: int | None) -> None:
        """The stream is over: moves every watermark to `until_ms`, else to the newest event's time.

        Windows of engagement that end by then are over as well, without a lateness.
        """
        end = self.newest if until_ms is None else until_ms
        if end is not None:
            self._finish(end)

    def _finish(self, end_ms: int) -> None:
        for partition in self._persons_in:
            partition.advance(end_ms, final=True)

    @property
    def sources(self) -> int:
        """How many say parts of what one merger makes whole: `partials` among the published."""
        return len(self._persons_in)

    @property
    def newest(self) -> int | None:
        """The greatest time of an applied event, in ms since 1970."""
        return max((p.newest for p in self.partitions if p.newest is not None), default=None)

    def take_published(self) -> Published:
        """Topic to records published since the last call, a partition after the other; partials, too."""
        published: Published = {}
        for partition in self._persons_in:
            for topic, _, value in partition.take_outputs():
                published.setdefault(topic, []).append(value)
        return published

    def people(self) -> Iterator[records.Person]:
        """All registered persons, by id."""
        return heapq.merge(*(partition.people() for partition in self._persons_in), key=_id)

    def explain(self, person: str) -> records.Explanation | None:
        """A person's state and the evidence for it, from whichever partition knows the person."""
        found = (partition.explain(person) for partition in self._persons_in)
        return next((explanation for explanation in found if explanation is not None), None)

    def _owner(self, number: int) -> Callable[[str], bool]:
        return lambda person: self._home_of(person) == number

    def _home(self, value: bytes) -> int:
        try:
            _, _, person = read(value)
        except Invalid:
            return 0
        if self._key is None:
            return self._home_of(person)
        key = lookup(decode_whole(value), self._key)
        usable = isinstance(key, str | int | float) and not isinstance(key, bool)
        return self._home_of(str(key) if usable else person)

    def _home_of(self, key: str) -> int:
        home = self._homes.get(key)
        if home is None:
            home = self._homes[key] = partition_for(key.encode(), len(self._offsets))
        return home


def _id(person: records.Person) -> str:
    return person.person
