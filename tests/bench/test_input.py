"""The benchmark's input: what is in it, in which order and where, and that a seed means the same bytes."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.input import GAP_MS, Record, cached, generate
from stream.core.partitioner import partition_for
from stream.core.times import parse_ms

EVENTS = 60_000
RATE = 0.05
"""So few events are most of a day all the same, and whole visits."""
PARTITIONS = 8
HOUR_MS = 3_600_000
GRACE_MS = GAP_MS + 10 * 60_000


def logs(chunks: Any, partitions: int = PARTITIONS) -> list[list[Record]]:
    """All chunks of each partition, one after the other."""
    whole: list[list[Record]] = [[] for _ in range(partitions)]
    for chunk in chunks:
        for log, records in zip(whole, chunk, strict=True):
            log += records
    return whole


@pytest.fixture(scope="module")
def made() -> list[list[Record]]:
    return logs(generate(EVENTS, seed=7, rate=RATE))


def sound(record: Record) -> dict[str, Any] | None:
    """The event, where it is one."""
    try:
        event = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or event.get("type") not in ("page", "screen", "track", "identify"):
        return None
    if event["type"] == "track" and "event" not in event:
        return None
    if not isinstance(event.get("userId", ""), str) or not ("userId" in event or "anonymousId" in event):
        return None
    time = str(event.get("timestamp"))
    return event if "messageId" in event and time.endswith("Z") else None


def test_one_event_in_a_hundred_is_late_and_one_record_in_a_thousand_bad(made: list[list[Record]]) -> None:
    late = bad = 0
    for log in made:
        newest_ms = 0
        for record in log:
            if sound(record) is None:
                bad += 1
            elif record.ms < newest_ms:
                late += 1
                assert record.ms < newest_ms - 2 * HOUR_MS
            newest_ms = max(newest_ms, record.ms)
    assert sum(map(len, made)) == EVENTS
    assert 0.008 * EVENTS < late < 0.012 * EVENTS
    assert 0.0005 * EVENTS < bad < 0.002 * EVENTS


def test_what_is_late_is_older_than_anything_that_could_be_open(made: list[list[Record]]) -> None:
    """By any rule: a watermark of the partition's or of the person's own, and whatever visit they are on."""
    for log in made:
        visit_ms: dict[bytes, tuple[int, int]] = {}  # first and last event of the person's visit so far
        for key, _, ms in log:
            first, last = visit_ms.get(key, (ms, ms))
            if ms < last:
                assert ms < first - GRACE_MS
            else:
                visit_ms[key] = (first if ms - last <= GAP_MS else ms, ms)


def test_records_tell_the_time_that_they_are_listed_with(made: list[list[Record]]) -> None:
    for record in made[0][:2_000]:
        event = sound(record)
        if event is not None:
            assert parse_ms(event["timestamp"]) == record.ms


def test_a_persons_events_are_in_one_partition_kafkas_own(made: list[list[Record]]) -> None:
    for partition, log in enumerate(made):
        for record in log:
            assert partition_for(record.key, PARTITIONS) == partition
        for record in log[:2_000]:
            event = sound(record)
            if event is not None:
                person = event.get("userId") or "anonymous:" + event["anonymousId"]
                assert record.key == person.encode()


def test_events_have_600_bytes_and_ids_of_their_own(made: list[list[Record]]) -> None:
    events = [event for log in made for record in log if (event := sound(record))]
    assert 580 <= sum(len(record.value) for log in made for record in log) / EVENTS <= 640
    assert len({event["messageId"] for event in events}) == len(events)


def test_visits_have_seven_events_with_key_events_and_pages(made: list[list[Record]]) -> None:
    """And some of them a pause that is as long as the gap, or a millisecond longer."""
    last_ms: dict[bytes, int] = {}
    pauses: Counter[int] = Counter()
    names: Counter[str] = Counter()
    visits = on_time = 0
    for log in made:
        for record in log:
            event = sound(record)
            if event is None or record.ms < last_ms.get(record.key, 0):
                continue
            on_time += 1
            names[event.get("event", event["type"])] += 1
            pause_ms = record.ms - last_ms.get(record.key, -GAP_MS - 1)
            visits += pause_ms > GAP_MS
            pauses[pause_ms] += 1
            last_ms[record.key] = record.ms
    assert 6 < on_time / visits < 8
    assert pauses[GAP_MS] > 20
    assert pauses[GAP_MS + 1] > 20
    for name in ("page", "screen", "Product Added", "Product Shared", "Checkout Started", "Order Completed"):
        assert names[name] > 200, names


def test_users_register_first_of_all(made: list[list[Record]]) -> None:
    seen: set[str] = set()
    for log in made:
        for record in log[:-1]:
            event = sound(record)
            if event is not None and "userId" in event:
                assert event["type"] == "identify" or event["userId"] in seen
                seen.add(event["userId"])


def test_who_comes_is_drawn_by_zipfs_law(made: list[list[Record]]) -> None:
    """1/rank over 200,000: the first thousand have 58 % of the visits, less what nobody can do at once."""

    def share_of_first_thousand(log: list[list[Record]]) -> float:
        keys = Counter(record.key for records in log for record in records)
        return sum(count for _, count in keys.most_common(1_000)) / EVENTS

    assert 0.48 < share_of_first_thousand(made) < 0.62
    assert share_of_first_thousand(logs(generate(EVENTS, seed=7, rate=RATE, zipf=0))) < 0.4


def test_each_partition_ends_days_later(made: list[list[Record]]) -> None:
    keys = defaultdict(int)
    for log in made:
        assert log[-1].ms > max(record.ms for record in log[:-1]) + 2 * 24 * HOUR_MS
        assert sound(log[-1])
        for record in log:
            keys[record.key] += 1
    assert all(keys[log[-1].key] == 1 for log in made)


def test_a_seed_means_the_same_bytes_and_another_seed_others(made: list[list[Record]]) -> None:
    assert logs(generate(EVENTS, seed=7, rate=RATE)) == made
    assert logs(generate(5_000, seed=8)) != logs(generate(5_000, seed=7))


def test_a_shorter_input_is_a_prefix_of_a_longer_one(made: list[list[Record]]) -> None:
    for short, long in zip(logs(generate(50_000, seed=7, rate=RATE)), made, strict=True):
        assert short[:-1] == long[: len(short) - 1]


def test_at_a_higher_rate_the_same_events_are_sooner_over() -> None:
    """Even where there are too few persons for it: their visits run into each other, in order."""
    start_ms = 1_800_000_000_000
    for log in logs(generate(20_000, persons=1_000, start_ms=start_ms, rate=864)):
        times = [record.ms for record in log[:-1] if record.ms >= start_ms]
        # A second of arrivals, and what their visits go on for.
        assert start_ms <= times[0] < start_ms + 10_000
        assert times[-1] < start_ms + 3 * HOUR_MS
        assert times == sorted(times)


def test_the_cache_gives_what_was_generated(tmp_path: Path) -> None:
    first = logs(cached(30_000, seed=3, partitions=3, folder=tmp_path), 3)
    (file,) = tmp_path.iterdir()
    assert logs(cached(30_000, seed=3, partitions=3, folder=tmp_path), 3) == first
    assert logs(generate(30_000, seed=3, partitions=3), 3) == first
    assert [*tmp_path.iterdir()] == [file]


def test_an_input_needs_more_events_than_partitions() -> None:
    with pytest.raises(ValueError, match="8 of them close the 8 partitions"):
        next(generate(8))
