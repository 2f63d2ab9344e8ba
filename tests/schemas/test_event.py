"""The input's schema and the reader agree on what an event is, but for what no schema of a value can say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator

from stream.core.events import Invalid, read
from stream.core.times import EARLIEST, LATEST
from stream.schemas.event import event_schema
from tests.schemas.logs import simulated_events

SCHEMA = event_schema()
VALIDATORS: list[Validator] = [Draft202012Validator(SCHEMA), Draft7Validator(SCHEMA)]
SOUND: dict[str, Any] = {
    "messageId": "m1",
    "type": "track",
    "event": "Order Completed",
    "userId": "ada",
    "timestamp": "2026-01-01T09:00:00Z",
}


def accepted(event: object) -> bool:
    """By the schema, in both dialects alike."""
    (verdict,) = {validator.is_valid(event) for validator in VALIDATORS}
    return bool(verdict)


def refused(event: object) -> str | None:
    """By the reader: the reason, or None for an event."""
    try:
        read(json.dumps(event).encode())
    except Invalid as invalid:
        return invalid.reason
    return None


def beyond_schema(event: object, reason: str | None) -> bool:
    """Whether the reader's verdict rests on what BEYOND_SCHEMA lists: nothing else may tell them apart."""
    t = event.get("timestamp") if isinstance(event, dict) else None
    if reason == "bad_time" and isinstance(t, float) and t.is_integer():
        return True
    on_the_edge = isinstance(t, str) and t.startswith(("0001-01-01", "9999-12-31"))
    return reason == "bad_time" and on_the_edge


def test_schema_is_valid_2020_12() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_all_events_of_the_simulator(tmp_path: Path) -> None:
    verdicts = set()
    for value in simulated_events(tmp_path):
        try:
            event = json.loads(value)
        except ValueError:
            assert refused_bytes(value) == "not_json"
            continue
        # How large a record is, a schema cannot say.
        assert accepted(event) == (refused(event) in (None, "too_large")), event
        verdicts.add(accepted(event))
    assert verdicts == {True, False}


def refused_bytes(value: bytes) -> str | None:
    try:
        read(value)
    except Invalid as invalid:
        return invalid.reason
    return None


@pytest.mark.parametrize(
    "change",
    [
        {"messageId": "x" * 200},
        {"messageId": "\N{GRINNING FACE}" * 200},
        {"event": ""},
        {"type": "page", "event": 17},
        {"userId": None, "anonymousId": "a"},
        {"userId": "Anonymous:a"},
        {"anonymousId": "anonymous:a"},
        {"context": None},
        {"context": {"campaign": None, "channel": None, "page": 17, "experiments": 17}},
        {"context": {"campaign": {"name": None, "term": 17}}},
        {"properties": 17, "traits": [], "receivedAt": {}},
        {"previousId": 17},
        {"type": "alias", "previousId": None},
        {"timestamp": EARLIEST},
        {"timestamp": LATEST},
        {"timestamp": "2024-02-29t23:59:59.9999999+08"},
        {"timestamp": "2000-02-29 00:00-0930"},
        {"timestamp": "2026-12-31T23:59:59,5z"},
        {"unknown": {"anything": [None]}},
    ],
)
def test_both_accept(change: dict[str, object]) -> None:
    assert refused(SOUND | change) is None
    assert accepted(SOUND | change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"messageId": None}, "missing_field"),
        ({"messageId": ""}, "bad_type"),
        ({"messageId": "x" * 201}, "bad_type"),
        ({"messageId": 17}, "bad_type"),
        ({"type": None}, "missing_field"),
        ({"type": "Track"}, "bad_type"),
        ({"event": None}, "missing_field"),
        ({"event": 17}, "bad_type"),
        ({"userId": None}, "no_person"),
        ({"userId": ""}, "no_person"),
        ({"userId": "anonymous:a"}, "no_person"),
        ({"userId": 17}, "bad_type"),
        ({"anonymousId": ""}, "no_person"),
        ({"anonymousId": []}, "bad_type"),
        ({"type": "alias", "previousId": 17}, "bad_type"),
        ({"context": []}, "bad_type"),
        ({"context": {"channel": 17}}, "bad_type"),
        ({"context": {"campaign": "January"}}, "bad_type"),
        ({"context": {"campaign": {"medium": 17}}}, "bad_type"),
        ({"timestamp": None}, "missing_field"),
        ({"timestamp": True}, "bad_time"),
        ({"timestamp": 1.5}, "bad_time"),
        ({"timestamp": EARLIEST - 1}, "bad_time"),
        ({"timestamp": LATEST + 1}, "bad_time"),
        ({"timestamp": "2026-01-01"}, "bad_time"),
        ({"timestamp": "2026-01-01T09:00:00"}, "bad_time"),
        ({"timestamp": "2026-01-01T09:00:00Z\n"}, "bad_time"),
        ({"timestamp": "2026-02-29T09:00:00Z"}, "bad_time"),
        ({"timestamp": "1900-02-29T09:00:00Z"}, "bad_time"),
        ({"timestamp": "2026-04-31T09:00:00Z"}, "bad_time"),
        ({"timestamp": "0000-01-01T09:00:00Z"}, "bad_time"),
        ({"timestamp": "2026-01-01T24:00:00Z"}, "bad_time"),
        ({"timestamp": "2026-01-01T09:00:60Z"}, "bad_time"),
        ({"timestamp": "2026-01-01T09:00.5Z"}, "bad_time"),
        ({"timestamp": "2026-01-01T09:00:00+24:00"}, "bad_time"),
        ({"timestamp": "2026-01-01T09:00:00+08:60"}, "bad_time"),
        ({"timestamp": "2026-W01-1T09:00:00Z"}, "bad_time"),
        ({"timestamp": "２０26-01-01T09:00:00Z"}, "bad_time"),
    ],
)
def test_both_refuse(change: dict[str, object], reason: str) -> None:
    assert refused(SOUND | change) == reason
    assert not accepted(SOUND | change)


