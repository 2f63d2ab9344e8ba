"""Delivery's faults: as many as asked for, each of its kind, none changing another."""

from __future__ import annotations

import pytest

from stream.core.events import Invalid, read
from stream.core.records import DeadReason
from stream.simulate.delivery import LATENESS_MS, Delivery, Faults
from stream.simulate.product import Product
from stream.simulate.scribe import Record
from tests.simulate.shop import simulated

SHOP = Product(users=400)
DAYS = 20


@pytest.fixture(scope="module")
def sound() -> list[Record]:
    return simulated(SHOP, days=DAYS)


def lateness(records: list[Record]) -> list[int]:
    """How far each record's time lies before the newest so far, in ms."""
    newest, behind = 0, []
    for time_ms, _, _ in records:
        newest = max(newest, time_ms)
        behind.append(newest - time_ms)
    return behind


def reason(value: bytes | None) -> DeadReason | None:
    try:
        read(value)
    except Invalid as invalid:
        return invalid.reason
    return None


def test_without_faults_nothing_changes(sound: list[Record]) -> None:
    assert simulated(SHOP, days=DAYS, faults=Faults()) == sound


def test_late_events_are_later_than_the_lateness_and_as_many_as_asked(sound: list[Record]) -> None:
    records = simulated(SHOP, days=DAYS, faults=Faults(late=0.05))
    late = [behind for behind in lateness(records) if behind > LATENESS_MS]
    assert len(records) == len(sound)
    assert len(late) / len(records) == pytest.approx(0.05, rel=0.15)


def test_disorder_stays_within_the_lateness() -> None:
    records = simulated(SHOP, days=DAYS, faults=Faults(disorder=0.2))
    behind = lateness(records)
    assert max(behind) < LATENESS_MS
    # A held event overtaken by nothing is still in order: a quiet night hides some.
    assert 0.05 < sum(ms > 0 for ms in behind) / len(records) < 0.21


def test_a_held_event_says_when_it_was_received(sound: list[Record]) -> None:
    times = {value for _, _, value in sound}
    moved = [r for r in simulated(SHOP, days=DAYS, faults=Faults(disorder=0.1)) if r[2] not in times]
    assert len(moved) / len(sound) == pytest.approx(0.1, rel=0.15)
    for time_ms, _, value in moved:
        assert value is not None
        assert read(value)[1] == time_ms


def test_duplicates_are_equal_and_within_the_lateness(sound: list[Record]) -> None:
    records = simulated(SHOP, days=DAYS, faults=Faults(duplicates=0.1))
    assert sorted(set(records)) == sorted(sound)
    assert (len(records) - len(sound)) / len(records) == pytest.approx(0.1, rel=0.15)
    assert max(lateness(records)) < LATENESS_MS


def test_bad_records_are_dead_letters_besides_the_events(sound: list[Record]) -> None:
    records = simulated(SHOP, days=DAYS, faults=Faults(bad=0.2))
    good = set(sound)
    bad = [record for record in records if record not in good]
    assert len(bad) / len(records) == pytest.approx(0.2, rel=0.1)
    assert [record for record in records if record in good] == sound
    # `future` is only a reader's finding who has a clock.
    reasons = {reason(value) for _, _, value in bad}
    assert reasons == {
        None,
        "not_json",
        "not_object",
        "missing_field",
        "bad_type",
        "bad_time",
        "no_person",
        "too_large",
    }
    assert all(b"2999-12-31" in (value or b"") for _, _, value in bad if reason(value) is None)
    assert not any(b"\n" in (value or b"") for _, _, value in bad)


def test_all_faults_together_keep_their_shares(sound: list[Record]) -> None:
    faults = Faults(late=0.02, disorder=0.1, duplicates=0.05, bad=0.05)
    records = simulated(SHOP, days=DAYS, faults=faults)
    bad = sum(reason(value) is not None or b"2999-" in (value or b"") for _, _, value in records)
    assert bad / len(records) == pytest.approx(0.05, rel=0.15)
    assert (len(records) - bad - len(sound)) / len(records) == pytest.approx(0.05, rel=0.15)


def test_one_fault_more_leaves_the_others_where_they_were() -> None:
    plain = simulated(SHOP, days=3, faults=Faults(late=0.05, duplicates=0.05))
    more = simulated(SHOP, days=3, faults=Faults(late=0.05, duplicates=0.05, disorder=0.05, bad=0.02))
    late = {value for _, _, value in plain} - {value for _, _, value in simulated(SHOP, days=3)}
    assert len(late) > 50
    assert late <= {value for _, _, value in more}


def test_only_topics_get_tombstones_and_wrong_keys(sound: list[Record]) -> None:
    slices = [(0, sound)]
    delivered = [
        record
        for _, records in Delivery(Faults(bad=0.3), seed=1, to_topic=True).deliver(slices)
        for record in records
    ]
    assert any(value is None for _, _, value in delivered)
    assert any(key == b"somebody-else" for _, key, _ in delivered)


@pytest.mark.parametrize("faults", [Faults(late=0.6, disorder=0.5), Faults(duplicates=0.5, bad=0.5)])
def test_shares_that_leave_no_room_are_refused(faults: Faults) -> None:
    with pytest.raises(ValueError, match="together"):
        Delivery(faults, seed=1, to_topic=False)
