"""Profiles in a local store: which are in memory, which are gone, and what the indexes find."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from stream.core import keeping
from stream.core.definition import DAY, HOUR, MINUTE, Definition
from stream.core.indexes import DUE_PREFIX, OPEN_PREFIX, DueIndex
from stream.core.keeping import Kept
from stream.core.partition import Partition
from stream.core.profile import (
    ACTIVE,
    ERASED_PREFIX,
    HIBERNATING,
    NEVER,
    PROGRESS_KEY,
    VERSION,
    Erased,
    Profile,
    Visit,
    decode_erased,
    encode,
    glance,
)
from tests.core.ways import DictStore


def kept(store: DictStore) -> Kept[str, bytes]:
    return Kept(
        store, stored_key=str.encode, key_of=bytes.decode, decode=bytes, encode=bytes, span=(b"", b"\xf5")
    )


def in_memory(shelf: Kept[str, bytes]) -> set[str]:
    assert not shelf.hot.keys() & shelf.asleep.keys()
    return {*shelf.hot, *shelf.asleep}


def commit(shelf: Kept[str, bytes], store: DictStore, most: int = 100) -> None:
    """What the engine does in a checkpoint, in one go."""
    changes = take(shelf)
    store.write(changes)
    shelf.written(most)


def take(shelf: Kept[str, bytes]) -> list[tuple[bytes, bytes | None]]:
    changes = [(key.encode(), shelf.get(key)) for key in shelf.changed]
    shelf.taken()
    return changes


def test_what_is_not_in_memory_is_read_once() -> None:
    store = DictStore([(b"a", b"1")])
    shelf = kept(store)
    assert [shelf.get("a"), shelf["a"], shelf.get("b")] == [b"1", b"1", None]
    assert store.reads == 2
    with pytest.raises(KeyError):
        shelf["b"]


def test_what_is_forgotten_is_not_read_again_before_its_deletion_is_written() -> None:
    store = DictStore([(b"a", b"1")])
    shelf = kept(store)
    shelf.counted(None)
    shelf.pop("a", None)
    assert shelf.get("a") is None
    deletion = take(shelf)
    assert shelf.get("a") is None
    assert list(shelf) == []
    store.write(deletion)
    shelf.written(100)
    assert (shelf.get("a"), len(shelf), store.content) == (None, 0, {})


def test_what_is_on_its_way_to_the_store_stays_in_memory() -> None:
    store = DictStore()
    shelf = kept(store)
    shelf["a"], shelf["b"] = b"1", b"2"
    changes = take(shelf)
    shelf["b"] = b"3"
    shelf.written(0)  # as if it had been written
    assert shelf.hot == {"b": b"3"}
    store.write(changes)
    assert (shelf.get("a"), shelf.get("b")) == (b"1", b"3")


def test_the_least_used_go_first_and_a_quarter_at_a_time() -> None:
    store = DictStore((b"%d" % number, b"x") for number in range(8))
    shelf = kept(store)
    for number in range(8):
        shelf.get(str(number))
    for number in (0, 1, 2):
        shelf[str(number)] = b"y"
    commit(shelf, store, most=8)
    assert len(in_memory(shelf)) == 8
    shelf["8"] = b"z"
    commit(shelf, store, most=8)
    assert in_memory(shelf) == {"0", "1", "2", "6", "7", "8"}
    shelf.get("3"), shelf.get("4"), shelf.get("5")
    commit(shelf, store, most=8)
    assert {"3", "4", "5"} <= in_memory(shelf)
    assert len(in_memory(shelf)) == 6


def test_where_all_were_used_some_go_all_the_same() -> None:
    store = DictStore()
    shelf = kept(store)
    for number in range(10):
        shelf[str(number)] = b"x"
    commit(shelf, store, most=4)
    assert len(in_memory(shelf)) == 3
    assert len(shelf) == 10
    assert sorted(shelf) == [str(number) for number in range(10)]


@pytest.mark.parametrize("awake", [2, keeping.AWAKE])
@pytest.mark.parametrize("seed", range(30))
def test_a_shelf_is_a_dict_whatever_happens(seed: int, awake: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AWAKE", awake)
    random, store, expected = Random(seed), DictStore(), dict[str, bytes]()
    shelf, in_flight = kept(store), list[tuple[bytes, bytes | None]]()
    for step in range(400):
        key = random.choice("abcdefgh")
        match random.randrange(6):
            case 0 | 1:
                assert shelf.get(key) == expected.get(key)
            case 2:
                shelf[key] = expected[key] = b"%d" % step
            case 3:
                assert shelf.pop(key, None) == expected.pop(key, None)
            case 4 if not in_flight:
                in_flight = take(shelf)
            case 5:
                store.write(in_flight)
                shelf.written(random.randrange(6))
                in_flight = []
        assert len(shelf) == len(expected)
        assert sorted(shelf) == sorted(expected)


def test_the_due_index_finds_everybody_once_whether_written_or_not() -> None:
    store, local = DictStore(), dict[bytes, bytes | None]()
    index = DueIndex(store, local)

    def write() -> None:
        store.write(local.items())
        local.clear()

    index.add(-5, b"early")
    for person in (b"a", b"b", b"c"):
        index.add(7, person)
    index.taken()
    write()
    index.written()
    index.add(7, b"d")
    index.taken()
    index.add(7, b"e")
    assert list(index.days()) == [-5, 7]
    assert index.take(-5, 10) == ["early"]
    found = []
    while len(names := index.take(7, 2)) == 2:
        found += names
    assert sorted(found + names) == ["a", "b", "c", "d", "e"]
    write()
    assert not list(store.keys(DUE_PREFIX, b"\xfe"))


def test_who_is_due_on_a_day_that_has_been_worked_off_is_found_after_writing_too() -> None:
    store, local = DictStore(), dict[bytes, bytes | None]()
    index = DueIndex(store, local)
    assert index.take(7, 10) == []
    index.add(6, b"a")
    index.taken()
    store.write(local.items())
    index.written()
    assert index.take(6, 10) == ["a"]


@pytest.mark.parametrize(
    "profile",
    [
        Profile(),
        Profile(due=3, open=[Visit(1, 2, 0, 1, None, False)], recent=[(1, "m", 0, None, None)]),
        Profile(state=ACTIVE, due=-7, registration=(1, "m"), last_end=9, engaged={1: 2}, counts={1: {0: 3}}),
        Profile(state=HIBERNATING),
        Profile(due=9, recent=[(n, f"m{n}", 0, None, None) for n in range(2000)]),
    ],
)
def test_a_glance_sees_what_decoding_would(profile: Profile) -> None:
    due = None if profile.due == NEVER else profile.due
    last = profile.open[0].last if profile.open else 0
    assert glance(encode(profile)) == (due, len(profile.open), last)


def test_a_glance_at_a_newer_version_is_refused() -> None:
    with pytest.raises(ValueError, match="newer than"):
        glance(bytes((VERSION + 1,)) + encode(Profile())[1:])


class Worker:
    """A partition with a store, committed after each batch."""

    def __init__(self, store: DictStore, hot_limit: int = 10) -> None:
        self.store = store
        self.changelog: list[tuple[bytes, bytes | None]] = []
        self.partition = Partition(Definition(), store=store, hot_limit=hot_limit)

    def events(self, persons: int, t: int, **fields: Any) -> None:
        values = [
            json.dumps(
                {"messageId": f"{t}", "type": "page", "userId": f"u{number}", "timestamp": t, **fields}
            ).encode()
            for number in range(persons)
        ]
        self.partition.process(values, keys=None, offsets=range(persons), arrived_ms=[10**15] * persons)
        self.commit()

    def commit(self) -> None:
        changes = self.partition.take_changes()
        self.changelog += changes
        self.store.write([*changes, *self.partition.take_local()])
        self.partition.written()

    def hot(self) -> int:
        profiles = self.partition._persons.profiles
        return len(profiles.hot) + len(profiles.asleep)


def test_memory_holds_the_limit_and_not_the_population() -> None:
    worker = Worker(DictStore())
    worker.events(1_000, 0)
    assert worker.hot() <= 10
    assert len(worker.partition) == 1_000
    worker.partition.advance(31 * DAY)
    worker.commit()
    assert worker.hot() <= 10
    worker.partition.hot_limit = 400
    worker.events(1_000, 60 * DAY)
    assert 300 <= worker.hot() <= 400


def test_the_indexes_hold_only_who_has_something_to_wait_for() -> None:
    worker = Worker(DictStore())
    worker.events(5, 0)
    worker.events(3, 10 * MINUTE)
    assert len(list(worker.store.keys(OPEN_PREFIX, DUE_PREFIX))) == 5
    worker.partition.advance(HOUR)
    worker.commit()
    assert not list(worker.store.keys(OPEN_PREFIX, DUE_PREFIX))
    worker.events(2, 2 * HOUR, type="track", event="Account Deleted")
    assert len(list(worker.store.keys(OPEN_PREFIX, DUE_PREFIX))) == 2  # they wait for repeats
    worker.partition.advance(400 * DAY)
    worker.commit()
    assert not list(worker.store.keys(OPEN_PREFIX, b"\xfe"))  # hibernating: nothing is due any more
    assert len(worker.partition) == 3


class Counting(DictStore):
    """Counts the keys that are looked at."""

    looked_at = 0

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        for key in super().keys(start, end):
            self.looked_at += 1
            yield key


def test_a_restart_with_an_up_to_date_store_reads_no_profile() -> None:
    store = Counting()
    worker = Worker(store)
    worker.events(1_000, 0)
    worker.partition.advance(HOUR)
    worker.commit()
    worker.events(7, 2 * HOUR)
    store.reads = store.looked_at = 0
    again = Partition(Definition(), store=store, most_due=10)
    again.restored()
    assert (again.watermark, len(again)) == (worker.partition.watermark, 1_000)
    assert store.reads == 7  # the progress, the day, the sum of those before it and the window so far
    assert store.looked_at < 20  # the open visits, and one entry for each day with somebody due


def test_profiles_that_an_older_footfall_did_not_count_are_counted_once() -> None:
    worker = Worker(DictStore())
    worker.events(20, 0)
    worker.events(5, 1, type="track", event="Account Deleted")
    version, progress = worker.store.content[PROGRESS_KEY][:1], worker.store.content[PROGRESS_KEY][1:]
    older = version + msgspec.msgpack.encode(msgspec.msgpack.decode(progress)[:3])
    worker.store.write([(PROGRESS_KEY, older)])
    again = Partition(Definition(), store=worker.store)
    again.restored()
    assert len(again) == 15


def test_a_restored_state_in_memory_equals_one_in_a_store() -> None:
    worker = Worker(DictStore())
    worker.events(50, 0, type="track", event="Order Completed")
    worker.events(20, 40 * DAY)
    in_memory, in_store = Partition(Definition()), Partition(Definition(), store=(fresh := DictStore()))
    for key, value in worker.changelog:
        in_memory.restore(key, value)
        in_store.restore(key, value)
        fresh.write([(key, value), *in_store.take_local()])
    in_memory.restored()
    in_store.restored()
    assert list(in_memory.people()) == list(in_store.people()) == list(worker.partition.people())
    for partition in (in_memory, in_store):
        partition.advance(500 * DAY)
    assert sorted(in_memory.take_outputs()) == sorted(in_store.take_outputs())
    assert dict(in_memory.take_changes()) == dict(in_store.take_changes())


def test_repeats_of_an_erased_life_are_repeats_after_a_restart_too_and_forgotten_in_time() -> None:
    worker = Worker(DictStore())
    worker.events(1, 0)
    worker.events(1, MINUTE, type="track", event="Account Deleted")
    again = Worker(worker.store)
    again.partition.restored()
    again.events(1, 0)
    assert (again.partition.counts.duplicate, again.partition.counts.applied) == (1, 0)
    again.partition.advance(HOUR)
    again.commit()
    (left,) = (value for key, value in worker.store.content.items() if key[:1] == ERASED_PREFIX)
    assert decode_erased(left) == Erased(k=2)
