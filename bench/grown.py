"""A population that is known already: its changelog, written as workers would have, without the events of
months.

Persons of the benchmark's input (bench/input.py) go through the core for two weeks; what it has of them in
its changelog are the samples. Everybody else is the copy of a sample under an id of their own, with the ids
that lead to them; those who will come again get the ids that they come under. How many persons there are by
state and day is counted over all of them, as the core does. The records go through the engine's own writer,
in its transactions, with layout and position. So a worker that starts on it restores it like any other
state, and cannot tell the difference.

(The copies who never come are spread over the partitions in turn, not by Kafka's partitioner: nobody looks
for them.)
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from bench.input import DAYS, EVENTS, START_MS, Record, cached
from bench.rig import Flow
from stream.core.definition import DAY, Definition
from stream.core.engagement.census import standing
from stream.core.engagement.days import STANDING_KEY
from stream.core.engagement.figures import add, add_all
from stream.core.engagement.standing import Standing
from stream.core.events import ANONYMOUS
from stream.core.partition import Partition
from stream.core.profile import PROGRESS_KEY, Profile, Progress, decode, decode_progress, encode_progress
from stream.engine.checkpoint import Destination, Snapshot, TransactionalWriter
from stream.engine.connection import Connection
from stream.engine.layout import LAYOUT_KEY, Layout, new_incarnation
from stream.engine.state import Change

SAMPLED_EVENTS = 150_000
SAMPLED_PERSONS = 15_000
SAMPLED_DAYS = 14
PERSONS_END = b"\xf5"
PACKED = 0x40
AT_ONCE = 20_000
"""Changes of one transaction."""

USER = "usr_"


class Met(NamedTuple):
    """Somebody's ids, without what all begin with: the user's (None: not registered), the anonymous one."""

    user: bytes | None
    anonymous: bytes


class Sample(NamedTuple):
    """One person's records, the ids in them, and the person as counted."""

    records: list[tuple[bytes, bytes]]
    ids: Met
    standing: Standing

    def copied(self, to: Met) -> Iterator[Change]:
        """The records under other ids, which are as long."""
        ids = self.ids
        for key, value in self.records:
            if ids.user is not None and to.user is not None:
                key, value = key.replace(ids.user, to.user), value.replace(ids.user, to.user)
            yield key.replace(ids.anonymous, to.anonymous), value.replace(ids.anonymous, to.anonymous)


