"""What is said of incidents in advance, behind other settings, of days; and that restarts change nothing."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.core.engagement.judged import Judged
from stream.core.records import Measure
from tests.core.engagement.judging import (
    USUAL,
    Run,
    judged,
    scaled,
    told,
    window,
)

CALM = window()
OUTAGE = window(scaled(0.4))
APP = {"channel:app": 30.0}


def test_a_provisional_spike_has_the_id_of_the_final_one() -> None:
    run = Run()
    run.add(CALM, times=3)
    spike = window(scaled(2))
    [early] = run.incidents.peek(run.now_ms, {}, spike)
    assert run.incidents.peek(run.now_ms, {}, spike) == []
    [opened] = run.add(spike)
    assert early.provisional
    assert not opened.provisional
    assert (early.record_id, early.at, early.sentence) == (opened.record_id, opened.at, opened.sentence)


def test_a_provisional_window_never_opens_a_drop_nor_a_narrower_series() -> None:
    run = Run()
    run.add(CALM, times=3)
    assert run.incidents.peek(run.now_ms, {}, OUTAGE) == []
    assert run.incidents.peek(run.now_ms, {}, window({"channel:app": 300})) == []


def test_looking_ahead_changes_nothing() -> None:
    run, other = Run(), Run()
    for one in (run, other):
        one.add(CALM, times=3)
    run.incidents.peek(run.now_ms, {}, window(scaled(3)))
    assert dict(run.incidents.changes()) == dict(other.incidents.changes())
    assert run.add(OUTAGE, CALM, times=3) == other.add(OUTAGE, CALM, times=3)


def test_other_settings_resolve_what_is_open_and_the_next_says_so() -> None:
    run = Run()
    run.add(CALM, OUTAGE)
    [ended] = run.incidents.begin_anew("settings changed")
    assert told([ended]) == ["resolved total drop page"]
    assert ended.note == "settings changed"
    run.add(CALM, times=30)
    [opened] = run.add(OUTAGE)
    assert opened.note == "settings changed: baselines began anew at 2026-03-01T00:02:00.000Z"


def test_what_was_before_other_settings_is_not_drawn() -> None:
    run = Run()
    run.add(CALM, times=30)
    run.incidents.begin_anew("settings changed")
    run.restart()
    run.add(CALM, times=9)
    [opened] = run.add(OUTAGE)
    line = opened.chart.partition('class="v" d="')[2].partition('"')[0]
    assert len(line.replace("-", " ").replace("l", " ").split()) == 2 * 10


def decline(people: float, expected: float) -> dict[str, dict[Measure, Judged]]:
    return {"total": {"people": judged(people, expected, band=0.05)}}


def test_a_slow_decline_is_one_incident_of_days() -> None:
    run = Run()
    days = [f"2026-03-{day:02}" for day in range(1, 13)]
    records = [
        record
        for number, day in enumerate(days)
        for record in run.incidents.day(day, decline(900 if 3 <= number < 8 else 1000, 1000))
    ]
    assert told(records) == ["opened total drop ticket", "resolved total drop ticket"]
    assert records[0].incident_id == "total@2026-03-04"
    assert (records[0].period, records[0].since) == ("day", "2026-03-04T00:00:00.000Z")
    assert records[0].sentence.startswith(
        "The number of people dropped to 900 a day on 2026-03-04, 10 % below the 1,000 expected"
    )


def test_open_incidents_are_known_with_all_that_was_said_after_a_restart() -> None:
    run = Run()
    [opened] = run.add(CALM, OUTAGE)
    run.restart()
    assert run.incidents.open() == [opened]
    run.add(CALM, times=10)
    assert run.incidents.open() == []


levels = st.sampled_from([0.0, 0.3, 0.75, 0.85, 0.95, 1.0, 1.0, 1.0, 1.1, 1.3, 1.5, 2.5])
random_windows = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(sorted(USUAL)), levels), st.integers(1, 6)), max_size=25
)


def played(plays: list[tuple[dict[str, float], int]], *, restart_every: int | None = None) -> Run:
    run = Run()
    for number, (factors, times) in enumerate(plays):
        values = {series: USUAL[series] * factor for series, factor in factors.items()}
        run.add(window(values), times=times)
        if restart_every is not None and number % restart_every == 0:
            run.restart()
    return run


@settings(max_examples=80, deadline=None)
@given(random_windows)
# after an outage a part and the product are above: that is still of the product, whose incident is open
@example(
    [
        ({"channel:app": 0.0, "channel:web": 0.0, "total": 0.0}, 1),
        ({"channel:app": 0.0, "total": 1.3, "tier:low": 1.5}, 1),
    ]
)
def test_every_incident_opens_once_and_resolves_once_at_most(
    plays: list[tuple[dict[str, float], int]],
) -> None:
    records = played(plays).records
    ids = [record.record_id for record in records]
    assert len(set(ids)) == len(ids)
    open_: dict[str, str] = {}
    for record in records:
        if record.status == "opened":
            assert record.series not in open_
            open_[record.series] = record.incident_id
        else:
            assert open_[record.series] == record.incident_id
        if record.status == "resolved":
            del open_[record.series]


@settings(max_examples=40, deadline=None)
@given(random_windows, st.integers(1, 3))
def test_restarts_anywhere_change_no_record(plays: list[tuple[dict[str, float], int]], every: int) -> None:
    assert played(plays, restart_every=every).records == played(plays).records
