"""What opens an incident, and what does not: warm-up, volume, confirmation, promotions, rhythm, restarts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pytest
from msgspec.structs import replace

from stream.core import records
from stream.core.definition import DAY, HOUR, Definition, Detection, Engagement
from stream.core.engagement.rows import EMPTY, Row
from stream.core.engagement.watching import Verdict, Watch
from stream.core.times import parse_ms
from tests.core.engagement.steady import MONDAY, STEP, Change, row, windows

DEFINITION = Definition(engagement=Engagement(window_ms=STEP))
CHANNELS = {"web": 400.0, "app": 200.0}

Windows = Iterable[tuple[int, Mapping[str, Row]]]


def watching(definition: Definition = DEFINITION) -> Watch:
    return Watch(definition, step_ms=STEP)


def opened(watch: Watch, rows: Windows) -> list[records.Incident]:
    """The records that open incidents."""
    found = [record for start_ms, row in rows for record in watch.window(start_ms, row).incidents]
    return [record for record in found if record.status == "opened"]


def halved(from_day: float, hours: float, channel: str | None = None, factor: float = 0.5) -> Change:
    """Everything, or a channel, is at a factor of itself for a while."""
    start = MONDAY + int(from_day * DAY)

    def change(start_ms: int, name: str, people: float) -> float:
        inside = start <= start_ms < start + int(hours * HOUR) and channel in (None, name)
        return people * (factor if inside else 1.0)

    return change


def restarted(watch: Watch, kept: dict[str, bytes], definition: Definition = DEFINITION) -> Watch:
    """Another one with the state of the first, as it is kept."""
    for key, value in watch.changes():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value
    again = watching(definition)
    for key, value in kept.items():
        again.restore(key, value)
    again.restored()
    return again


def test_a_steady_product_of_four_weeks_opens_nothing() -> None:
    assert opened(watching(), windows(28, CHANNELS)) == []


def test_an_outage_on_the_last_day_of_the_warm_up_opens_nothing() -> None:
    assert opened(watching(), windows(7, CHANNELS, change=halved(6.5, 1, factor=0.0))) == []


def test_an_outage_on_the_first_day_after_the_warm_up_opens_one_incident_of_the_total() -> None:
    incidents = opened(watching(), windows(8, CHANNELS, change=halved(7.5, 1, factor=0.0)))
    assert [(one.series, one.direction, one.since) for one in incidents] == [
        ("total", "drop", "2026-01-12T12:00:00.000Z")
    ]


def test_a_new_value_has_a_warm_up_of_its_own() -> None:
    def late(start_ms: int, name: str, people: float) -> float:
        if name != "new":
            return people
        hours = (start_ms - MONDAY) / HOUR - 12 * 24
        return 0.0 if hours < 0 else people * (8.0 if 36 <= hours < 38 else 1.0)

    found = opened(watching(), windows(15, {**CHANNELS, "new": 12.0}, change=late))
    assert not [one for one in found if one.series == "channel:new"]


@pytest.mark.parametrize(("min_volume", "count"), [(10.0, 0), (1.0, 1)])
def test_a_spike_of_a_series_below_the_minimum_volume_opens_nothing(min_volume: float, count: int) -> None:
    definition = replace(DEFINITION, detection=Detection(min_volume=min_volume))
    spike = halved(10.5, 1, "app", factor=10.0)
    found = opened(watching(definition), windows(11, {"web": 400.0, "app": 4.0}, change=spike))
    assert len([one for one in found if one.series == "channel:app"]) == count


def test_windows_without_anything_are_judged_like_any_other() -> None:
    watch = watching()
    assert opened(watch, windows(10.5, CHANNELS)) == []
    nothing = dict.fromkeys(["total", "channel:web", "channel:app", "key:Order Completed"], EMPTY)
    found = opened(watch, [(MONDAY + int(10.5 * DAY), nothing)])
    assert [(one.series, one.direction, one.value) for one in found] == [("total", "drop", 0.0)]


def test_a_value_just_beyond_its_bound_opens_in_the_second_window_in_a_row() -> None:
    watch, kept = watching(), dict[str, bytes]()
    assert opened(watch, windows(10.5, CHANNELS)) == []
    steady = windows(11, CHANNELS)
    rows = [next_ for next_ in steady if next_[0] >= MONDAY + int(10.5 * DAY)]
    found: list[int] = []
    for start_ms, usual in rows[:3]:
        watch = restarted(watch, kept)
        band = restarted(watch, kept).window(start_ms, usual).bands["channel:app"]["people"]
        people = int(band.upper) + 2
        lifted = {**usual, "channel:app": replace(usual["channel:app"], people=people)}
        found.append(len(opened(watch, [(start_ms, lifted)])))
    assert found[:2] == [0, 1]


def test_a_promotion_opens_nothing_and_an_organic_spike_during_it_does() -> None:
    def promoted(windows: Windows, from_day: float) -> Iterator[tuple[int, dict[str, Row]]]:
        for start_ms, rows in windows:
            volume = 5_000.0 if from_day * DAY <= start_ms - MONDAY < (from_day + 0.5) * DAY else 0.0
            yield start_ms, {name: replace(one, promoted=volume) for name, one in rows.items()}

    assert opened(watching(), promoted(windows(12, CHANNELS), 10.5)) == []
    spike = halved(10.75, 1, factor=2.0)
    found = opened(watching(), promoted(windows(12, CHANNELS, change=spike), 10.5))
    assert [(one.series, one.direction) for one in found] == [("total", "spike")]


def at_newsletters(incidents: list[records.Incident]) -> list[records.Incident]:
    """Those from an hour before to two hours after a Tuesday's 10 o'clock: any other is chance's."""
    return [one for one in incidents if 33 <= (parse_ms(one.since) or 0) % (7 * DAY) / HOUR - 96 < 37]


