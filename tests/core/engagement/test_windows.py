"""What an event adds to the windows of its partition, and when these close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from stream.core.definition import (
    HOUR,
    MINUTE,
    SECOND,
    Condition,
    Definition,
    Engagement,
    KeyEvent,
    Promotion,
    Void,
)
from stream.core.engagement import windows
from stream.core.engagement.partials import ClockPart, Sums, WindowPart, decode
from stream.core.events import LONG_ENTRY
from stream.core.partition import Partition
from tests.core.engagement.window_rows import Rows, merged, parts_of
from tests.core.ways import DictStore
from tests.reference import LogRecord
from tests.reference.logs import alias, identify, page, track

ORDER = "Order Completed"
TALK = KeyEvent("Talk", 2, void=(Void("Rated"),))


def definition(*key_events: KeyEvent, **engagement: Any) -> Definition:
    return Definition(
        key_events=key_events or (KeyEvent(ORDER, 5), TALK), engagement=Engagement(**engagement)
    )


def feed(partition: Partition, *log: LogRecord) -> None:
    partition.process([record.value for record in log], keys=None, offsets=range(len(log)), arrived_ms=None)


def sent(partition: Partition) -> list[bytes]:
    return [output.value for output in partition.take_outputs() if output.topic == "partials"]


def rows_of(log: Sequence[LogRecord], settings: Definition | None = None) -> Rows:
    """All windows of a log, closed."""
    partition = Partition(settings or definition())
    feed(partition, *log)
    partition.advance((partition.newest or 0) + 2 * HOUR)
    return merged(sent(partition))


def clocks(partition: Partition) -> list[int]:
    return [part.clock for part in parts_of(sent(partition)) if isinstance(part, ClockPart)]


def people(rows: Rows, start: int = 0) -> dict[str, int]:
    return {series: sums.people for (at, series), sums in rows.items() if at == start}


# -- windows and their clock ----------------------------------------------------------------------


def test_an_event_at_the_end_of_a_window_is_in_the_next() -> None:
    rows = rows_of([page(0), page(MINUTE - 1), page(MINUTE)])
    assert rows[0, "total"] == Sums(events=2, pageviews=2, people=1, visits=1)
    assert rows[MINUTE, "total"] == Sums(events=1, pageviews=1, people=1)


def test_windows_before_1970_begin_at_whole_minutes_too() -> None:
    assert rows_of([page(-1)])[-MINUTE, "total"].events == 1


def test_a_window_closes_when_the_clock_is_past_its_end_by_the_lateness() -> None:
    partition = Partition(definition())
    feed(partition, page(0), page(90 * SECOND - 1))
    assert merged(sent(partition)) == {}
    feed(partition, page(90 * SECOND))
    [part, clock] = parts_of(sent(partition))
    assert isinstance(part, WindowPart)
    assert (part.start, part.final, part.rows["total"].events) == (0, True, 1)
    assert isinstance(clock, ClockPart)
    assert clock.clock == MINUTE


def test_an_event_is_counted_up_to_the_lateness_and_late_for_its_window_from_then_on() -> None:
    partition = Partition(definition())
    feed(partition, page(0), page(90 * SECOND - 1), page(1))
    assert partition.counts.late_for_window == 0
    feed(partition, page(90 * SECOND), page(2), page(MINUTE))
    assert (partition.counts.late_for_window, partition.counts.late, partition.counts.applied) == (1, 0, 6)
    partition.advance(HOUR)
    rows = merged(sent(partition))
    assert (rows[0, "total"].events, rows[MINUTE, "total"].events) == (2, 3)


def test_an_event_too_late_for_its_window_still_counts_for_the_person() -> None:
    partition = Partition(definition())
    feed(partition, page(0), page(90 * SECOND), track(1, ORDER))
    partition.advance(HOUR)
    [visit] = [output for output in partition.take_outputs() if output.topic == "visits"]
    assert b'"Order Completed":1' in visit.value


def test_windows_are_told_closed_once_a_boundary_is_passed_and_not_in_between() -> None:
    partition = Partition(definition())
    feed(partition, page(0))
    assert clocks(partition) == [-MINUTE]
    feed(partition, page(29_999))
    assert clocks(partition) == []
    feed(partition, page(30_000))
    assert clocks(partition) == [0]


def test_a_partition_without_events_tells_of_nothing() -> None:
    assert clocks(Partition(definition())) == []


def test_an_idle_partition_follows_the_watermark_it_is_given() -> None:
    partition = Partition(definition())
    partition.advance(HOUR)
    assert clocks(partition) == [HOUR + 9 * MINUTE]


def test_at_the_end_of_a_replay_the_window_clock_is_the_watermark() -> None:
    partition = Partition(definition())
    feed(partition, page(0), page(MINUTE))
    partition.advance(MINUTE, final=True)
    partition.advance(MINUTE)
    values = sent(partition)
    assert {start for start, _ in merged(values)} == {0}
    assert [part.clock for part in parts_of(values) if isinstance(part, ClockPart)] == [MINUTE]


def test_open_windows_are_provisional_and_stay_open() -> None:
    partition = Partition(definition())
    feed(partition, page(0))
    [part] = map(decode, partition.provisional_parts())
    assert isinstance(part, WindowPart)
    assert (part.final, part.rows["total"].events) == (False, 1)
    feed(partition, page(1))
    partition.advance(HOUR)
    assert merged(sent(partition))[0, "total"].events == 2
    assert partition.provisional_parts() == []


# -- what counts, and for which series ------------------------------------------------------------


def test_a_person_counts_once_in_every_series() -> None:
    def at(channel: str, name: str, t: int) -> LogRecord:
        return page(t, context={"channel": channel, "campaign": {"name": name}})

    rows = rows_of([at("web", "a", 0), at("web", "b", 1), at("app", "a", 2), at("app", "b", 3)])
    assert people(rows) == {
        "total": 1,
        "channel:web": 1,
        "channel:app": 1,
        "campaign:a": 1,
        "campaign:b": 1,
        "tier:none": 1,
    }


def test_who_comes_in_two_windows_counts_in_both() -> None:
    rows = rows_of([page(0), page(MINUTE), page(1)])
    assert (people(rows)["total"], people(rows, MINUTE)["total"]) == (1, 1)


def test_the_tier_is_that_before_the_event() -> None:
    rows = rows_of([track(0, ORDER), track(1, ORDER)])
    assert rows[0, "tier:none"].key_events == {ORDER: 1}
    assert rows[0, "tier:low"].key_events == {ORDER: 1}
    assert (rows[0, "tier:low"].visits, rows[0, "total"].engaged) == (0, 1)


def test_a_key_event_s_series_has_its_occurrences_only() -> None:
    order_page = KeyEvent("Page Viewed", 1, (Condition("properties.path", "=", "/thanks"),))
    rows = rows_of(
        [
            page(0),
            page(1, properties={"path": "/thanks"}),
            page(2, userId="v", properties={"path": "/thanks"}),
        ],
        definition(order_page),
    )
    assert rows[0, "key:Page Viewed"] == Sums(
        events=2, pageviews=2, people=2, visits=1, engaged=2, key_events={"Page Viewed": 2}
    )


def test_a_void_takes_nothing_back_and_what_comes_after_it_is_no_occurrence() -> None:
    rows = rows_of([track(0, "Talk"), track(1, "Rated"), track(2, "Talk")])
    assert rows[0, "total"].key_events == {"Talk": 1}


def test_a_void_that_arrives_late_takes_back_what_comes_after_it() -> None:
    rows = rows_of([track(0, "Talk"), track(2, "Talk"), track(1, "Rated")])
    assert rows[0, "total"].key_events == {"Talk": 1}
    assert rows[0, "key:Talk"].people == rows[0, "total"].engaged == 1
    rows = rows_of([track(1, "Talk"), track(0, "Rated")])
    assert rows[0, "total"] == Sums(events=2, people=1, visits=1)
    assert (0, "key:Talk") not in rows


def test_what_an_out_of_order_event_takes_back_leaves_the_person_in_other_cells() -> None:
    def talk(t: int, channel: str) -> LogRecord:
        return track(t, "Talk", context={"channel": channel})

    web, app = {"channel": "web"}, {"channel": "app"}
    log = [track(0, "Shared", context=web), talk(3, "web"), talk(4, "app"), track(6, "Shared", context=app)]
    log.append(track(2, "Rated", context=web))
    rows = rows_of(log, definition(TALK, KeyEvent("Shared")))
    assert (rows[0, "total"].engaged, rows[0, "channel:web"].engaged, rows[0, "channel:app"].engaged) == (
        1,
        1,
        1,
    )
    assert rows[0, "total"].key_events == {"Shared": 2}


def test_at_visit_moves_to_the_event_that_now_makes_it_true() -> None:
    settings = definition(KeyEvent("@visit", 1, (Condition("pages", ">=", 2),)))
    rows = rows_of([page(0), page(MINUTE), page(1)], settings)
    assert rows[0, "total"].key_events == {"@visit": 1}
    assert (rows[MINUTE, "total"].key_events, rows[MINUTE, "total"].engaged) == ({}, 0)


def test_at_return_counts_where_it_becomes_true() -> None:
    push = {"campaign": {"medium": "push"}}
    rows = rows_of(
        [page(0), page(HOUR, context=push), page(HOUR + MINUTE)],
        definition(KeyEvent("@return", 1)),
    )
    assert rows[HOUR, "total"].key_events == {}
    assert rows[HOUR + MINUTE, "key:@return"].people == 1


def test_a_visit_begins_earlier_when_an_event_comes_before_it() -> None:
    rows = rows_of([page(MINUTE), page(0)])
    assert (rows[0, "total"].visits, rows[MINUTE, "total"].visits) == (1, 0)


def test_an_event_too_late_for_its_window_moves_the_beginning_of_a_visit_all_the_same() -> None:
    rows = rows_of([page(2 * MINUTE), page(0)])
    assert (0, "total") not in rows
    assert rows[2 * MINUTE, "total"].visits == 0


def test_what_a_closed_window_has_is_not_corrected() -> None:
    rows = rows_of([page(MINUTE), page(10 * MINUTE, userId="v"), page(0)])
    assert rows[MINUTE, "total"].visits == 1


def test_a_promoted_event_counts_as_promoted_only() -> None:
    coupon = Promotion(
        name="coupon", start_ms=10, end_ms=20, where=(Condition("properties.coupon", "=", "X"),)
    )
    bought = {"properties": {"coupon": "X"}, "context": {"channel": "web"}}
    log = [track(9, ORDER, **bought), track(10, ORDER, **bought), track(19, ORDER, userId="v", **bought)]
    log += [track(20, ORDER, **bought), track(15, ORDER)]
    rows = rows_of(log, definition(promotions=(coupon,)))
    promoted = {"promoted_key_events": {ORDER: 2}, "promoted_people": 2}
    assert rows[0, "total"] == Sums(
        events=3, people=1, visits=1, engaged=1, key_events={ORDER: 3}, **promoted
    )
    assert rows[0, "channel:web"].promoted_people == rows[0, f"key:{ORDER}"].promoted_people == 2
    assert (rows[0, f"key:{ORDER}"].events, rows[0, f"key:{ORDER}"].people) == (3, 1)


@pytest.mark.parametrize(
    ("value", "series"),
    [
        ("DE", "DE"),
        (7, "7"),
        (0.5, "0.5"),
        (True, "true"),
        (None, "(none)"),
        ("", "(none)"),
        ({"a": 1}, "(none)"),
        ([1], "(none)"),
        ("x" * 201, "x" * 200),
    ],
)
def test_a_dotted_path_is_a_dimension(value: Any, series: str) -> None:
    rows = rows_of(
        [page(0, properties={"geo": {"country": value}})],
        definition(dimensions=("properties.geo.country",)),
    )
    assert set(rows) == {(0, "total"), (0, f"properties.geo.country:{series}")}


def test_beyond_the_cap_a_partition_s_values_go_under_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MIN_VALUES", 20)
    log = [page(n, userId=f"u{n % 3}", context={"channel": f"c{n}"}) for n in range(30)]
    rows = rows_of(log, definition(max_values=2))
    channels = {series for _, series in rows if series.startswith("channel:")}
    assert channels == {*(f"channel:c{n}" for n in range(20)), "channel:other"}
    assert (rows[0, "channel:other"].events, rows[0, "channel:other"].people) == (10, 3)
    assert rows[0, "total"].people == 3


def test_a_part_stays_below_its_size_and_no_row_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_BYTES", 2_000)
    partition = Partition(definition())
    feed(partition, *(page(n, context={"channel": f"channel {n}"}) for n in range(200)))
    partition.advance(HOUR)
    values = sent(partition)
    assert all(len(value) <= 2_000 for value in values)
    assert len(merged(values)) == 200 + 3


# -- one person, several lives and ids ------------------------------------------------------------


def test_who_is_joined_stays_the_person_that_was_known_at_the_event() -> None:
    rows = rows_of([page(0, userId=None, anonymousId="a"), alias(1, "u", "a"), page(2)])
    assert people(rows)["total"] == 2


def test_a_deletion_counts_as_an_event_and_the_next_life_is_the_same_person() -> None:
    rows = rows_of([page(0), track(1, "Account Deleted"), page(2)])
    assert rows[0, "total"] == Sums(events=3, pageviews=2, people=1, visits=2)


def test_a_deletion_is_remembered_as_long_as_its_window_is_open() -> None:
    settings = Definition(allowed_lateness_ms=0, engagement=Engagement(window_ms=HOUR))
    log = [page(0), track(1, "Account Deleted"), page(10 * MINUTE, userId="v"), page(11 * MINUTE)]
    assert people(rows_of(log, settings))["total"] == 2


def test_an_event_of_an_erased_life_counts_nowhere() -> None:
    rows = rows_of([track(5, "Account Deleted"), page(1)])
    assert rows[0, "total"].events == 1


def test_a_repeat_counts_once() -> None:
    again = page(0)
    assert rows_of([again, page(1), again])[0, "total"].events == 2


def test_an_identify_that_registers_counts_like_any_event() -> None:
    assert rows_of([identify(0, "u")])[0, "total"] == Sums(events=1, people=1, visits=1)


# -- restarts -------------------------------------------------------------------------------------


def restarted(partition: Partition, settings: Definition) -> Partition:
    """Another one, from what the first has kept by now."""
    fresh = Partition(settings)
    for key, value in partition.take_changes():
        fresh.restore(key, value)
    fresh.restored()
    return fresh


@pytest.mark.parametrize("in_store", [False, True])
def test_an_open_window_goes_on_after_a_restart(in_store: bool) -> None:
    partition = Partition(definition())
    feed(partition, track(0, "Talk"), page(1, userId="v"))
    store = DictStore(partition.take_changes())
    after = Partition(definition(), store=store) if in_store else Partition(definition())
    for key, value in store.content.items():
        after.restore(key, value)
    store.write(after.take_local())
    after.restored()
    feed(after, page(2), track(-1, "Rated"))
    after.advance(HOUR)
    total = merged(sent(after))[0, "total"]
    assert total == Sums(events=3, pageviews=2, people=2, visits=1)


def test_what_is_kept_of_a_window_goes_when_it_closes() -> None:
    partition = Partition(definition())
    feed(partition, track(0, ORDER))
    kept = dict(partition.take_changes())
    assert [key for key in kept if key[:1] == b"\xf8" and len(key) > 1] != []
    partition.advance(HOUR)
    partition.take_outputs()
    kept |= dict(partition.take_changes())
    assert [key for key, value in kept.items() if key[:1] == b"\xf8" and len(key) > 1 and value] == []


@pytest.mark.parametrize("changed", [{"window_ms": 2 * MINUTE}, {"dimensions": ("channel",)}])
def test_other_windows_or_dimensions_begin_anew(changed: dict[str, Any]) -> None:
    partition = Partition(definition())
    feed(partition, track(0, "Talk"))
    after = restarted(partition, definition(**changed))
    feed(after, page(1))
    dropped = {key for key, value in after.take_changes() if key[:1] == b"\xf8" and value is None}
    assert len(dropped) == 2
    after.advance(HOUR)
    assert merged(sent(after))[0, "total"] == Sums(events=1, pageviews=1, people=1)


def test_a_closed_window_is_not_opened_again_by_a_restart() -> None:
    partition = Partition(definition())
    feed(partition, page(0), page(90 * SECOND))
    partition.take_outputs()
    after = restarted(partition, definition())
    feed(after, page(1))
    assert after.counts.late_for_window == 1


# -- what is remembered ---------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "remembered"), [(LONG_ENTRY, True), (LONG_ENTRY + 1, False)])
def test_long_channels_and_campaigns_are_not_remembered(length: int, remembered: bool) -> None:
    half = length // 2
    context = {"channel": "c" * half, "campaign": {"name": "n" * (length - half)}}
    partition = Partition(definition())
    feed(partition, page(0, context=context), page(1, context=context), page(2, userId="v", context=context))
    window = partition._windows._open[0]
    assert (len(window.found), len(partition._windows._seen)) == ((1, 1) if remembered else (0, 0))
    partition.advance(2 * HOUR)
    rows = merged(sent(partition))
    assert rows[0, "channel:" + "c" * 200] == Sums(events=3, pageviews=3, people=2, visits=2)
