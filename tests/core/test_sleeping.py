"""Profiles that are not in use: encoded in memory, and as they were when they are needed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream.core import keeping
from stream.core.definition import DAY, HOUR, MINUTE, Definition, KeyEvent
from stream.core.partition import Partition
from stream.core.profile import VERSION
from tests.core.test_keeping import commit, kept
from tests.core.ways import DictStore


def visit_of(number: int, t: int, **fields: Any) -> bytes:
    event = {"messageId": f"{t}-{number}", "type": "page", "userId": f"u{number}", "timestamp": t, **fields}
    return json.dumps(event).encode()


def feed_and_commit(partition: Partition, values: list[bytes]) -> list[Any]:
    partition.process(values, keys=None, offsets=range(len(values)), arrived_ms=None)
    told = [partition.take_outputs(), partition.take_changes()]
    partition.written()
    return told


def test_too_many_who_are_awake_go_to_sleep_and_come_back_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told() -> list[Any]:
        partition = Partition(Definition(key_events=(KeyEvent("Paid", 5, value="sum"),)))
        profiles, said = partition._persons.profiles, list[Any]()
        paid = {"type": "track", "event": "Paid", "properties": {"sum": 10}}
        for t in (
            0,
            MINUTE,
            HOUR,
            2 * HOUR,
            40 * DAY,
            40 * DAY + MINUTE,
            140 * DAY,
            400 * DAY,
            400 * DAY + HOUR,
        ):
            said.append(feed_and_commit(partition, [visit_of(n, t + n, **paid) for n in range(40)]))
            awake.append(len(profiles.hot))
            assert len(profiles) == len(partition) == 40
            assert not profiles.hot.keys() & profiles.asleep.keys()
            said.append([partition.value(key) for key in sorted(partition.keys())])
            assert len(profiles.hot) == awake[-1]
        return said

    awake = list[int]()
    all_awake = told()
    assert set(awake) == {40}
    awake.clear()
    monkeypatch.setattr(keeping, "AWAKE", 8)
    assert told() == all_awake
    assert max(awake) <= 8


def test_beside_a_store_nobody_sleeps_unless_more_may_stay_in_memory_than_awake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def after(most: int) -> tuple[int, int]:
        store = DictStore()
        shelf = kept(store)
        for number in range(12):
            shelf[str(number)] = b"x"
            commit(shelf, store, most=most)
        assert len(shelf) == len(list(shelf)) == 12
        return len(shelf.hot), len(shelf.asleep)

    assert after(4) == (4, 0)
    monkeypatch.setattr(keeping, "AWAKE", 4)
    assert after(4) == (4, 0)
    awake, asleep = after(8)
    assert awake <= 4
    assert asleep
    assert awake + asleep <= 8
    assert sum(after(20)) == 12


def test_what_is_restored_in_memory_sleeps_until_it_is_needed() -> None:
    before = Partition(Definition())
    records = feed_and_commit(before, [visit_of(number, number) for number in range(5)])[1]
    partition = Partition(Definition())
    for key, value in records:
        partition.restore(key, value)
    partition.restored()
    profiles = partition._persons.profiles
    assert (len(profiles.hot), len(profiles.asleep), len(partition)) == (0, 5, 5)
    assert partition.population() == before.population()
    feed_and_commit(partition, [visit_of(0, MINUTE)])
    assert list(profiles.hot) == ["u0"]
    for each in (before, partition):
        each.advance(HOUR)
    assert len(partition.take_outputs()) > 5
    assert partition.population().open_visits == 0


def test_what_is_restored_of_a_newer_version_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="newer than"):
        Partition(Definition()).restore(b"u", bytes((VERSION + 1,)))