def test_what_comes_at_its_hour_every_week_opens_nothing_from_the_second_time_on() -> None:
    def newsletter(start_ms: int, name: str, people: float) -> float:
        hour = (start_ms - MONDAY) / HOUR % 168
        return people * (1 + 8 * (name == "app" and 34 <= hour < 35))

    assert at_newsletters(opened(watching(), windows(35, CHANNELS, change=newsletter))) == []


def test_what_comes_every_week_but_far_larger_opens() -> None:
    def newsletter(start_ms: int, name: str, people: float) -> float:
        weeks, hour = divmod((start_ms - MONDAY) / HOUR, 168)
        return people * (1 + (8 if weeks < 4 else 40) * (name == "app" and 34 <= hour < 35))

    found = at_newsletters(opened(watching(), windows(30, CHANNELS, change=newsletter)))
    assert [(one.direction, one.since) for one in found] == [("spike", "2026-02-03T10:00:00.000Z")]


def test_another_level_becomes_usual() -> None:
    found = opened(watching(), windows(28, CHANNELS, change=halved(14.5, 10_000)))
    assert len(found) == 1


@pytest.mark.parametrize("every", [1, 97])
def test_a_restart_anywhere_gives_the_same(every: int) -> None:
    change = halved(8.4, 2, "web")
    rows = [
        one
        for one in windows(9, CHANNELS, change=change)
        if one[0] >= MONDAY + (8 * DAY if every == 1 else 0)
    ]
    first, second, kept = watching(), watching(), dict[str, bytes]()
    if every == 1:
        for start_ms, usual in windows(8, CHANNELS, change=change):
            first.window(start_ms, usual)
            second.window(start_ms, usual)
    verdicts: list[Verdict] = []
    for number, (start_ms, usual) in enumerate(rows):
        verdicts.append(first.window(start_ms, usual))
        assert second.window(start_ms, usual) == verdicts[-1]
        if number % every == 0:
            second = restarted(second, kept)
    assert any(verdict.incidents for verdict in verdicts)


def test_other_settings_begin_anew_and_resolve_what_is_open() -> None:
    watch = watching()
    assert len(opened(watch, windows(8, CHANNELS, change=halved(7.9, 100)))) == 1
    other = replace(DEFINITION, detection=Detection(sensitivity=0.99))
    again = restarted(watch, {}, other)
    rows = [one for one in windows(14.5, CHANNELS, change=halved(14, 1)) if one[0] >= MONDAY + 8 * DAY]
    (resolved,) = again.window(*rows[0]).incidents
    assert resolved.status == "resolved"
    assert resolved.note is not None
    assert "settings changed" in resolved.note
    assert opened(again, rows[1:]) == [], "a warm-up of its own"


def test_a_series_not_seen_for_eight_days_is_forgotten() -> None:
    watch, kept = watching(), dict[str, bytes]()
    for start_ms, rows in windows(2, CHANNELS):
        watch.window(start_ms, rows)
    watch = restarted(watch, kept)
    assert any("channel:app" in key for key in kept)
    for start_ms, rows in windows(11, {"web": 400.0}):
        if start_ms >= MONDAY + 2 * DAY:
            watch.window(start_ms, rows)
    restarted(watch, kept)
    assert not [key for key in kept if key.startswith("watch") and "channel:app" in key]
    assert [key for key in kept if key.startswith("watch") and "channel:web" in key]


@pytest.mark.parametrize(("factor", "count"), [(3.0, 1), (0.0, 0)])
def test_an_open_window_may_open_a_spike_but_no_drop_and_teaches_nothing(factor: float, count: int) -> None:
    watch = watching()
    for start_ms, rows in windows(10.5, CHANNELS):
        watch.window(start_ms, rows)
    dict(watch.changes())
    start_ms, rows = (
        MONDAY + int(10.5 * DAY),
        {
            "total": row(int(840 * factor), int(168 * factor)),
            "channel:web": row(int(560 * factor), int(112 * factor)),
            "channel:app": row(int(280 * factor), int(56 * factor)),
        },
    )
    ahead = watch.peek(start_ms, rows)
    assert [one.provisional for one in ahead] == [True] * count
    assert dict(watch.changes()) == {}
    final = watch.window(start_ms, rows).incidents
    assert {one.record_id for one in ahead} <= {one.record_id for one in final}


def test_detectors_are_kept_in_turns_and_windows_in_between() -> None:
    watch, sizes, kept = watching(), list[int](), dict[str, bytes | None]()
    for start_ms, rows in windows(1, CHANNELS):
        watch.window(start_ms, rows)
        changes = {key: value for key, value in watch.changes() if key.startswith("watch")}
        kept.update(changes)
        sizes.append(sum(len(value or b"") for value in changes.values()))
    whole = sum(len(value or b"") for value in kept.values())
    assert sum(sizes[-48:]) < 48 * whole / 3


def test_state_of_an_earlier_version_begins_anew() -> None:
    watch, kept = watching(), dict[str, bytes]()
    for start_ms, rows in windows(2, CHANNELS):
        watch.window(start_ms, rows)
    restarted(watch, kept)
    (key,) = [key for key in kept if key.endswith("channel:app")]
    again = watching()
    for name, value in kept.items():
        again.restore(name, b"\x90" if name == key else value)
    again.restored()
    outage = [
        one for one in windows(8.8, CHANNELS, change=halved(8.5, 1, factor=0.0)) if one[0] >= MONDAY + 2 * DAY
    ]
    assert opened(again, outage) == [], "a warm-up of its own"
