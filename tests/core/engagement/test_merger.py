"""Windows from the parts of several partitions: when they close, and with what."""

from __future__ import annotations

import pytest

from stream.core.definition import DAY, MINUTE, Definition
from stream.core.engagement.figures import Figures
from stream.core.engagement.merger import Merger
from stream.core.engagement.partials import DayPart, Sums, encode
from tests.core.engagement.mergers import (
    DEFINITION,
    NOON,
    NoReports,
    NoWatch,
    clock,
    feed,
    minutes,
    published,
    restarted,
    settings,
    sums,
    window,
)


def merger(sources: int = 1, definition: Definition = DEFINITION) -> Merger:
    return Merger(definition, sources=sources, watch=NoWatch(), reports=NoReports())


def test_a_window_is_published_once_with_everything() -> None:
    one = merger()
    row = Sums(7, 5, 4, 3, 2, {"Share": 3, "Order": 1}, {"Order": 2}, 1)
    assert feed(one, window(0, {"total": row}), clock(1)) == [
        {
            "schema": "footfall.engagement/1",
            "definition": DEFINITION.engagement_hash(),
            "window_id": f"total@{NOON}",
            "series": "total",
            "status": "final",
            "start": "2026-01-01T12:00:00.000Z",
            "end": "2026-01-01T12:01:00.000Z",
            "events": 7,
            "pageviews": 5,
            "people": 4,
            "visits": 3,
            "engaged": 2,
            "key_events": {"Order": 1, "Share": 3},
            "volume": 6.5,
            "index": 0.5,
            "promoted": 10.0,
            "promoted_people": 1,
            "bands": {},
        }
    ]


def test_the_end_of_a_window_exactly_passed_closes_it() -> None:
    one = merger()
    assert feed(one, window(0, {"total": sums()}), clock(0.99)) == []
    assert minutes(feed(one, clock(1))) == [0]


def test_sums_over_sources_are_exact() -> None:
    one = merger(sources=3)
    for source in range(3):
        feed(one, window(0, {"total": sums(source, key_events={"Order": source})}, source=source))
    (total,) = feed(one, *(clock(1, source=source) for source in range(3)))
    assert (total["events"], total["people"], total["key_events"]) == (3, 3, {"Order": 3})


def test_a_window_waits_for_the_last_source() -> None:
    one = merger(sources=2)
    assert feed(one, window(0, {"total": sums()}), clock(60)) == []
    assert feed(one, window(0, {"total": sums()}, source=1), clock(0.5, source=1)) == []
    (total,) = feed(one, clock(1, source=1))
    assert total["events"] == 2


def test_rows_take_the_place_of_earlier_ones_of_the_same_source() -> None:
    one = merger()
    parts = [window(0, {"total": sums(9), "channel:web": sums(9)}), window(0, {"total": sums(3)})]
    found = feed(one, *parts, *parts, clock(1))
    assert {row["series"]: row["events"] for row in found} == {"total": 3, "channel:web": 9}


def test_parts_of_a_closed_window_change_nothing() -> None:
    one = merger()
    feed(one, window(0, {"total": sums()}), clock(1))
    assert feed(one, window(0, {"total": sums(5)}), clock(1)) == []
    assert minutes(feed(one, clock(2))) == [1]


def test_clocks_do_not_go_back() -> None:
    one = merger()
    feed(one, clock(3), clock(1))
    assert minutes(feed(one, window(2, {"total": sums()}))) == [2]


def test_the_first_window_ever_is_the_first_with_something() -> None:
    one = merger()
    assert feed(one, clock(100)) == []
    assert minutes(feed(one, window(103, {"total": sums()}), clock(105))) == [103, 104]


def test_empty_windows_of_total_and_of_series_seen_within_a_day() -> None:
    one = merger()
    feed(one, window(0, {"total": sums(), "channel:web": sums()}), clock(1))
    found = feed(one, clock(2 * 24 * 60))
    assert minutes(found) == list(range(1, 2 * 24 * 60))
    assert minutes(found, "channel:web") == list(range(1, 24 * 60))
    assert {row["events"] for row in found} == {0}


def test_a_promotion_keeps_a_series_seen() -> None:
    one = merger()
    feed(one, window(0, {"total": sums(), "channel:web": Sums(promoted_people=1)}), clock(1))
    assert minutes(feed(one, clock(2)), "channel:web") == [1]


def test_what_turned_out_to_be_nothing_is_no_row() -> None:
    one = merger()
    found = feed(one, window(0, {"total": sums(), "channel:web": Sums()}), clock(1))
    assert minutes(found, "channel:web") == []


def test_empty_windows_stop_after_31_days_and_go_on_with_the_next_event() -> None:
    definition = settings(window_ms=DAY)
    one = merger(definition=definition)
    day = 24 * 60
    start = window(0, {"total": sums()}).start - NOON % DAY
    first = window(0, {"total": sums()})
    first.start = start
    feed(one, first, clock(day))
    silent = feed(one, clock(365 * day))
    assert len(silent) == 30
    later = window(0, {"total": sums()})
    later.start = start + 400 * DAY
    found = feed(one, later, clock(402 * day))
    assert [row["events"] for row in found] == [1, 0]
    assert found[0]["window_id"] == f"total@{start + 400 * DAY}"


