"""What is an event, and why not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core import events
from stream.core.events import Invalid, entry_of, read

SOUND: dict[str, Any] = {
    "messageId": "m1",
    "type": "track",
    "userId": "u1",
    "event": "Order Completed",
    "timestamp": "2026-03-29T00:30:00Z",
}


def reason_of(value: bytes | None) -> str:
    with pytest.raises(Invalid) as caught:
        read(value)
    return caught.value.reason


def changed(**fields: Any) -> bytes:
    return json.dumps({**SOUND, **fields}).encode()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b" " * (256 * 1024 + 1), "too_large"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"a":"\xff"}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_object"),
        (b"null", "not_object"),
        (changed(messageId=None), "missing_field"),
        (changed(type=None), "missing_field"),
        (changed(timestamp=None), "missing_field"),
        (changed(event=None), "missing_field"),
        (changed(messageId=5), "bad_type"),
        (changed(messageId=""), "bad_type"),
        (changed(messageId="x" * 201), "bad_type"),
        (changed(type="click"), "bad_type"),
        (changed(event=5), "bad_type"),
        (changed(userId=5), "bad_type"),
        (changed(anonymousId=[]), "bad_type"),
        (changed(context="web"), "bad_type"),
        (changed(context={"campaign": "spring"}), "bad_type"),
        (changed(context={"campaign": {"medium": 1}}), "bad_type"),
        (changed(context={"channel": 1}), "bad_type"),
        (changed(timestamp="yesterday"), "bad_time"),
        (changed(timestamp="2026-03-29T00:30:00"), "bad_time"),
        (changed(timestamp=1.5), "bad_time"),
        (changed(timestamp=True), "bad_time"),
        (changed(timestamp=10**18), "bad_time"),
        (changed(timestamp={}), "bad_time"),
        (changed(userId=None), "no_person"),
        (changed(userId=""), "no_person"),
        (changed(userId=None, anonymousId=""), "no_person"),
        (changed(anonymousId=""), "no_person"),
        (changed(userId="anonymous:7"), "no_person"),
        (changed(messageId=None, type="click", timestamp="x"), "missing_field"),
        (changed(type="click", timestamp="x", userId=""), "bad_type"),
        (changed(timestamp="x", userId=""), "bad_time"),
    ],
)
def test_the_first_broken_rule_is_the_reason(value: bytes | None, reason: str) -> None:
    assert reason_of(value) == reason


def test_the_sentence_names_the_field_and_what_it_got() -> None:
    with pytest.raises(Invalid, match=r"context\.channel: expected a string, got 7"):
        read(changed(context={"channel": 7}))


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "page", "event": 5},
        {"type": "group", "event": None},
        {"previousId": 5},
        {"properties": 5, "traits": [], "receivedAt": {}},
        {"properties": {"path": 5}, "context": {"page": "x", "experiments": 5}},
        {"event": ""},
        {"timestamp": 0},
        {"timestamp": -1},
        {"messageId": "x" * 200},
        {"context": {"campaign": {}}},
        {"anonymousId": "a", "context": None},
    ],
)
def test_what_an_event_does_not_use_may_be_odd(fields: dict[str, Any]) -> None:
    _, _, person = read(changed(**fields))
    assert person == "u1"


def test_a_person_without_user_id_is_anonymous() -> None:
    assert read(changed(userId=None, anonymousId="a"))[2] == "anonymous:a"


def test_of_a_repeated_field_the_last_counts() -> None:
    assert read(b'{"userId":5,' + changed()[1:])[2] == "u1"


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["track", "page", "screen", "identify", "alias", "group"])},
        optional={
            "anonymousId": st.text(max_size=3),
            "userId": st.text(max_size=3) | st.just("anonymous:7"),
            "event": st.text(max_size=3),
            "messageId": st.text(min_size=199, max_size=201),
            "timestamp": st.sampled_from(["2026-03-29T00:30:00.1239Z", "2026-03-29T00:30", 0, 10**15]),
            "properties": st.fixed_dictionaries({}, optional={"path": st.text(max_size=3)}),
            "context": st.fixed_dictionaries(
                {},
                optional={
                    "channel": st.none() | st.text(max_size=3),
                    "page": st.fixed_dictionaries({}, optional={"path": st.none() | st.text(max_size=3)}),
                    "campaign": st.fixed_dictionaries({}, optional={"name": st.text(max_size=3)}),
                },
            ),
        },
    )
)
def test_an_event_reads_the_same_whichever_way_it_is_read(fields: dict[str, Any]) -> None:
    value = changed(**fields)
    field_by_field = b'{"userId":5,' + value[1:]  # what the typed decoder refuses
    assert found_in(value) == found_in(field_by_field)


def found_in(value: bytes) -> object:
    try:
        wire, t, person = read(value)
    except Invalid as invalid:
        return invalid.reason, invalid.message
    return wire.type, wire.message_id, wire.user_id, wire.anonymous_id, t, person, entry_of(wire)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "messageId",
        "type",
        "userId",
        "anonymousId",
        "event",
        "timestamp",
        "context",
        "properties",
        "previousId",
    ]
)


def outcome(value: bytes) -> str:
    try:
        read(value)
    except Invalid as invalid:
        return invalid.reason
    return "event"


@given(st.binary() | ANY_JSON.map(json.dumps).map(str.encode))
def test_arbitrary_bytes_are_an_event_or_refused(value: bytes) -> None:
    assert outcome(value) in {"not_json", "not_object", "missing_field"}


@given(st.dictionaries(FIELDS, ANY_JSON))
def test_a_sound_event_with_arbitrary_fields_is_an_event_or_refused(fields: dict[str, Any]) -> None:
    refusals = {"not_json", "missing_field", "bad_type", "bad_time", "no_person"}
    assert outcome(changed(**fields)) in {"event", *refusals}


@pytest.mark.parametrize("frames", [0, 300])
def test_how_deep_a_record_may_be_does_not_depend_on_the_caller(frames: int) -> None:
    def nested(levels: int) -> bytes:
        return changed()[:-1] + b',"x":' + b"[" * levels + b"]" * levels + b"}"

    def at_depth(more: int, value: bytes) -> str:
        return at_depth(more - 1, value) if more else outcome(value)

    assert at_depth(frames, nested(499)) == "event"
    assert at_depth(frames, nested(500)) == "not_json"
    assert at_depth(frames, changed(properties=["[[{{"] * 400)) == "event"


def entry_in(**context: Any) -> object:
    return entry_of(read(changed(context=context))[0])


def test_equal_entries_are_one_object_and_not_too_many_are_remembered() -> None:
    first = entry_in(channel="web", page={"path": "/a"})
    assert entry_in(channel="web", page={"path": "/a"}) is first
    for number in range(events._MOST_ENTRIES + 10):
        assert entry_in(channel="web", page={"path": f"/{number}"}) == (None, None, None, "web", f"/{number}")
    assert len(events._entries) <= events._MOST_ENTRIES
    assert entry_in(channel="web", page={"path": "/a"}) == first


def test_a_long_entry_is_not_remembered() -> None:
    path = "/" + "x" * events.LONG_ENTRY
    assert entry_in(page={"path": path}) == (None, None, None, None, path)
    assert (None, None, None, None, path) not in events._entries
