"""A re-keyed stream without a broker: routers and partitions, their topics and changelogs, in memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import msgspec

from stream.core.definition import Definition
from stream.core.engagement.partials import PARTIALS
from stream.core.movable import MovablePartition
from stream.core.partition import Partition
from stream.core.rekeyed import RekeyedPartition
from stream.core.router import REKEYED, Router
from tests.core.adapter import UNCOMPARED, destinations
from tests.reference import LogRecord, Result

Change = tuple[bytes, bytes | None]
Entry = tuple[int, bytes | None]


class Node:
    """A router or partition: its input, position and changelog, and what it is as long as it does not die."""

    def __init__(self, log: Sequence[Any], make: Callable[[], Router | RekeyedPartition]) -> None:
        self.log = log
        self.position = 0
        self.counted: Counter[str] = Counter()
        self._make = make
        self._changelog: dict[bytes, bytes] = {}
        self._committed = 0
        self._before: Counter[str] = Counter()
        self.state = make()

    def read(self, most: int) -> bool:
        """Work off up to `most` records; False where there were none."""
        records = self.log[self.position : self.position + most]
        offsets = range(self.position, self.position + len(records))
        if isinstance(self.state, Router):
            arrived = [record.arrived_ms for record in records]
            self.state.process(
                [record.value for record in records],
                keys=[None] * len(records),
                offsets=offsets,
                arrived_ms=None if None in arrived else arrived,
            )
        else:
            self.state.process(records, offsets)
        self.position += len(records)
        return bool(records)

    def work(self) -> bool:
        """Do some of what was put off."""
        return isinstance(self.state, RekeyedPartition) and self.state.partition.work()

    def checkpoint(self) -> Sequence[tuple[Any, ...]]:
        """What is committed: the outputs, which the caller writes."""
        outputs = self.state.take_outputs()
        for key, value in self.state.take_changes():
            if value is None:
                self._changelog.pop(key, None)
            else:
                self._changelog[key] = value
        self._count()
        self._committed = self.position
        return outputs

    def die(self) -> None:
        """Forget what was not committed, and begin again from the changelog."""
        self.state = self._make()
        for key, value in self._changelog.items():
            self.state.restore(key, value)
        if isinstance(self.state, RekeyedPartition):
            self.state.restored()
        self.position = self._committed
        self._before = Counter()

    def _count(self) -> None:
        state = self.state
        now = destinations(state if isinstance(state, Router) else state.partition)
        self.counted += now - self._before
        self._before = now


class Stage:
    """M input partitions, and N partitions of the internal topic."""

    def __init__(
        self,
        definition: Definition,
        logs: Sequence[Sequence[LogRecord]],
        partitions: int,
        most_due: int | None = None,
        *,
        repeats: bool = False,
    ) -> None:
        self._repeats = repeats
        self.topics: list[list[bytes]] = [[] for _ in range(partitions)]
        self.outputs: list[tuple[str, bytes]] = []
        count = len(logs)

        def router(number: int) -> Node:
            return Node(
                logs[number],
                lambda: Router(definition, topic="app-events", number=number, partitions=partitions),
            )

        def partition(number: int) -> Node:
            return Node(
                self.topics[number],
                lambda: RekeyedPartition(
                    definition,
                    number=number,
                    partitions=partitions,
                    routers=count,
                    partition=MovablePartition(definition, topic="rekeyed", number=number, most_due=most_due),
                ),
            )

        self.routers = [router(number) for number in range(count)]
        self.partitions = [partition(number) for number in range(partitions)]

    def step(self, random: Random, *, crashes: bool) -> None:
        """Somebody does something."""
        node = random.choice([*self.routers, *self.partitions])
        chance = random.random()
        if chance < 0.5:
            node.read(random.choice([1, 2, 5, 20]))
        elif chance < 0.6:
            node.work()
        elif crashes and chance < 0.65:
            if self._repeats:
                self.write(node.state.take_outputs())
            node.die()
        else:
            self.commit(node)

    def persons(self) -> Iterator[Partition]:
        """Those that hold persons."""
        for node in self.partitions:
            assert isinstance(node.state, RekeyedPartition)
            yield node.state.partition

    def commit(self, node: Node) -> bool:
        """Write a checkpoint; False where there was nothing to write."""
        outputs = node.checkpoint()
        self.write(outputs)
        return bool(outputs)

    def write(self, outputs: Sequence[tuple[Any, ...]]) -> None:
        for name, _, value, *to in outputs:
            if name == REKEYED:
                self.topics[to[0]].append(value)
            else:
                self.outputs.append((name, value))

    def settle(self) -> None:
        """Go on until nothing moves any more."""
        nodes = [*self.routers, *self.partitions]
        while any(node.read(1000) or node.work() or self.commit(node) for node in nodes):
            pass

    def end(self, until_ms: int | None) -> None:
        self.settle()
        newest = [node.state.newest for node in self.routers if isinstance(node.state, Router)]
        known = [time for time in newest if time is not None]
        end = until_ms if until_ms is not None else max(known, default=None)
        if end is not None:
            for node in self.routers:
                assert isinstance(node.state, Router)
                node.state.advance(end)
            self.settle()


def run(
    definition: Definition,
    logs: Sequence[Sequence[LogRecord]],
    until_ms: int | None,
    *,
    partitions: int,
    random: Random,
    crashes: bool = True,
    most_due: int | None = None,
    repeats: bool = False,
) -> Result:
    """What is published by input partitions `logs` and so many partitions, in a random interleaving.

    `repeats`: as at least once, where who dies may have written what it then writes again.
    """
    stage = Stage(definition, logs, partitions, most_due, repeats=repeats)
    for _ in range(random.choice([0, 30, 30 + 3 * sum(map(len, logs))])):
        stage.step(random, crashes=crashes)
    stage.end(until_ms)
    nodes = [node.state for node in stage.partitions]
    people = []
    for state in nodes:
        assert isinstance(state, RekeyedPartition)
        assert not state.waiting
        people += [_plain(msgspec.json.encode(person)) for person in state.partition.people()]
    counted: Counter[str] = Counter()
    for node in [*stage.routers, *stage.partitions]:
        counted += node.counted
    return Result(
        visits=[_plain(value) for name, value in stage.outputs if name == "visits"],
        transitions=[_plain(value) for name, value in stage.outputs if name == "transitions"],
        people=sorted(people, key=lambda person: str(person["person"])),
        destinations=list(counted.elements()),
    )


def partials(
    definition: Definition,
    logs: Sequence[Sequence[LogRecord]],
    until_ms: int | None,
    *,
    partitions: int,
    random: Random,
) -> list[bytes]:
    """What the partitions of the internal topic send to the merger, as they do it."""
    stage = Stage(definition, logs, partitions)
    for _ in range(random.choice([0, 30, 30 + 3 * sum(map(len, logs))])):
        stage.step(random, crashes=True)
    stage.end(until_ms)
    return [value for name, value in stage.outputs if name == PARTIALS]


def _plain(value: bytes) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(value)
    return {name: field for name, field in record.items() if name not in UNCOMPARED}
