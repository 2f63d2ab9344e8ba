"""The oracle on records that are no events, and on the order of the checks (SPEC 1 and 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from stream.core.definition import DAY, HOUR, Definition
from tests import reference
from tests.reference import LogRecord, Result
from tests.reference.logs import track
from tests.reference.replay import murmur2

START = 1_704_103_200_000  # 2024-01-01T10:00:00Z


def run(log: Sequence[LogRecord], *, until: int | None = None, **settings: Any) -> Result:
    return reference.run(Definition(**settings), list(log), until)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"messageId": None}, "missing_field"),
        ({"type": None}, "missing_field"),
        ({"event": None}, "missing_field"),
        ({"timestamp": None, "type": "nonsense"}, "missing_field"),
        ({"type": "nonsense"}, "bad_type"),
        ({"type": "nonsense", "timestamp": "?"}, "bad_type"),
        ({"messageId": 7}, "bad_type"),
        ({"messageId": ""}, "bad_type"),
        ({"messageId": "x" * 201}, "bad_type"),
        ({"userId": 7}, "bad_type"),
        ({"event": ["x"]}, "bad_type"),
        ({"context": []}, "bad_type"),
        ({"context": {"campaign": "spring"}}, "bad_type"),
        ({"context": {"campaign": {"medium": 1}}}, "bad_type"),
        ({"context": {"channel": {}}}, "bad_type"),
        ({"type": "alias", "previousId": 5}, "bad_type"),
        ({"timestamp": "yesterday", "userId": None}, "bad_time"),
        ({"timestamp": "2024-01-01T10:00:00"}, "bad_time"),
        ({"timestamp": "2024-01-01"}, "bad_time"),
        ({"timestamp": "2024-02-30T10:00:00Z"}, "bad_time"),
        ({"timestamp": "2024-01-01T24:30:00Z"}, "bad_time"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, "bad_time"),
        ({"timestamp": 1.5e12}, "bad_time"),
        ({"timestamp": True}, "bad_time"),
        ({"timestamp": 253_402_300_800_000}, "bad_time"),
        ({"userId": None}, "no_person"),
        ({"userId": ""}, "no_person"),
        ({"anonymousId": ""}, "no_person"),
        ({"userId": "", "anonymousId": "a"}, "no_person"),
        ({"userId": "anonymous:a"}, "no_person"),
        ({"receivedAt": START - HOUR - 1}, "future"),
    ],
)
def test_each_defect_of_a_record_has_its_reason(change: dict[str, Any], reason: str) -> None:
    assert run([track(**{"time": START, **_as_arguments(change)})]).destinations == [f"dead:{reason}"]


def _as_arguments(change: dict[str, Any]) -> dict[str, Any]:
    return {{"timestamp": "time", "event": "name"}.get(name, name): value for name, value in change.items()}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": "\xff"}', "not_json"),
        (b'\xef\xbb\xbf{"a": 1}', "not_json"),
        (b'{"a": "\\ud800"}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[1]", "not_object"),
        (b"null", "not_object"),
        (b" " * (256 * 1024 + 1), "too_large"),
        (b" " * (256 * 1024), "not_json"),
    ],
)
def test_each_kind_of_garbage_has_its_reason(value: bytes | None, reason: str) -> None:
    assert run([LogRecord(value)]).destinations == [f"dead:{reason}"]


@pytest.mark.parametrize(
    "change",
    [
        {"messageId": "é" * 200},
        {"event": ""},
        {"properties": 5, "traits": "x", "receivedAt": [], "context": {"experiments": 3}},
        {"type": "page", "event": 5},
        {"type": "track", "previousId": 5},
        {"timestamp": "2024-01-01T10:00:00.123456789+05:45"},
    ],
)
def test_what_is_not_used_may_be_anything(change: dict[str, Any]) -> None:
    assert run([track(**{"time": START, **_as_arguments(change)})]).destinations == ["applied"]


def test_finer_times_are_floored_before_1970_too() -> None:
    visits = run([track("1969-12-31T23:59:59.9999999Z")], until=DAY).visits
    assert [visit["visit_id"] for visit in visits] == ["u@-1"]


def test_future_is_judged_by_arrival_then_receipt_then_the_newest_event() -> None:
    def at(time: int, received: int | str | None, arrived: int | None) -> LogRecord:
        return track(time, receivedAt=received or "unknown")._replace(arrived_ms=arrived)

    assert run([at(START + HOUR, 1, START)]).destinations == ["applied"]
    assert run([at(START + HOUR + 1, START + HOUR, START)]).destinations == ["dead:future"]
    log = [at(START, None, None), at(START + DAY + 1, None, None), at(START + DAY, None, None)]
    assert run(log).destinations == ["applied", "dead:future", "applied"]
    log.insert(1, at(START + DAY, START + DAY, None))
    assert run(log).destinations == ["applied", "applied", "applied", "applied"]


def test_a_key_that_is_not_the_persons_is_wrong_unless_the_stream_is_not_keyed() -> None:
    log = [track(START)._replace(key=b"u"), track(START)._replace(key=b"v"), track(START)]
    assert run(log).destinations == ["applied", "dead:wrong_key", "dead:wrong_key"]
    assert run(log, keyed=False).destinations == ["applied"] * 3


def test_aliases_come_before_ignored_names() -> None:
    log = [track(START, "mail"), track(START, "Email Opened"), track(START, "email Opened")]
    result = run(log, aliases={"mail": "Email Delivered"}, ignore_events=("Email *",))
    assert result.destinations == ["ignored", "ignored", "applied"]


def test_kafkas_own_examples_of_murmur2() -> None:
    expected = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert {key: (murmur2(key) ^ 1 << 31) - (1 << 31) for key in expected} == expected
