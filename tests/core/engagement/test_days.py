"""What belongs to a day and what does not: midnights, the same person again, joins, deletions."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from stream.core.definition import DAY, HOUR, MINUTE, Condition, Definition, KeyEvent, Void
from stream.core.partition import Partition
from stream.core.records import Daily
from tests.core import rekeying
from tests.core.checks import FEW, for_many
from tests.core.engagement.daily import closed, end_of, merged, of_log, reports
from tests.core.strategies import Case, Shape
from tests.core.ways import DictStore
from tests.reference import LogRecord
from tests.reference.logs import alias, page, track

VISITOR: dict[str, Any] = {"userId": None, "anonymousId": "a"}
PUSH: dict[str, Any] = {"context": {"channel": "app", "campaign": {"medium": "push"}}}


def days(*log: LogRecord, until: int = 3, **settings: Any) -> list[Daily]:
    """The reports of a log in UTC from 1970-01-01 on, up to before day `until`."""
    return of_log(Definition(**settings), list(log), until * DAY)


def test_an_event_at_midnight_is_the_new_days() -> None:
    found = days(page(DAY - 1), page(DAY, userId="v"), page(DAY + 1, userId="w"))
    assert [daily.traffic.people for daily in found] == [1, 2, 0]


def test_a_visit_over_midnight_counts_for_its_first_day_as_it_was_then() -> None:
    log = [page(DAY - 10 * MINUTE), page(DAY - 5 * MINUTE), page(DAY), page(DAY + MINUTE)]
    first, second, _ = days(*log)
    assert first.traffic.seconds_per_visit == 300
    assert (first.traffic.visits, first.traffic.pages_per_visit, first.traffic.bounce_rate) == (1, 2, 0)
    assert (second.traffic.visits, second.traffic.pageviews, second.traffic.people) == (0, 2, 1)


def test_a_bounce_up_to_midnight_stays_one() -> None:
    first = days(page(DAY - MINUTE), page(DAY + MINUTE))[0]
    assert first.traffic.bounce_rate == 1


def test_a_return_alone_is_a_bounce_until_a_key_event_comes() -> None:
    log = [track(0, "Talk"), page(HOUR), track(HOUR + MINUTE, "Talk")]
    key_events = (KeyEvent("Talk"), KeyEvent("@return"))
    assert days(*log[:2], key_events=key_events)[0].traffic.bounce_rate == 0.5
    assert days(*log, key_events=key_events)[0].traffic.bounce_rate == 0


def test_an_event_out_of_order_before_midnight_counts_for_the_day_before() -> None:
    first, second, _ = days(page(DAY + MINUTE), page(DAY - MINUTE))
    assert (first.traffic.visits, first.traffic.people, first.active.days_1) == (1, 1, 1)
    assert (second.traffic.visits, second.traffic.people, second.active.days_1) == (0, 1, 1)
    assert second.active.days_7 == 1


@pytest.mark.parametrize(("apart", "distinct"), [(6, 1), (7, 1), (29, 1), (30, 1)])
def test_a_person_counts_once_in_thirty_days(apart: int, distinct: int) -> None:
    found = days(page(0), page(apart * DAY), until=apart + 1)[-1]
    assert (found.active.days_1, found.active.days_7, found.active.days_30) == (1, 1, distinct)


def test_the_thirtieth_day_is_in_the_window_and_the_thirty_first_is_not() -> None:
    found = days(page(0), until=32)
    assert [daily.active.days_7 for daily in found[5:8]] == [1, 1, 0]
    assert [daily.active.days_30 for daily in found[28:31]] == [1, 1, 0]


def test_one_channel_of_two_events_and_of_the_visit() -> None:
    log = [
        page(0, context={"channel": "web"}),
        page(MINUTE, context={"channel": "app"}),
        page(2 * MINUTE, context={"channel": "app"}),
    ]
    channels = days(*log)[0].channels
    assert list(channels) == ["web", "app"]
    assert [each.pageviews for each in channels.values()] == [1, 2]
    assert [each.people for each in channels.values()] == [1, 1]
    assert [each.visits for each in channels.values()] == [1, 0]
    assert channels["web"].pages_per_visit == 3


def test_a_visitor_who_logs_in_is_two_people_and_one_visit() -> None:
    found = days(page(0, **VISITOR), alias(MINUTE, "u", "a"), page(2 * MINUTE))[0]
    assert (found.traffic.people, found.traffic.visits) == (2, 1)
    assert (found.active.days_1, found.visitors.days_1) == (1, 1)
    assert (found.people_by_state["prospect"], found.people_by_state["new"]) == (0, 1)


def test_a_prospect_is_known_until_forgotten() -> None:
    found = days(page(0, **VISITOR), until=32)
    assert [daily.people_by_state["prospect"] for daily in found] == [1] * 30 + [0, 0]


def test_what_was_counted_of_a_deleted_person_stays() -> None:
    found = days(page(0), track(MINUTE, "Order Completed"), track(2 * MINUTE, "Account Deleted"))[0]
    assert (found.traffic.visits, found.traffic.people, found.active.days_30) == (1, 1, 1)
    assert (found.base, found.sources["activated"], found.losses["deleted"]) == (0, 1, 1)
    assert sum(found.people_by_state.values()) == sum(found.people_by_tier.values()) == 0


def test_one_who_is_deleted_and_active_again_the_same_day_is_not_retained() -> None:
    log = [
        track(0, "Order Completed"),
        track(DAY, "Account Deleted"),
        track(DAY + HOUR, "Order Completed"),
    ]
    second = days(*log)[1]
    assert (second.active_before, second.people_by_state["active"], second.sources["retained"]) == (1, 1, 0)


def test_whoever_lapses_at_midnight_was_active_the_day_before_and_is_not_retained() -> None:
    found = days(track(0, "Order Completed"), until=31, active_days=30)
    assert [daily.people_by_state["active"] for daily in found[28:]] == [1, 1, 0]
    assert (found[30].losses["lapsed"], found[30].sources["retained"], found[29].sources["retained"]) == (
        1,
        0,
        1,
    )


def test_retention_is_of_those_with_an_event_in_thirty_days() -> None:
    found = days(page(0), page(0, userId="v"), page(10 * DAY, userId="v"), until=41, new_days=60)
    assert [found[day].retention for day in (29, 30, 39, 40)] == [1, 0.5, 0.5, 0]


def test_only_passive_bounces_are_pseudo_activity_and_one_chosen_visit_makes_up_for_them() -> None:
    assert days(page(0, **PUSH))[0].pseudo_active == 1
    assert days(page(0, **PUSH), page(MINUTE, **PUSH))[0].pseudo_active == 0
    assert days(page(0, **PUSH), page(HOUR))[0].pseudo_active == 0
    assert days(page(0, **PUSH), page(MINUTE + DAY))[0].pseudo_active == 1


def test_key_events_of_which_none_counts_are_pseudo_activity() -> None:
    talk = KeyEvent("Talk", void=(Void("Rated"),))
    order = KeyEvent("Order", where=(Condition("properties.total", ">", 0),))
    settings = {"key_events": (talk, order)}
    assert days(track(0, "Order"), **settings)[0].pseudo_active == 1
    assert days(track(0, "Talk"), **settings)[0].pseudo_active == 0
    assert days(track(0, "Talk"), track(1, "Rated"), **settings)[0].pseudo_active == 1
    assert days(track(0, "Talk"), track(1, "Rated"), track(HOUR, "Talk"), **settings)[0].pseudo_active == 0


def test_a_void_after_midnight_comes_too_late_for_the_day() -> None:
    settings = {"key_events": (KeyEvent("Talk", void=(Void("Rated"),)),)}
    assert days(track(DAY - 1, "Talk"), track(DAY, "Rated"), **settings)[0].pseudo_active == 0


def test_a_day_ends_with_its_midnight_and_not_before() -> None:
    partition = Partition(Definition())
    partition.process([page(0).value], keys=None, offsets=[0], arrived_ms=None)
    partition.advance(DAY - 1)
    partition.take_outputs()
    assert partition.days.closed_day == -1
    partition.advance(DAY)
    partition.take_outputs()
    assert partition.days.closed_day == 0


def test_a_day_waits_for_midnights_that_are_put_off() -> None:
    partition = Partition(Definition(prospect_days=1), most_due=1)
    values = [page(0, userId=None, anonymousId=f"a{n}").value for n in range(3)]
    partition.process(values, keys=None, offsets=range(3), arrived_ms=None)
    partition.advance(3 * DAY)
    partition.take_outputs()
    assert partition.days.closed_day is None
    while partition.work():
        pass
    partition.take_outputs()
    assert partition.days.closed_day == 2


@for_many(Shape(late=True, joins=True, deletions=True), generated=5, seeds=FEW)
def test_a_stream_that_is_not_keyed_makes_the_reports_of_one_partition(case: Case) -> None:
    case = closed(case)
    for partitions in (1, 3):
        random = Random(len(case.log))
        stage = rekeying.Stage(case.definition, [case.log], partitions)
        for _ in range(3 * len(case.log)):
            stage.step(random, crashes=True)
        stage.end(end_of(case))
        parts = [value for topic, value in stage.outputs if topic == "partials"]
        assert merged(case.definition, parts, end_of(case)) == reports(case)


@pytest.mark.parametrize("stored", [False, True])
def test_state_of_a_footfall_without_days_is_counted_once(*, stored: bool) -> None:
    log = [track(0, "Order Completed"), page(HOUR, userId="v"), page(HOUR, **VISITOR), page(3 * DAY)]
    before = Partition(Definition())
    before.process([each.value for each in log], keys=None, offsets=range(4), arrived_ms=None)
    written = {key: value for key, value in before.take_changes() if key[:1] != b"\xf7"}
    store = DictStore(written.items()) if stored else None
    after = Partition(Definition(), store=store)
    for key, value in written.items():
        after.restore(key, value)
    after.restored()
    after.process([page(4 * DAY, userId="v").value], keys=None, offsets=[4], arrived_ms=None)
    after.advance(5 * DAY)
    parts = [output.value for output in after.take_outputs() if output.topic == "partials"]
    before_midnight, first, second = merged(Definition(), parts, 5 * DAY)  # the watermark lay before it
    assert before_midnight.people_by_state == first.people_by_state
    assert first.people_by_state == {**first.people_by_state, "active": 1, "new": 1, "prospect": 1}
    assert (first.active_before, second.active_before) == (1, 1)
    assert (first.active.days_1, first.active.days_7, first.visitors.days_7) == (1, 2, 1)
    assert (second.active.days_1, second.active.days_7, second.retention) == (1, 2, 1)


def test_as_many_channels_as_anybody_sends_take_bounded_room() -> None:
    partition = Partition(Definition())
    values = [page(n, context={"channel": f"c{n}"}).value for n in range(3_000)]
    partition.process(values, keys=None, offsets=range(3_000), arrived_ms=None)
    partition.advance(DAY)
    parts = [output.value for output in partition.take_outputs() if output.topic == "partials"]
    (found,) = merged(Definition(), parts, DAY)
    assert len(found.channels) == 101
    assert sum(each.pageviews for each in found.channels.values()) == 3_000
    assert max(map(len, parts)) < 500_000
