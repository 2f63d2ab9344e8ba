"""Who is there now: what is kept as it changes is what a look at everybody finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec import structs

from stream.core.definition import DAY, HOUR, MINUTE, TIERS, Definition
from stream.core.engagement.days import STANDING_KEY
from stream.core.movable import MovablePartition
from stream.core.moving import pack
from stream.core.partition import Partition
from stream.core.population import PEOPLE_STATES, Population
from stream.core.profile import PROGRESS_KEY
from stream.core.records import Reached
from tests import reference
from tests.core import adapter, rekeying
from tests.core.checks import FEW, for_many
from tests.core.engagement.counted import Recorder, day_number
from tests.core.engagement.daily import closed, end_of
from tests.core.populations import look
from tests.core.strategies import Case, Shape
from tests.core.ways import WAYS, DictStore
from tests.reference import LogRecord
from tests.reference.days import days_of
from tests.reference.logs import alias, page, track
from tests.reference.records import Event
from tests.reference.replay import _read_all

EVERYTHING = Shape(late=True, joins=True, deletions=True, garbage=True)
SHAPES = {
    "plain": Shape(),
    "late": Shape(late=True, garbage=True),
    "joins": Shape(joins=True, late=True),
    "deletions": Shape(deletions=True),
    "everything": EVERYTHING,
}
VISITOR: dict[str, Any] = {"userId": None, "anonymousId": "a"}


@pytest.mark.parametrize("way", WAYS)
def test_at_any_time_and_after_any_restart_it_is_what_profiles_say(way: str) -> None:
    @for_many(EVERYTHING, generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        for restarts in (None, Random(len(case.log))):
            adapter.populations(
                case.definition, case.log, case.until_ms, restarts=restarts, way=WAYS[way], look=look
            )

    agree()


@pytest.mark.parametrize("name", SHAPES)
def test_at_any_time_it_is_what_the_oracle_says(name: str) -> None:
    @for_many(SHAPES[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        definition, random = case.definition, Random(len(case.log))
        days = days_of(definition.timezone)
        for size in {len(case.log), *(random.randint(1, len(case.log)) for _ in range(3))}:
            log = case.log[:size]
            partition = Partition(definition)
            arrived = [record.arrived_ms for record in log]
            partition.process(
                [record.value for record in log],
                keys=[record.key for record in log] if any(record.key for record in log) else None,
                offsets=range(size),
                arrived_ms=None if None in arrived else [each or 0 for each in arrived],
            )
            partition.take_outputs()
            oracle = Recorder(definition)
            for event in _read_all(definition, log):
                if isinstance(event, Event):
                    oracle.arrive(event)
            if partition.watermark is None or partition.newest is None:
                assert partition.population() == Population()
                continue
            oracle.advance(partition.watermark)
            today = day_number(days.reached(partition.newest))
            assert partition.population() == of_the_oracle(oracle, today), size

    agree()


def of_the_oracle(oracle: Recorder, today: int) -> Population:
    """Everybody asked."""
    states, tiers, visits = dict.fromkeys(PEOPLE_STATES, 0), dict.fromkeys(TIERS, 0), 0
    for person in oracle.people.values():
        visits += len(person.open_visits())
        state = person.life.state
        if state in states:
            states[state] += 1
        if state in states and state != "prospect":
            tiers[person.life.tier] += 1

    def reached(*, visitors: bool) -> Reached:
        seen = [each for each in oracle.seen if each.visitor == visitors]
        return Reached(*(len({e.life for e in seen if 0 <= today - e.day < days}) for days in (1, 7, 30)))

    return Population(states, tiers, reached(visitors=False), reached(visitors=True), visits)


@pytest.mark.parametrize("name", ["plain", "late"])
def test_at_the_end_of_a_day_it_is_what_the_oracle_reports(name: str) -> None:
    @for_many(SHAPES[name], generated=6, seeds=FEW)
    def agree(case: Case) -> None:
        # the oracle counts windows, too: a few large ones
        engagement = structs.replace(case.definition.engagement, window_ms=DAY)
        definition = structs.replace(case.definition, engagement=engagement)
        # where a clock goes back over midnight, the oracle has the hour's events on the day that had ended
        if definition.timezone == "America/St_Johns":
            return
        days = days_of(definition.timezone)
        read = [(record, _read_all(definition, [record])) for record in case.log]
        times = [event.time for _, events in read for event in events if isinstance(event, Event)]
        for time in Random(len(times)).sample(times, min(2, len(times))):
            end = days.midnights(after=time, until=time + 3 * DAY)[0][0]
            log = [record for record, (event,) in read if not isinstance(event, Event) or event.time < end]
            expected = reference.run(definition, log, end, engagement=True).daily[-1]
            # all midnights have been, but the one at which the day ends
            found = adapter.populations(definition, log, end - 1 - definition.allowed_lateness_ms)
            assert msgspec.to_builtins(found.registered) == expected["active"]
            assert msgspec.to_builtins(found.visitors) == expected["visitors"]
            del found.states["prospect"]  # of which the oracle's report says nothing
            assert +Counter(found.states) == Counter(expected["people_by_state"])
            assert +Counter(found.tiers) == Counter(expected["people_by_tier"])

    agree()


@for_many(Shape(deletions=True, ignored=False), generated=3, seeds=max(2, FEW // 2))
def test_one_two_and_eight_partitions_have_the_same_people(case: Case) -> None:
    case = closed(case)
    expected = adapter.populations(case.definition, case.log, end_of(case))
    for partitions in (2, 8):
        found = adapter.populations(
            case.definition, case.log, end_of(case), partitions, restarts=Random(partitions), look=look
        )
        assert found == expected


@for_many(Shape(late=True, joins=True, deletions=True), generated=3, seeds=max(2, FEW // 2))
def test_a_stream_that_is_not_keyed_has_the_people_of_one_partition(case: Case) -> None:
    case = closed(case)
    # whole weeks can pass while an id is on its way, so that its redirect ends before it begins
    case = replace(case, definition=structs.replace(case.definition, hibernate_days=10_000))
    expected = adapter.populations(case.definition, case.log, end_of(case))
    for partitions in (1, 3):
        random = Random(len(case.log))
        stage = rekeying.Stage(case.definition, [case.log], partitions)
        for _ in range(3 * len(case.log)):
            stage.step(random, crashes=True)
            for partition in stage.persons():
                look(partition)
        stage.end(end_of(case))
        for partition in stage.persons():
            look(partition)
        assert reduce(add, (partition.population() for partition in stage.persons())) == expected


def fed(log: Sequence[LogRecord], partition: Partition) -> Partition:
    for record in log:
        partition.process([record.value], keys=None, offsets=[0], arrived_ms=None)
        partition.take_outputs()
    return partition


def people(*log: LogRecord) -> Population:
    """Who is there after a log in UTC from 1970-01-01 on."""
    partition = fed(log, Partition(Definition()))
    look(partition)
    return partition.population()


def test_nobody_is_there_before_the_first_event() -> None:
    nobody = Partition(Definition()).population()
    assert nobody == Population()
    assert sum(nobody.states.values()) == sum(nobody.tiers.values()) == nobody.open_visits == 0
    assert list(nobody.states) == ["prospect", "new", "active", "silent", "churned", "hibernating"]


def test_a_joined_id_is_nobody_and_has_been_a_visitor() -> None:
    found = people(page(0, **VISITOR), alias(MINUTE, "u", "a"), page(2 * MINUTE))
    assert (found.states["prospect"], found.states["new"]) == (0, 1)
    assert (found.registered.days_1, found.visitors.days_1) == (1, 1)
    assert found.open_visits == 1


def test_the_deleted_are_nobody_and_were_there_today() -> None:
    found = people(page(0), track(1, "Account Deleted"))
    assert sum(found.states.values()) == sum(found.tiers.values()) == found.open_visits == 0
    assert found.registered == Reached(1, 1, 1)


def test_today_begins_with_the_first_event_after_midnight() -> None:
    assert people(page(DAY - 1)).registered == Reached(1, 1, 1)
    assert people(page(DAY - 1), page(DAY, userId="v")).registered == Reached(1, 2, 2)


def test_today_of_a_quiet_partition_is_that_of_the_others() -> None:
    partition = Partition(Definition())
    partition.process([page(0).value], keys=None, offsets=[0], arrived_ms=None)
    lateness_ms = partition.definition.allowed_lateness_ms
    partition.advance(DAY - lateness_ms - 1)
    assert partition.population().registered == Reached(1, 1, 1)
    partition.advance(DAY - lateness_ms)
    assert partition.population().registered == Reached(0, 1, 1)


@pytest.mark.parametrize(("apart", "distinct"), [(29, 1), (30, 0)])
def test_the_thirtieth_day_is_the_last_that_counts(apart: int, distinct: int) -> None:
    assert people(page(0), page(apart * DAY, **VISITOR)).registered.days_30 == distinct


def test_two_visits_may_be_open_at_a_time() -> None:
    assert people(page(0), page(30 * MINUTE + 1)).open_visits == 2
    assert people(page(0), page(45 * MINUTE)).open_visits == 1


def restored(written: Mapping[bytes, bytes | None], *, stored: bool) -> Partition:
    """A partition that goes on with compacted records."""
    store = DictStore(written.items()) if stored else None
    partition = Partition(Definition(), store=store)
    for key, value in written.items():
        partition.restore(key, value)
    if store is not None:
        store.write(partition.take_local())
    partition.restored()
    return partition


LOG = [
    track(0, "Order Completed"),
    page(2, **VISITOR),
    page(3, userId="v"),
    page(DAY, **VISITOR),
    page(2 * DAY),
    page(2 * DAY, userId="w"),
    track(2 * DAY + HOUR, "Order Completed", userId="w"),
]


@pytest.mark.parametrize("stored", [False, True])
def test_state_of_a_footfall_that_summed_no_days_is_counted_once(*, stored: bool) -> None:
    before = fed(LOG, Partition(Definition()))
    written = dict(before.take_changes())
    assert before.days.closed_day == 1
    del written[STANDING_KEY]
    after = restored(written, stored=stored)
    assert after.population() == before.population()
    again = {**written, **dict(fed([page(3 * DAY)], after).take_changes())}
    assert again[STANDING_KEY]
    assert restored(again, stored=stored).population() == after.population()


def test_days_that_an_older_footfall_has_closed_since_are_counted_anew() -> None:
    before = Partition(Definition())
    written = dict(fed(LOG[:4], before).take_changes())
    summed = written[STANDING_KEY]
    written |= dict(fed(LOG[4:], before).take_changes())
    assert written[STANDING_KEY] != summed
    assert restored({**written, STANDING_KEY: summed}, stored=False).population() == before.population()


@pytest.mark.parametrize("stored", [False, True])
def test_state_of_a_footfall_without_days_has_people_at_once(*, stored: bool) -> None:
    before = fed(LOG, Partition(Definition()))
    written = {key: value for key, value in before.take_changes() if key[:1] not in b"\xf6\xf7"}
    found = restored(written, stored=stored).population()
    assert (found.states, found.tiers) == (before.population().states, before.population().tiers)
    assert found.open_visits == before.population().open_visits
    # of each person the last day is known
    assert (found.registered, found.visitors) == (Reached(2, 3, 3), Reached(0, 1, 1))


def test_open_visits_that_an_older_footfall_did_not_count_are_counted_once() -> None:
    before = fed(LOG, Partition(Definition()))
    written = dict(before.take_changes())
    progress = written[PROGRESS_KEY] or b""
    assert before.population().open_visits > 0
    older = msgspec.msgpack.encode(msgspec.msgpack.decode(progress[1:])[:5])
    assert len(older) < len(progress) - 1
    written[PROGRESS_KEY] = progress[:1] + older
    assert restored(written, stored=True).population() == before.population()


def test_a_restart_looks_at_no_profile() -> None:
    """However many there are; and a question neither."""
    log = [page(n, userId=f"u{n}") for n in range(200)]
    before = fed([*log, page(3 * DAY)], Partition(Definition()))
    store = DictStore(before.take_changes())
    after = Partition(Definition(), store=store, most_due=10)
    store.reads = 0
    after.restored()
    assert after.population() == before.population()
    assert store.reads < 20


def test_a_prospect_who_moves_is_counted_where_it_lives() -> None:
    """And by both partitions together on the day that it was on: nothing of it shows in reports."""
    giver, taker = MovablePartition(Definition()), MovablePartition(Definition())
    fed([page(0, **VISITOR)], giver)
    fed([page(0)], taker)
    given = giver.give_away("anonymous:a", 1, 40)
    assert (giver.population().states["prospect"], giver.population().open_visits) == (0, 0)
    taker.take_in("anonymous:a", pack(*given, giver.vocabulary))
    assert (taker.population().states["prospect"], taker.population().open_visits) == (1, 2)
    look(giver)
    look(taker)
    for partition in (giver, taker):
        fed([page(3 * DAY)], partition)
        look(partition)


def test_populations_add_up() -> None:
    one, other = people(page(0), page(0, **VISITOR)), people(track(0, "Order Completed", userId="v"))
    both = one + other
    assert both == people(page(0), page(0, **VISITOR), track(0, "Order Completed", userId="v"))
    assert both + Population() == both
