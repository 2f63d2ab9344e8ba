"""Records as they are written."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core import records
from stream.core.activity import Activity, Vocabulary
from stream.core.definition import DAY, Definition, KeyEvent
from stream.core.profile import Visit
from stream.core.publishing import Publisher

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
