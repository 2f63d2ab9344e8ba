"""What docs/decisions.md says, one small log each, through the core."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from stream.core.definition import Condition, Definition, KeyEvent, TierRule, Void
from stream.core.engagement.partials import PARTIALS
from stream.core.partition import Partition

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z, a Thursday
MINUTE = 60_000
DAY = 86_400_000

WITH_VOID = Definition(key_events=(KeyEvent("Order", 5, void=(Void("Refund"),)),))


def event(name: str | None, minute: float = 0, *, user: str | None = "ada", **fields: Any) -> dict[str, Any]:
    """A track of that name (or a page) at some minutes past noon, received at once."""
    t = NOON + round(minute * MINUTE)
    event = {"messageId": f"m{minute:g}", "type": "page" if name is None else "track", "event": name}
    return {**event, "userId": user, "timestamp": t, "receivedAt": t, **fields}


def run(
    events: Sequence[dict[str, Any]], definition: Definition | None = None, *, until: float = 0
) -> Partition:
    """The partition after a replay, its watermark moved to some days past noon."""
    partition = Partition(definition or Definition())
    values = [json.dumps(one).encode() for one in events]
    partition.process(values, keys=None, offsets=range(len(values)), arrived_ms=None)
    assert not partition.counts.late
    partition.advance(NOON + round(until * DAY))
    return partition


def taken(partition: Partition, topic: str) -> list[dict[str, Any]]:
    """The records of one topic, and the others forgotten."""
    return [json.loads(output.value) for output in partition.take_outputs() if output.topic == topic]


def changes(partition: Partition, kind: str = "lifecycle") -> list[tuple[str | None, str, str]]:
    """(from, to, reason) of the transitions of one kind."""
    transitions = taken(partition, "transitions")
    return [(one["from"], one["to"], one["reason"]) for one in transitions if one["kind"] == kind]


def reason(value: bytes) -> str | None:
    """Why one record is a dead letter; None for an event."""
    partition = Partition(Definition())
    partition.process([value], keys=None, offsets=[0], arrived_ms=None)
    return next(iter(partition.counts.dead), None)


def test_a_record_gets_the_first_reason() -> None:
    broken = {"messageId": 1, "type": "track", "timestamp": "never", "userId": ""}
    order = ["missing_field", "bad_type", "bad_time", "no_person", None]
    mended: list[dict[str, Any]] = [
        {},
        {"event": "E"},
        {"messageId": "m"},
        {"timestamp": 0},
        {"userId": "ada"},
    ]
    found = []
    for repair in mended:
        broken |= repair
        found.append(reason(json.dumps(broken).encode()))
    assert found == order


def test_future_is_a_day_after_the_newest_so_far_or_an_hour_after_receipt() -> None:
    first = event(None, receivedAt=None)
    day_later = event(None, 24 * 60, receivedAt=None)
    assert run([first, day_later]).counts.applied == 2
    too_late = event(None, 24 * 60 + 0.001, receivedAt=None)
    assert run([first, too_late]).counts.dead == {"future": 1}
    with_receipt = event(None, 24 * 60 + 0.001, receivedAt=NOON + DAY)
    assert run([first, with_receipt]).counts.applied == 2
    assert run([event(None, 61, receivedAt=NOON)]).counts.dead == {"future": 1}


def test_arrival_order_cannot_be_seen_in_a_visit() -> None:
    log = [event(None, 0), event("Order", 2), event("Refund", 4), event("Order", 6)]
    in_order = taken(run(log, WITH_VOID, until=1), "visits")
    mixed = taken(run([log[2], log[0], log[3], log[1]], WITH_VOID, until=1), "visits")
    assert in_order == mixed
    assert in_order[0]["key_events"] == {}


def test_entries_of_one_name_are_alternatives() -> None:
    gift = Condition("properties.kind", "=", "gift")
    dear = Condition("properties.total", ">", 10)
    either = Definition(key_events=(KeyEvent("Order", 5, (gift,)), KeyEvent("Order", 5, (dear,))))
    both = event("Order", properties={"kind": "gift", "total": 20})
    (visit,) = taken(run([both], either, until=1), "visits")
    assert visit["key_events"] == {"Order": 1}
    assert visit["engagement"] == 5


def test_return_stays_where_a_void_makes_the_visit_a_bounce() -> None:
    definition = Definition(key_events=(*WITH_VOID.key_events, KeyEvent("@return")))
    push = {"campaign": {"medium": "push"}}
    log = [event(None, -120), event("Order", 0, context=push), event("Refund", 1)]
    visits = taken(run(log, definition, until=1), "visits")
    assert visits[1]["key_events"] == {"@return": 1}
    assert visits[1]["bounce"]


def test_an_engaged_visit_counts_on_its_own_day_and_a_key_event_on_the_events() -> None:
    log = [event(None, 11 * 60 + 50), event("Order Completed", 12 * 60 + 10)]  # across midnight
    partition = run(log)
    explained = partition.explain("ada")
    assert explained is not None
    assert explained.engaged_days == {"2026-01-01": 1}
    assert explained.key_events["Order Completed"].days_1 == 1
    later = run(log, until=29.5)  # January 31: the visit has left the window of 30 days
    assert ("active", "silent", "lapsed") in changes(later)


def test_amounts_are_numbers_and_rounded() -> None:
    definition = Definition(key_events=(KeyEvent("Order", value="properties.total"),))
    totals = [0.1, 0.2, "9", True, None]
    log = [event("Order", minute, properties={"total": total}) for minute, total in enumerate(totals)]
    assert taken(run(log, definition, until=1), "visits")[0]["value"] == 0.3


def test_never_engaged_is_for_ever() -> None:
    assert changes(run([event("Order"), event("Refund", 5)], WITH_VOID)) == [
        (None, "new", "registered"),
        ("new", "active", "activated"),
        ("active", "silent", "lapsed"),
    ]


def test_states_are_not_skipped() -> None:
    rule = TierRule("low", "Order Completed", 1, 90)
    definition = Definition(tier_rules=(rule,), active_days=30, churn_days=60, hibernate_days=85)
    found = changes(run([event("Order Completed")], definition, until=90))
    assert found[-3:] == [
        ("active", "silent", "lapsed"),
        ("silent", "churned", "churned"),
        ("churned", "hibernating", "hibernated"),
    ]


def test_registration_follows_an_earlier_event() -> None:
    late_comer = event(None, 0, type="identify", traits={"createdAt": "2025-01-01"})
    partition = run([event(None, 5), late_comer])
    (person,) = partition.people()
    assert person.registered == "2025-01-01"
    assert person.imported
    assert changes(partition)[0] == (None, "new", "registered")


@pytest.mark.parametrize(
    ("created", "registered"),
    [
        ("2025-12-31T23:30:00-01:00", "2026-01-01"),
        (NOON - DAY, "2025-12-31"),
        ("2025-12-30", "2025-12-30"),
        ("2025-12-30T10:00:00", "2026-01-01"),
        ("last year", "2026-01-01"),
        (True, "2026-01-01"),
        (None, "2026-01-01"),
    ],
)
def test_created_at(created: object, registered: str) -> None:
    (person,) = run([event(None, type="identify", traits={"createdAt": created})]).people()
    assert person.registered == registered


def test_a_first_tier_counts_its_days_from_registration() -> None:
    partition = run([event(None), event("Order Completed", 3 * 24 * 60)])
    tiers = [one for one in taken(partition, "transitions") if one["kind"] == "tier"]
    assert [one["days_in_previous"] for one in tiers] == [3]


def test_a_deletion_cuts_time_in_two() -> None:
    deletion = event("Account Deleted", 5)
    before, after = event("Order Completed", 2), event(None, 7)
    partition = run([event(None), after, deletion, before], until=1)
    assert partition.counts.applied == 4
    assert changes(partition)[-2:] == [("new", "deleted", "deleted"), ("deleted", "new", "registered")]
    visits = taken(run([event(None), after, deletion, before], until=1), "visits")
    assert [visit["events"] for visit in visits] == [1]


def test_deleting_a_stranger_and_deleting_twice() -> None:
    twice = [event("Account Deleted", 0), event("Account Deleted", 1)]
    partition = run(twice)
    assert changes(partition) == [(None, "deleted", "deleted")]
    assert partition.counts.applied == 2


def test_a_deleted_prospect_is_forgotten_in_silence() -> None:
    ids = {"user": None, "anonymousId": "a"}
    partition = run([event(None, 0, **ids), event("Account Deleted", 1, **ids)], until=1)
    assert {output.topic for output in partition.take_outputs()} == {PARTIALS}


def test_a_new_life_is_never_imported() -> None:
    back = event(None, 10, type="identify", traits={"createdAt": "2020-01-01"})
    partition = run([event(None), event("Account Deleted", 5), back])
    (person,) = partition.people()
    assert person.registered == "2026-01-01"
    assert not person.imported


def test_repeats_of_an_erased_life_are_repeats() -> None:
    first = event("Order Completed", 0)
    assert run([first, event("Account Deleted", 5), first]).counts.duplicate == 1


def test_an_alias_of_a_known_user_joins_nothing() -> None:
    alias = event(None, 5, type="alias", previousId="bob")
    partition = run([event(None, 0, user="bob"), event(None, 1), alias])
    assert partition.counts.joined == 0
    assert {person.person for person in partition.people()} == {"ada", "bob"}


def test_an_anonymous_id_stays_with_the_user_it_leads_to() -> None:
    log = [
        event(None, 0, type="identify", anonymousId="shared"),
        event(None, 1, type="identify", user="bob", anonymousId="shared"),
        event("Order Completed", 2, user=None, anonymousId="shared"),
    ]
    partition = run(log)
    states = {person.person: person.state for person in partition.people()}
    assert states == {"ada": "active", "bob": "new"}


def test_visits_before_the_join_count_for_nth() -> None:
    definition = Definition(key_events=(KeyEvent("@return"),))
    log = [
        event(None, -600, user=None, anonymousId="a"),
        event(None, 0, type="identify", anonymousId="a"),
    ]
    visits = taken(run(log, definition, until=1), "visits")
    assert [visit["key_events"] for visit in visits] == [{}, {"@return": 1}]


def test_who_takes_over_a_prospect_comes_from_prospect() -> None:
    log = [event(None, 0, user=None, anonymousId="a"), event(None, 1, type="identify", anonymousId="a")]
    assert changes(run(log)) == [("prospect", "new", "registered")]


def test_the_entry_page() -> None:
    in_context = event(None, 0, context={"page": {"path": "/a"}}, properties={"path": "/b"})
    assert taken(run([in_context], until=1), "visits")[0]["entry"]["page"] == "/a"
    in_properties = event(None, 0, properties={"path": "/b"})
    assert taken(run([in_properties], until=1), "visits")[0]["entry"]["page"] == "/b"
    no_page = event("Order", 0, properties={"path": "/b"})
    assert taken(run([no_page], until=1), "visits")[0]["entry"]["page"] is None
