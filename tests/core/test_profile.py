"""Profiles on disk: small, versioned, and read back as they were."""

import json
from random import Random
from uuid import UUID

import msgspec
import pytest

from stream.core.definition import DAY, MINUTE, Definition
from stream.core.partition import Partition
from stream.core.profile import (
    ACTIVE,
    FLAGS,
    HIBERNATING,
    READERS,
    VERSION,
    Profile,
    Visit,
    decode,
    decode_progress,
    encode,
)
from stream.core.visits import MAX_DETAILED

BUSY = Profile(
    state=ACTIVE,
    tier=2,
    k=7,
    registered=20000,
    registration=(1, "m"),
    last=5,
    engaged={20001: 2},
    counts={20001: {0: 3}},
    open=[Visit(1, 5, 20001, 3, ("c", None, "email", "web", "/"), True, 2, 1, {20001: {1: 1}}, {1: 9.5})],
    recent=[(1, "m", 0, ("c", None, "email", "web", "/"), None, 7), (5, "n", 1, None, (9.5,), -1)],
    aliases=("anonymous:a",),
    touched={7: None, 8: {0: 2}},
)


def test_a_profile_reads_back() -> None:
    assert decode(encode(BUSY)) == BUSY


def test_a_hibernating_person_takes_at_most_60_bytes_and_wakes_whole() -> None:
    sleeper = Profile(
        state=HIBERNATING,
        k=2**31,
        registered=20_700,
        imported=True,
        was_active=True,
        was_engaged=True,
        reborn=True,
        last_day=20_600,
        lifecycle_day=20_700,
        tier_day=20_650,
        visits=10**6,
    )
    assert len(encode(sleeper)) <= 60
    assert decode(encode(sleeper)) == sleeper
    assert all(hasattr(sleeper, flag) for flag in FLAGS)


def test_a_newer_version_is_refused_with_what_to_do() -> None:
    data = bytes((VERSION + 1,)) + encode(BUSY)[1:]
    with pytest.raises(ValueError, match=f"version {VERSION + 1}, newer than {VERSION}: run the Footfall"):
        decode(data)
    with pytest.raises(ValueError, match="newer than"):
        decode_progress(data)


def test_fields_added_since_are_filled_in() -> None:
    fields = msgspec.msgpack.decode(encode(BUSY)[1:])
    after_until = Profile.__struct_fields__.index("until") + 1
    older = bytes((VERSION,)) + msgspec.msgpack.encode(fields[:after_until])
    assert decode(older) == msgspec.structs.replace(BUSY, aliases=(), touched=None)


def test_every_released_version_has_a_reader() -> None:
    assert {version & 0x3F for version in READERS} == set(range(1, VERSION + 1))


def test_a_visit_of_100_000_events_stays_under_8_kib_beside_the_ids_inside_the_lateness() -> None:
    partition = Partition(Definition())
    step = DAY // 100_000
    ids = [str(UUID(int=random.getrandbits(128))) for random in [Random(1)] for _ in range(100_000)]
    events = [
        json.dumps(
            {
                "messageId": message_id,
                "type": "page",
                "userId": "u1",
                "timestamp": n * step,
                "context": {"channel": "web", "page": {"path": f"/products/{n % 977}"}},
            }
        ).encode()
        for n, message_id in enumerate(ids)
    ]
    partition.process(events, keys=None, offsets=range(len(events)), arrived_ms=None)
    sizes = {key: len(value or b"") for key, value in partition.take_changes()}
    assert partition.counts.applied == 100_000
    assert partition.counts.visits == 0
    inside = 10 * MINUTE // step + MAX_DETAILED
    assert sizes[b"u1"] < 8 * 1024 + inside * 36


def test_a_large_profile_reads_back() -> None:
    large = msgspec.structs.replace(BUSY, recent=[(n, f"m{n}", 0, None, None, n) for n in range(2000)])
    assert decode(encode(large)) == large