class Samples(NamedTuple):
    """Registered persons and others, in the order they came; and what a partition has beside its persons."""

    users: list[Sample]
    others: list[Sample]
    beside: list[tuple[bytes, bytes]]
    standing: Standing
    progress: Progress

    @property
    def in_proportion(self) -> list[Sample]:
        """All, mixed as they are found."""
        every = max(1, len(self.users) // max(1, len(self.others)))
        mixed: list[Sample] = []
        others = iter(self.others)
        for number, user in enumerate(self.users):
            mixed.append(user)
            if number % every == every - 1:
                mixed += itertools.islice(others, 1)
        return mixed + list(others)


def samples(*, events: int = SAMPLED_EVENTS, persons: int = SAMPLED_PERSONS) -> Samples:
    """Two weeks of the benchmark's persons, all visits closed, ending days before its input begins."""
    start_ms = START_MS - (SAMPLED_DAYS + 6) * DAY
    partition = Partition(Definition(), track_changes=True)
    content: dict[bytes, bytes] = {}
    anonymous_of: dict[bytes, bytes] = {}
    offset = 0
    rate = events / SAMPLED_DAYS / (EVENTS / DAYS)
    for chunk in cached(events, persons=persons, partitions=1, rate=rate, start_ms=start_ms, seed=2):
        values = [record.value for record in chunk[0]]
        for record in chunk[0]:
            met = ids_of(record)
            if met is not None and met.user is not None:
                anonymous_of[met.user] = met.anonymous
        offsets = range(offset, offset + len(values))
        partition.process(values, keys=None, offsets=offsets, arrived_ms=[START_MS] * len(values))
        offset += len(values)
        partition.take_outputs()
        for key, value in partition.take_changes():
            if value is None:
                content.pop(key, None)
            else:
                content[key] = value
    return _sorted_out(content, anonymous_of)


def _sorted_out(content: dict[bytes, bytes], anonymous_of: dict[bytes, bytes]) -> Samples:
    users, others, beside = [], [], []
    progress = decode_progress(content.pop(PROGRESS_KEY))
    closed = _closed(content.pop(STANDING_KEY))
    for key, value in content.items():
        if key >= PERSONS_END:
            beside.append((key, value))
            continue
        person = key.decode()
        if person.startswith("usr_closing"):
            beside.append((key, value))
        elif person.startswith(USER) and not value[0] & PACKED:
            profile = decode(value)
            ids = Met(key[len(USER) :], anonymous_of[key[len(USER) :]])
            found = [(key, value)]
            for alias in profile.aliases:
                found += [(alias.encode(), content[alias.encode()])] if alias.encode() in content else []
            users.append(Sample(found, ids, _counted(person, profile, closed)))
        elif person.startswith(ANONYMOUS) and decode(value).redirect is None and not value[0] & PACKED:
            ids = Met(None, key[len(ANONYMOUS) :])
            others.append(Sample([(key, value)], ids, _counted(person, decode(value), closed)))
    return Samples(users, others, beside, Standing(closed), progress)


def _closed(encoded: bytes) -> int | None:
    return msgspec.msgpack.decode(encoded, type=Standing).closed


def _counted(person: str, profile: Profile, closed: int | None) -> Standing:
    return standing([(person, profile)], closed)


def ids_of(record: Record) -> Met | None:
    """The ids in an event's record; None where it has not both."""
    value = record.value
    if record.key.startswith(USER.encode()):
        at = value.find(b'"anonymousId":"')
        if at < 0:
            return None
        return Met(record.key[len(USER) :], value[at + 15 : at + 31])
    return Met(None, record.key[len(ANONYMOUS) :])


class Population:
    """`persons` known persons in `partitions`, among them all who come in `met` (by partition)."""

    def __init__(self, found: Samples, persons: int, met: Sequence[Iterable[Met]]) -> None:
        self.samples = found
        self.persons = persons
        self.met = [list(dict.fromkeys(some)) for some in met]
        self.partitions = len(self.met)
        self.profiles = 0

    def changes(self, number: int) -> Iterator[Change]:
        """The records of one partition; its own come last, as in a checkpoint."""
        found = self.samples
        counted = Standing(found.standing.closed)
        profiles = 0
        for sample, to in self._who(number):
            yield from sample.copied(to)
            profiles += len(sample.records)
            _add(counted, sample.standing)
        yield from found.beside
        profiles += sum(key < PERSONS_END for key, _ in found.beside)
        yield STANDING_KEY, _encode(counted)
        own = replace(found.progress, profiles=profiles, erased=0, open_visits=found.progress.open_visits)
        yield PROGRESS_KEY, encode_progress(own)
        self.profiles += profiles

    def _who(self, number: int) -> Iterator[tuple[Sample, Met]]:
        met = self.met[number]
        users, others = itertools.cycle(self.samples.users), itertools.cycle(self.samples.others)
        for one in met:
            yield next(others if one.user is None else users), one
        everyone = itertools.cycle(self.samples.in_proportion)
        first = sum(len(some) for some in self.met)
        for one_more in range(first + number, self.persons, self.partitions):
            sample = next(everyone)
            # Ids of as many letters as all others have, which those do not have.
            new = b"%016x" % (one_more << 8)
            yield sample, Met(None if sample.ids.user is None else new, new)


def _encode(counted: Standing) -> bytes:
    return msgspec.msgpack.encode(counted)


def _add(to: Standing, one: Standing) -> None:
    add_all(to.states, one.states)
    add_all(to.tiers, one.tiers)
    for ours, theirs in ((to.users, one.users), (to.visitors, one.visitors)):
        for day, gaps in theirs.items():
            for gap, persons in gaps.items():
                add(ours.setdefault(day, {}), gap, persons)


async def write(flow: Flow, population: Population, *, repeated: float = 0.0) -> int:
    """Write the population into a flow's changelog; its workers go on with it at the input's beginning.

    `repeated` of the records are written twice, as in a changelog that is not compacted yet. Returns how many
    records were written.
    """
    incarnation = new_incarnation()
    counts = await asyncio.gather(
        *(_write(flow, population, number, incarnation, repeated) for number in range(population.partitions))
    )
    return sum(counts)


async def _write(flow: Flow, population: Population, number: int, incarnation: str, repeated: float) -> int:
    layout = Layout(incarnation, flow.topic, population.partitions, "person", True)
    to = Destination(flow.topic, number, flow.name, f"{flow.name}-profiles-changelog", {})
    writer = TransactionalWriter(Connection(flow.rig.address), to)
    await writer.open()
    count, first = 0, True
    try:
        changes = population.changes(number)
        while piece := list(itertools.islice(changes, AT_ONCE)):
            again = piece[: int(len(piece) * repeated)]
            await writer.write(
                Snapshot((), [*again, *piece], 0, (), (LAYOUT_KEY, layout.encode()) if first else None)
            )
            first = False
            count += len(again) + len(piece)
            flow.rig.tell.now(f"{flow.name}: partition {number}, {count:,} changelog records written")
    finally:
        await writer.close()
    return count