@pytest.mark.parametrize(
    "timestamp", [1767258000000.0, "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"]
)
def test_only_the_reader_refuses(timestamp: object) -> None:
    event = SOUND | {"timestamp": timestamp}
    assert refused(event) == "bad_time"
    assert accepted(event)
    assert beyond_schema(event, "bad_time")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ANYTHING = st.recursive(
    SCALARS | TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
IDS = TEXT | st.sampled_from(["ada", "", "anonymous:a", "anonymous", "x" * 200, "x" * 201]) | ANYTHING
TIMES = (
    st.datetimes().map(lambda t: t.isoformat() + "Z")
    | st.from_regex(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9](:[0-6][0-9])?([.,][0-9]{1,9})?"
        r"([Zz]|[+-][0-2][0-9](:?[0-6][0-9])?)?\n?",
        fullmatch=True,
    )
    | st.integers(EARLIEST - 2, LATEST + 2)
    | ANYTHING
)
CAMPAIGNS = st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "source", "medium"), TEXT | SCALARS))
CONTEXTS = st.fixed_dictionaries(
    {}, optional={"campaign": CAMPAIGNS | ANYTHING, "channel": TEXT | SCALARS, "page": ANYTHING}
)
KINDS = st.sampled_from(["track", "page", "screen", "identify", "alias", "group", "Track", ""])
EVENTS = st.fixed_dictionaries(
    {"messageId": st.just("m") | IDS, "type": KINDS | ANYTHING, "timestamp": TIMES},
    optional={
        "userId": IDS,
        "anonymousId": IDS,
        "event": TEXT | ANYTHING,
        "previousId": IDS,
        "context": CONTEXTS | ANYTHING,
        "properties": ANYTHING,
        "traits": ANYTHING,
        "receivedAt": TIMES,
    },
)
CHANGES = st.sampled_from(sorted(set(SOUND) | {"anonymousId", "previousId", "context"}))


@settings(max_examples=300, deadline=None)
@given(EVENTS | st.dictionaries(TEXT, ANYTHING, max_size=4))
@example({})
def test_schema_and_reader_agree(event: dict[str, Any]) -> None:
    reason = refused(event)
    assert accepted(event) == (reason is None) or beyond_schema(event, reason), reason


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_schema_and_reader_agree_on_sound_events_with_one_change(data: st.DataObject) -> None:
    given_events = data.draw(EVENTS)
    name = data.draw(CHANGES)
    event = {**SOUND, name: given_events.get(name)}
    reason = refused(event)
    assert accepted(event) == (reason is None) or beyond_schema(event, reason), reason