def test_a_long_gap_is_worked_off_in_slices() -> None:
    one = merger()
    one.process([encode(part) for part in (window(0, {"total": sums()}), clock(30 * 24 * 60))])
    first = len(one.take_outputs())
    assert 0 < first < 200
    slices = 1
    while one.work():
        slices += 1
        assert len(one.take_outputs()) < 200
    assert one.counts.windows == 30 * 24 * 60
    assert slices > 100


def test_total_comes_first_then_series_by_name() -> None:
    one = merger()
    names = ["tier:low", "channel:web", "total", "key:Order", "campaign:(none)"]
    found = feed(one, window(0, dict.fromkeys(names, sums())), clock(1))
    assert [row["series"] for row in found] == ["total", *sorted(set(names) - {"total"})]


def test_a_part_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ValueError, match="newer version"):
        merger().process([b"\x92\x63\x00"])


def test_sources_that_are_none_and_windows_of_another_length_are_left_out() -> None:
    one = merger()
    crooked = window(0, {"total": sums()})
    crooked.start += 1
    assert feed(one, crooked, clock(5), window(6, {"total": sums(2)}), clock(7, source=7)) == []
    assert [row["events"] for row in feed(one, clock(7))] == [2]


def test_open_windows_are_shown_every_10_s_when_they_have_changed() -> None:
    one = merger()
    feed(one, window(0, {"total": sums(2)}, final=False))
    one.provisional(NOON)
    (shown,) = published(one)
    assert (shown["status"], shown["events"]) == ("provisional", 2)
    feed(one, window(0, {"total": sums(3)}, final=False))
    one.provisional(NOON + 9_999)
    assert published(one) == []
    one.provisional(NOON + 10_000)
    assert [row["events"] for row in published(one)] == [3]
    one.provisional(NOON + 20_000)
    assert published(one) == []


def test_what_was_said_in_advance_gives_way_to_the_final_word() -> None:
    one = merger()
    feed(one, window(0, {"total": sums(9), "channel:web": sums(9)}, final=False))
    found = feed(one, window(0, {"total": sums(3)}), clock(1))
    assert [(row["series"], row["events"]) for row in found] == [("total", 3)]


def test_what_is_said_in_advance_after_the_final_word_is_no_news() -> None:
    one = merger()
    feed(one, window(0, {"total": sums(3)}))
    one.provisional(NOON)
    assert [row["events"] for row in published(one)] == [3]
    feed(one, window(0, {"total": sums(9)}, final=False))
    one.provisional(NOON + 10_000)
    assert published(one) == []


def test_open_windows_are_shown_again_after_a_restart() -> None:
    one = merger()
    feed(one, window(0, {"total": sums(3)}), window(1, {"total": sums(9)}, final=False))
    other = restarted(one, merger)
    other.provisional(NOON)
    assert [row["events"] for row in published(other)] == [3]


def test_the_last_daily_report_is_known_after_a_restart() -> None:
    one = merger()
    assert one.last_daily is None
    today = NOON // DAY
    for days in (1, 2):
        feed(one, DayPart(0, today + days - 1, Figures()), clock(days * DAY / MINUTE, day=today + days - 1))
    assert one.last_daily is not None
    assert one.last_daily.day == "2026-01-02"
    other = restarted(one, merger)
    assert other.last_daily == one.last_daily
    assert published(other, "daily") == []


def test_what_was_said_in_advance_is_never_final() -> None:
    one = merger()
    feed(one, window(0, {"total": sums()}), clock(1))
    found = feed(one, window(1, {"total": sums(9)}, final=False), clock(2))
    assert [row["events"] for row in found] == [0]


def test_showing_changes_nothing() -> None:
    one, other = merger(definition=settings(max_values=1)), merger(definition=settings(max_values=1))
    first = window(0, {"total": sums()})
    assert feed(one, first, clock(1)) == feed(other, first, clock(1))
    parts = [
        window(2, {"total": sums(), "channel:a": sums()}),
        window(1, {"total": sums(), "channel:b": sums()}),
    ]
    for part in parts:
        feed(one, part)
        one.provisional(-part.start)
        assert published(one)
        feed(other, part)
    assert feed(one, clock(3)) == feed(other, clock(3))
    assert dict(one.take_changes()) == dict(other.take_changes())


def test_only_the_newest_open_windows_are_shown() -> None:
    one = merger(sources=2)
    feed(one, *(window(minute, {"total": sums()}) for minute in range(1000)), clock(1000))
    one.provisional(NOON)
    assert minutes(published(one)) == list(range(990, 1000))


def test_another_length_of_windows_after_a_restart() -> None:
    one = merger()
    feed(one, window(0, {"total": sums()}), window(1, {"total": sums()}), clock(1))
    other = restarted(one, lambda: merger(definition=settings(window_ms=7 * MINUTE)))
    start = NOON + (-NOON % (7 * MINUTE))
    part = window(0, {"total": sums(4)})
    part.start = start
    (row,) = feed(other, part, clock(15))[:1]
    assert (row["window_id"], row["events"]) == (f"total@{start}", 4)
