"""The core behind the oracle's interface, so that the two can be compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from operator import add
from random import Random
from typing import Any, NamedTuple

import msgspec

from stream.core.definition import Definition
from stream.core.engagement.partials import PARTIALS
from stream.core.indexes import DUE_PREFIX, OPEN_PREFIX
from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from stream.core.population import Population
from stream.core.profile import NEVER, decode
from tests.core.ways import DictStore, Way
from tests.reference import LogRecord, Result

UNCOMPARED = ("schema", "definition")

Look = Callable[[Partition], None]

_chosen = [Way()]


def chosen_way() -> Way:
    """How `run` runs the core where it is not told otherwise."""
    return _chosen[-1]


@contextmanager
def in_way(way: Way) -> Iterator[None]:
    """Run the core in this way meanwhile, where `run` is not told otherwise."""
    _chosen.append(way)
    try:
        yield
    finally:
        _chosen.pop()


def run(
    definition: Definition,
    log: Sequence[LogRecord],
    until_ms: int | None,
    partitions: int = 1,
    *,
    batches: Random | None = None,
    restarts: Random | None = None,
    way: Way | None = None,
) -> Result:
    """What the core makes of a log, read in random batches; `restarts` restores it here and there.

    `destinations` are in no order: the core only counts. Without a `way` it is run in that of `in_way`.
    """
    cores, end = _read(definition, log, until_ms, partitions, batches, restarts, way)
    return _together([core.finish(end) for core in cores])


def partials(
    definition: Definition,
    log: Sequence[LogRecord],
    until_ms: int | None,
    partitions: int = 1,
    *,
    restarts: Random | None = None,
    way: Way | None = None,
) -> tuple[Result, list[bytes]]:
    """The same, and what the partitions send to the merger, a partition after the other."""
    cores, end = _read(definition, log, until_ms, partitions, None, restarts, way)
    result = _together([core.finish(end) for core in cores])
    return result, [value for core in cores for value in core.partials]


def populations(
    definition: Definition,
    log: Sequence[LogRecord],
    until_ms: int | None,
    partitions: int = 1,
    *,
    restarts: Random | None = None,
    way: Way | None = None,
    look: Look = lambda partition: None,
) -> Population:
    """Who is there at the end, in all partitions; `look` sees each that has gone on or restarted."""
    cores, end = _read(definition, log, until_ms, partitions, None, restarts, way, look)
    for core in cores:
        core.finish(end)
    return reduce(add, (core.partition.population() for core in cores))


def _read(
    definition: Definition,
    log: Sequence[LogRecord],
    until_ms: int | None,
    partitions: int,
    batches: Random | None,
    restarts: Random | None,
    way: Way | None,
    look: Look = lambda partition: None,
) -> tuple[list[_Restartable], int | None]:
    """The partitions, each with all its records read, and the time at which the log ends."""
    cores = [
        _Restartable(
            definition,
            number,
            partitions,
            restarts=restarts,
            chance=Random(len(log)),
            way=way or _chosen[-1],
            look=look,
        )
        for number in range(partitions)
    ]
    for number, core in enumerate(cores):
        own = [(at, each) for at, each in enumerate(log) if _partition(each, partitions) == number]
        for batch in _cut(own, batches or Random(0)):
            core.process(batch, keys_known=any(record.key is not None for record in log))
    newest = [core.partition.newest for core in cores if core.partition.newest is not None]
    return cores, until_ms if until_ms is not None else max(newest, default=None)


def _together(results: Sequence[Result]) -> Result:
    return Result(
        visits=[each for result in results for each in result.visits],
        transitions=[each for result in results for each in result.transitions],
        people=sorted(
            (each for result in results for each in result.people), key=lambda each: each["person"]
        ),
        destinations=[each for result in results for each in result.destinations],
    )


class _Restartable:
    """A partition as a worker runs it: checkpoints, crashes, and what has been committed by then.

    What is put out counts once it is committed. A crash loses all that is not, and the input is read again
    from the last checkpoint on; the state comes from the changelog, or from the local store and the changelog
    since then.
    """

    def __init__(
        self,
        definition: Definition,
        number: int,
        partitions: int,
        *,
        restarts: Random | None,
        chance: Random,
        way: Way,
        look: Look,
    ) -> None:
        self._look = look
        self._definition, self._restarts, self._chance, self._way = definition, restarts, chance, way
        self._number = number
        self._owns = partial(_owns, number=number, partitions=partitions)
        self._changelog: list[tuple[bytes, bytes | None]] = []
        self._in_store = 0  # records of the changelog that the store has
        self._store: DictStore | None = None if way.hot_limit is None else DictStore()
        self._outputs: list[tuple[str, bytes]] = []
        self._counted: Counter[str] = Counter()
        self._input: list[tuple[int, LogRecord]] = []
        self._read = 0  # records of the input that the partition has processed
        self._keys_known = False
        self._committed = 0  # records of the input that need not be read again
        self._in_flight: _Checkpoint | None = None
        self.partition = self._new()

    def process(self, batch: Sequence[tuple[int, LogRecord]], *, keys_known: bool) -> None:
        self._keys_known = keys_known
        self._input += batch
        self._read_on()
        if self._restarts is not None and self._restarts.random() < 0.4:
            self._restart(crash=self._way != Way() and self._restarts.random() < 0.7)

    def _read_on(self) -> None:
        for batch in _cut(self._input[self._read :], self._chance):
            self._process(batch)
            self._read += len(batch)
            self._look(self.partition)
            self._go_on()
            self._look(self.partition)

    def _process(self, batch: Sequence[tuple[int, LogRecord]]) -> None:
        arrived = [record.arrived_ms for _, record in batch]
        self.partition.process(
            [record.value for _, record in batch],
            keys=[record.key for _, record in batch] if self._keys_known else None,
            offsets=[offset for offset, _ in batch],
            arrived_ms=None if None in arrived else [each or 0 for each in arrived],
        )

    def _go_on(self) -> None:
        """Now and then some of what was put off, the beginning of a checkpoint, or its end."""
        if self._way == Way():
            return
        while self._chance.random() < 0.6:
            match self._chance.randrange(3):
                case 0:
                    self.partition.work()
                case 1 if self._in_flight is None:
                    self._begin_checkpoint()
                case 2:
                    self._end_checkpoint()

    def _begin_checkpoint(self) -> None:
        partition = self.partition
        counted = destinations(partition)
        self._in_flight = _Checkpoint(
            read=self._read,
            outputs=[(output.topic, output.value) for output in partition.take_outputs()],
            changes=partition.take_changes(),
            local=partition.take_local(),
            counted=counted - self._counted_since,
        )
        self._counted_since = counted

    def _end_checkpoint(self, *, in_store: bool = True) -> None:
        checkpoint, self._in_flight = self._in_flight, None
        if checkpoint is None:
            return
        self._outputs += checkpoint.outputs
        self._counted += checkpoint.counted
        self._committed = checkpoint.read
        self._changelog += checkpoint.changes
        if not in_store:
            return
        if self._store is not None:
            self._store.write([*checkpoint.changes, *checkpoint.local])
            self._in_store = len(self._changelog)
        self.partition.written()

    def checkpoint(self) -> None:
        """All that was done becomes durable."""
        self._end_checkpoint()
        self._begin_checkpoint()
        self._end_checkpoint()

    @property
    def partials(self) -> list[bytes]:
        """What has been committed for the merger."""
        return [value for topic, value in self._outputs if topic == PARTIALS]

    def finish(self, until_ms: int | None) -> Result:
        if until_ms is not None:
            self.partition.advance(until_ms)
            self._go_on()
        if self._restarts is not None:
            self._restart(crash=False)
        while self.partition.work():
            self._go_on()
        self.checkpoint()
        records: dict[str, list[dict[str, Any]]] = {"visits": [], "transitions": []}
        for topic, value in self._outputs:
            if topic in records:
                records[topic].append(_plain(value))
        people = [_plain(msgspec.json.encode(person)) for person in self.partition.people()]
        return Result(records["visits"], records["transitions"], people, list(self._counted.elements()))

    def _new(self) -> Partition:
        self._counted_since: Counter[str] = Counter()
        options: dict[str, Any] = {}
        if self._store is not None:
            options = {"store": self._store, "hot_limit": self._way.hot_limit}
        return Partition(
            self._definition,
            topic="app-events",
            number=self._number,
            owns=self._owns,
            most_due=self._way.most_due,
            **options,
        )

    def _restart(self, *, crash: bool) -> None:
        """Go on with a partition that knows only what is committed."""
        chance = self._restarts or self._chance
        if not crash:
            self.checkpoint()
        elif chance.random() < 0.5:  # between the transaction and the write to the store
            self._end_checkpoint(in_store=False)
        self._in_flight = None
        if self._store is not None and chance.random() < 0.3:  # another host: there is no store
            self._store, self._in_store = DictStore(), 0
        self.partition = self._new()
        self._restore(chance)
        assert len(self.partition) == len(_profiles(self._changelog))
        if self._store is not None:
            check_store(self._store, self._changelog)
        self._look(self.partition)
        self._read = self._committed
        self._read_on()

    def _restore(self, chance: Random) -> None:
        compacted = self._store is None or (not self._in_store and chance.random() < 0.5)
        log = list(dict(self._changelog).items()) if compacted else self._changelog[self._in_store :]
        while log:
            size = chance.choice([1, 3, 100])
            fetched, log = log[:size], log[size:]
            for key, value in fetched:
                self.partition.restore(key, value)
            if self._store is not None:
                self._store.write([*fetched, *self.partition.take_local()])
        self._in_store = len(self._changelog)
        self.partition.restored()


class _Checkpoint(NamedTuple):
    """What was taken at one moment, on its way to be committed. `read` counts records of the input."""

    read: int
    outputs: list[tuple[str, bytes]]
    changes: list[tuple[bytes, bytes | None]]
    local: list[tuple[bytes, bytes | None]]
    counted: Counter[str]


def _profiles(changelog: Sequence[tuple[bytes, bytes | None]]) -> set[bytes]:
    return {key for key, value in dict(changelog).items() if value is not None and key < b"\xf5"}


def check_store(store: DictStore, changelog: Sequence[tuple[bytes, bytes | None]]) -> None:
    """The store has what the changelog says, and its indexes miss nobody."""
    content = {key: value for key, value in dict(changelog).items() if value is not None}
    indexes = {key for key in store.content if key[:1] in (DUE_PREFIX, OPEN_PREFIX)}
    assert {key: value for key, value in store.content.items() if key not in indexes} == content
    for key in _profiles(changelog):
        profile = decode(content[key])
        if profile.due != NEVER:
            day = (profile.due + 2**31).to_bytes(4, "big")
            assert DUE_PREFIX + day + key in indexes
        assert (OPEN_PREFIX + key in indexes) >= bool(profile.open)


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
