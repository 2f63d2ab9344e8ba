"""The core behind the oracle's interface, so that the two can be compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random
from typing import Any

import msgspec

from stream.core.definition import Definition
from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from tests.reference import LogRecord, Result

UNCOMPARED = ("schema", "definition")


def run(
    definition: Definition,
    log: Sequence[LogRecord],
    until_ms: int | None,
    partitions: int = 1,
    *,
    batches: Random | None = None,
    restarts: Random | None = None,
) -> Result:
    """What the core makes of a log, read in random batches; `restarts` restores it here and there.

    `destinations` are in no order: the core only counts.
    """
    cores = [_Restartable(definition, number, partitions, restarts) for number in range(partitions)]
    for number, core in enumerate(cores):
        own = [(at, each) for at, each in enumerate(log) if _partition(each, partitions) == number]
        for batch in _cut(own, batches or Random(0)):
            core.process(batch, keys_known=any(record.key is not None for record in log))
    newest = [core.partition.newest for core in cores if core.partition.newest is not None]
    end = until_ms if until_ms is not None else max(newest, default=None)
    results = [core.finish(end) for core in cores]
    return Result(
        visits=[each for result in results for each in result.visits],
        transitions=[each for result in results for each in result.transitions],
        people=sorted(
            (each for result in results for each in result.people), key=lambda each: each["person"]
        ),
        destinations=[each for result in results for each in result.destinations],
    )


class _Restartable:
    """A partition, its outputs so far, and the changelog from which it can be restored."""

    def __init__(self, definition: Definition, number: int, partitions: int, restarts: Random | None) -> None:
        self._definition, self._restarts = definition, restarts
        self._owns = partial(_owns, number=number, partitions=partitions)
        self._changelog: dict[bytes, bytes] = {}
        self._outputs: list[tuple[str, bytes]] = []
        self._counted: Counter[str] = Counter()
        self.partition = self._new()

    def process(self, batch: Sequence[tuple[int, LogRecord]], *, keys_known: bool) -> None:
        arrived = [record.arrived_ms for _, record in batch]
        self.partition.process(
            [record.value for _, record in batch],
            keys=[record.key for _, record in batch] if keys_known else None,
            offsets=[offset for offset, _ in batch],
            arrived_ms=None if None in arrived else [each or 0 for each in arrived],
        )
        if self._restarts is not None and self._restarts.random() < 0.4:
            self._restart()

    def finish(self, until_ms: int | None) -> Result:
        if until_ms is not None:
            self.partition.advance(until_ms)
        if self._restarts is not None:
            self._restart()
        self._collect()
        records: dict[str, list[dict[str, Any]]] = {"visits": [], "transitions": []}
        for topic, value in self._outputs:
            if topic in records:
                records[topic].append(_plain(value))
        people = [_plain(msgspec.json.encode(person)) for person in self.partition.people()]
        self._counted += destinations(self.partition)
        return Result(records["visits"], records["transitions"], people, list(self._counted.elements()))

    def _new(self) -> Partition:
        return Partition(self._definition, topic="app-events", number=0, owns=self._owns)

    def _collect(self) -> None:
        """Add what was put out and counted since the last time."""
        self._outputs += [(output.topic, output.value) for output in self.partition.take_outputs()]

    def _restart(self) -> None:
        """Go on with a partition that knows only the changelog."""
        self._collect()
        for key, value in self.partition.take_changes():
            if value is None:
                self._changelog.pop(key, None)
            else:
                self._changelog[key] = value
        self._counted += destinations(self.partition)
        self.partition = self._new()
        for key, value in self._changelog.items():
            self.partition.restore(key, value)
        self.partition.restored()


def destinations(partition: Partition) -> Counter[str]:
    """How many records went where, in the oracle's words."""
    counts = partition.counts
    found = Counter({f"dead:{reason}": count for reason, count in counts.dead.items()})
    for name in ("applied", "late", "duplicate", "ignored"):
        found[name] = getattr(counts, name)
    return found


def _plain(value: bytes) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(value)
    return {name: field for name, field in record.items() if name not in UNCOMPARED}


def _owns(person: str, *, number: int, partitions: int) -> bool:
    return partition_for(person.encode(), partitions) == number


def _partition(record: LogRecord, partitions: int) -> int:
    """Where a producer would put a record; what has no person goes to the first partition."""
    if partitions == 1:
        return 0
    try:
        body = json.loads(record.value or b"")
        person = body.get("userId") or "anonymous:" + body["anonymousId"]
        return partition_for(person.encode(), partitions)
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0


def _cut(
    records: Sequence[tuple[int, LogRecord]], random: Random
) -> Iterator[Sequence[tuple[int, LogRecord]]]:
    """The records in batches of random sizes."""
    start = 0
    while start < len(records):
        size = random.choice([1, 2, 3, 7, 50])
        yield records[start : start + size]
        start += size
