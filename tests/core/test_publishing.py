"""Records as they are written."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from stream.admin.topics import CARRIER_BYTES
from stream.core import publishing, records
from stream.core.activity import Activity, Vocabulary
from stream.core.definition import DAY, TIERS, Definition, KeyEvent
from stream.core.events import MAX_BYTES, Invalid
from stream.core.lifecycle import Change
from stream.core.profile import STATES, Visit
from stream.core.publishing import BEGINNING, WHOLE_KEY, WHOLE_VALUE, Publisher, Source
from stream.core.times import format_ms

NAMES = ["Order Completed", 'A "quoted" näme', "@visit"]
TEXT = st.none() | st.text(max_size=8)
VISITS = st.builds(
    Visit,
    start=st.integers(0, 10**13),
    last=st.just(0),
    day=st.integers(0, 30_000),
    nth=st.just(1),
    entry=st.none() | st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT),
    passive=st.booleans(),
    events=st.integers(1, 10**6),
    pages=st.integers(0, 10**6),
    hits=st.dictionaries(
        st.integers(0, 30_000), st.dictionaries(st.integers(0, 2), st.integers(1, 9), min_size=1), max_size=2
    ),
    amounts=st.dictionaries(st.integers(0, 2), st.floats(-1e15, 1e15) | st.integers(-(10**15), 10**15)),
)


def publisher(weight: float) -> Publisher:
    definition = Definition(key_events=tuple(KeyEvent(name, weight) for name in NAMES))
    return Publisher(definition, Activity(definition, Vocabulary()))


@given(visit=VISITS, duration_ms=st.integers(0, DAY), person=st.text(min_size=1), bounce=st.booleans())
@pytest.mark.parametrize("weight", [2, 0.1])
def test_a_visit_is_written_as_its_struct_would_be(
    visit: Visit, duration_ms: int, person: str, bounce: bool, weight: float
) -> None:
    visit.last = visit.start + duration_ms
    written = publisher(weight)
    written.visit(person, visit, bounce=bounce)
    [output] = written.outputs
    record = msgspec.json.decode(output.value, type=records.Visit)
    assert (record.visit_id, record.person) == (f"{person}@{visit.start}", person)
    assert (record.engaged, record.bounce, record.passive) == (bool(visit.hits), bounce, visit.passive)
    assert record.duration_s == duration_ms / 1000
    assert (record.events, record.pages) == (visit.events, visit.pages)
    assert msgspec.json.decode(records.encode(record)) == msgspec.json.decode(output.value)
    assert list(msgspec.json.decode(output.value)) == list(msgspec.json.decode(records.encode(record)))


CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.tuples(
        st.just("lifecycle"),
        st.none() | st.sampled_from(STATES),
        st.sampled_from(STATES),
        st.sampled_from(["registered", "activated", "lapsed", "returned", "deleted"]),
        st.none() | st.integers(-400, 30_000),
    ),
    st.tuples(
        st.just("tier"),
        st.sampled_from(TIERS),
        st.sampled_from(TIERS),
        st.sampled_from(["tier_up", "tier_down"]),
        st.integers(-400, 30_000),
    ),
)


@given(
    changes=st.lists(CHANGES, min_size=1, max_size=4),
    k=st.integers(4, 10**6),
    person=st.text(min_size=1),
    cause=st.text(min_size=1),
    at=st.integers(-(10**13), 10**13),
    tier=st.integers(0, 3),
    engaged_visits=st.integers(0, 10**4),
)
def test_transitions_are_written_as_their_structs_would_be(
    changes: list[Change], k: int, person: str, cause: str, at: int, tier: int, engaged_visits: int
) -> None:
    written = publisher(2)
    written.transitions(person, changes, k=k, at=at, cause=cause, tier=tier, engaged_visits=engaged_visits)
    expected = [
        records.encode(
            records.Transition(
                definition=Definition(key_events=tuple(KeyEvent(name, 2) for name in NAMES)).hash(),
                transition_id=f"{person}#{k - len(changes) + i}",
                person=person,
                kind=kind,
                from_=before,
                to=after,
                reason=reason,
                at=format_ms(at),
                cause=cause,
                tier=TIERS[tier],
                engaged_visits=engaged_visits,
                days_in_previous=days,
            )
        )
        for i, (kind, before, after, reason, days) in enumerate(changes, 1)
    ]
    assert written.outputs == [("transitions", person.encode(), value) for value in expected]


def dead_letter(key: bytes | None, value: bytes | None) -> tuple[bytes | None, bytes, records.DeadLetter]:
    """Key and JSON of the dead letter of a record, and what it reads as."""
    written = publisher(1)
    written.dead_letter(Source("app-events", 3, 7, key, value), Invalid("not_json", "not JSON"))
    [output] = written.outputs
    return output.key, output.value, msgspec.json.decode(output.value, type=records.DeadLetter)


def carried(text: str | None, base64: str | None) -> bytes | None:
    assert text is None or base64 is None
    return b64decode(base64) if base64 is not None else text.encode() if text is not None else None


RECORDS = [
    pytest.param(None, None, id="nothing"),
    pytest.param(b"", b"", id="empty"),
    pytest.param(b"ada", b'{"a":', id="text"),
    pytest.param(b"\xff\xfe", b'{"a":"\xe9"}', id="no UTF-8"),
    pytest.param(b"ada", "é".encode() * 300_000, id="much text"),
    pytest.param(b"\0", b"\x01" * 300_000, id="much that JSON escapes"),
    pytest.param(b"\xff" * WHOLE_KEY, b"\0" * WHOLE_VALUE, id="all that is carried"),
]


@pytest.mark.parametrize(("key", "value"), RECORDS)
def test_a_dead_letter_has_the_original_bytes(key: bytes | None, value: bytes | None) -> None:
    own_key, _, letter = dead_letter(key, value)
    assert own_key == key
    assert carried(letter.key, letter.key_base64) == key
    assert carried(letter.value, letter.value_base64) == value
    assert letter.truncated is UNSET


def test_much_text_is_left_readable_unless_base64_is_shorter() -> None:
    assert dead_letter(None, b'{"text":"a \\"quoted\\" one"' * 10_000)[2].value_base64 is None
    assert dead_letter(None, b"\0" * 10_000)[2].value_base64 is None
    assert dead_letter(None, b"\0" * 100_000)[2].value is None


@pytest.mark.parametrize("filler", [b"\0", b"\xff", b'"', "é".encode(), b"x"])
@pytest.mark.parametrize("size", [WHOLE_VALUE, WHOLE_VALUE + 2, 10_000_000])
def test_a_dead_letter_fits_its_topic_however_large_the_record(filler: bytes, size: int) -> None:
    key, value = (filler * size)[: size // 16], (filler * size)[:size]
    own_key, encoded, _ = dead_letter(key, value)
    assert len(own_key or b"") + len(encoded) < CARRIER_BYTES * 3 / 4


def test_of_what_is_too_large_to_be_carried_there_is_the_beginning_and_what_to_know_it_by() -> None:
    value = "aé".encode() * 3_500_001  # cut within a character
    _, encoded, letter = dead_letter(b"ada", value)
    assert len(encoded) < 10_000
    assert (letter.topic, letter.partition, letter.offset, letter.key) == ("app-events", 3, 7, "ada")
    assert letter.value is not None
    assert value.startswith(letter.value.encode())
    assert BEGINNING - 4 < len(letter.value.encode()) <= BEGINNING
    assert letter.truncated == records.Truncated(
        3, sha256(b"ada").hexdigest(), len(value), sha256(value).hexdigest()
    )


def test_a_key_that_is_too_large_is_cut_where_it_stands_twice() -> None:
    key = b"\xff" * (WHOLE_KEY + 1)
    own_key, _, letter = dead_letter(key, None)
    assert own_key == carried(letter.key, letter.key_base64) == key[:BEGINNING]
    assert letter.truncated == records.Truncated(len(key), sha256(key).hexdigest(), None, None)


def test_a_long_sentence_is_cut() -> None:
    written = publisher(1)
    source = Source("app-events", 3, 7, b"", b"")
    written.dead_letter(source, Invalid("wrong_key", "key: expected " + "x" * 200_000))
    letter = msgspec.json.decode(written.outputs[0].value, type=records.DeadLetter)
    assert letter.message == "key: expected " + "x" * 983 + "..."


def test_a_late_event_with_a_huge_key_fits_its_topic() -> None:
    written = publisher(1)
    value = b'{"messageId":"m"}'.ljust(MAX_BYTES)
    written.late(
        Source("app-events", 3, 7, b"\xff" * 10_000_000, value), message_id="m", person="p", t=0, watermark=1
    )
    [output] = written.outputs
    late = msgspec.json.decode(output.value, type=records.Late)
    assert late.value.encode() == value
    assert output.key == b"\xff" * BEGINNING
    assert len(output.value) < CARRIER_BYTES


def test_a_visit_with_a_long_entry_is_written_whole_and_the_entry_not_remembered() -> None:
    path = "/" + "x" * 5_000
    writer = publisher(1)
    writer.visit("p", Visit(0, 1_000, 0, 1, (None, None, None, "web", path), False, 1, 1), bounce=True)
    written = msgspec.json.decode(writer.outputs[0].value)
    assert written["entry"] == {"campaign": None, "channel": "web", "page": path}
    assert all(path not in entry for entry in publishing._entries)
