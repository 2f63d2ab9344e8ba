"""When incidents open, rise and end, and what they hold together."""

from __future__ import annotations

from stream.core.engagement.judged import Judged, Sign
from stream.core.engagement.rows import Row
from stream.core.records import Measure
from tests.core.engagement.judging import (
    MINUTE,
    START_MS,
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


def test_an_outage_is_one_incident_and_all_that_moves_is_listed_in_it() -> None:
    run = Run()
    run.add(CALM, times=5)
    run.add(OUTAGE, times=4)
    run.add(CALM, times=10)
    assert told(run.records) == ["opened total drop page", "resolved total drop page"]
    assert [moved.series for moved in run.records[0].moved] == sorted(set(USUAL) - {"total"})
    assert run.records[0].record_id == f"total@{START_MS + 5 * MINUTE}/opened"
    assert (run.records[0].since, run.records[0].at) == (
        "2026-03-01T00:05:00.000Z",
        "2026-03-01T00:06:00.000Z",
    )


def test_it_resolves_after_so_many_windows_back_inside_and_not_before() -> None:
    run = Run()
    run.add(CALM, OUTAGE)
    assert run.add(CALM, CALM) == []
    assert told(run.add(CALM)) == ["resolved total drop page"]


def test_a_window_that_deviates_again_counts_from_anew() -> None:
    run = Run()
    run.add(CALM, OUTAGE, CALM, CALM, OUTAGE)
    assert run.add(CALM, CALM) == []
    assert told(run.add(CALM)) == ["resolved total drop page"]


def at_reach(reach: float) -> dict[str, dict[Measure, Judged]]:
    return window({"total": 400 * (1 - 0.2 * reach)})


def test_seven_tenths_of_the_band_keeps_it_open() -> None:
    run = Run()
    run.add(CALM, OUTAGE)
    run.add(at_reach(0.71), times=20)
    assert told(run.records) == ["opened total drop page"]


def test_below_seven_tenths_of_the_band_is_back_inside() -> None:
    run = Run()
    run.add(CALM, OUTAGE)
    assert told(run.add(at_reach(0.69), times=3)) == ["resolved total drop page"]


def test_since_is_the_first_window_of_the_run_that_was_confirmed_later() -> None:
    run = Run()
    unconfirmed = {"total": {"volume": judged(300, 400, out=0)}}
    run.add(CALM, unconfirmed, unconfirmed)
    opened = run.add(window({"total": 300}))
    assert [record.since for record in opened] == ["2026-03-01T00:01:00.000Z"]
    assert opened[0].incident_id == f"total@{START_MS + MINUTE}"


def test_a_hole_in_the_run_begins_it_anew() -> None:
    run = Run()
    run.add({"total": {"volume": judged(300, 400, out=0)}}, CALM)
    assert run.add(window({"total": 300}))[0].since == "2026-03-01T00:02:00.000Z"


def test_windows_of_an_incident_that_has_ended_begin_no_other() -> None:
    def with_people(volume: float, *, out: Sign) -> dict[str, dict[Measure, Judged]]:
        return {"total": {"volume": judged(volume, 400), "people": judged(70, 100, out=out)}}

    run = Run()
    run.add(CALM)
    run.add(with_people(300, out=0))
    run.add(with_people(400, out=0), times=20)
    run.add(with_people(400, out=-1))
    assert told(run.records) == [
        "opened total drop ticket",
        "resolved total drop ticket",
        "opened total drop page",
    ]
    assert [record.since[14:16] for record in run.records] == ["01", "01", "02"]


def test_the_product_joins_the_channel_that_was_out_first() -> None:
    run = Run()
    run.add(CALM, window(APP))
    run.add(window(APP | {"total": 310}), times=2)
    run.add(CALM, times=5)
    assert told(run.records) == ["opened channel:app drop ticket", "resolved channel:app drop ticket"]
    assert [moved.series for moved in run.records[1].moved] == ["total"]


def test_it_becomes_a_page_when_the_product_is_hit_hard() -> None:
    run = Run()
    run.add(CALM)
    run.add(window(APP), times=30)
    assert run.add(window(APP | {"total": 150})) == []
    updated = run.add(window(APP | {"total": 150}))
    assert told(updated) == ["updated-page channel:app drop page"]
    assert run.add(window(APP | {"total": 150}), times=5) == []
    assert "engagement volume of the whole product is 62 % below the 400 expected" in updated[0].sentence


def test_another_series_joins_for_fifteen_windows() -> None:
    run = Run()
    run.add(CALM, window(APP))
    run.add(window(APP), times=14)
    assert run.add(window(APP | {"channel:web": 100})) == []


def test_after_fifteen_windows_another_series_is_another_cause() -> None:
    run = Run()
    run.add(CALM, window(APP))
    run.add(window(APP), times=15)
    assert told(run.add(window(APP | {"channel:web": 100}))) == ["opened channel:web drop ticket"]


def test_what_the_lead_accounts_for_half_of_joins_at_any_time() -> None:
    run = Run()
    run.add(CALM, window(APP))
    run.add(window(APP), times=30)
    assert run.add(window(APP | {"tier:none": 300 - 180})) == []
    assert run.add(window(APP), times=5) == []
    assert told(run.add(window(APP | {"key:Product Added": 250 - 181}))) == [
        "opened key:Product Added drop page"
    ]


def test_what_joins_in_the_same_window_as_the_product_goes_with_it() -> None:
    run = Run()
    run.add(CALM, window(APP))
    run.add(window(APP), times=30)
    assert run.add(window(APP | {"total": 300, "channel:web": 150})) == []


def test_the_smallest_series_that_has_nearly_all_of_it_leads() -> None:
    run = Run()
    run.add(CALM)
    run.add(window({"channel:web": 190, "key:Order Completed": 60, "tier:none": 210}))
    assert told(run.records) == ["opened key:Order Completed drop page"]


def test_a_series_with_less_than_seven_tenths_of_it_does_not_lead() -> None:
    for lost, lead in ((62, "channel:web"), (63, "tier:low")):
        run = Run()
        run.add(CALM, window({"channel:web": 280 - 90, "tier:low": 100 - lost}))
        assert [record.series for record in run.records] == [lead]


def test_of_equals_the_channel_leads_before_the_tier() -> None:
    run = Run()
    run.add(CALM)
    run.add(window(scaled(0.5, ["tier:none", "channel:web"])))
    assert [record.series for record in run.records] == ["channel:web"]


def alone_out(series: str, values: dict[str, float]) -> dict[str, dict[Measure, Judged]]:
    """Only one series is sure enough to open an incident."""
    return {
        name: {"volume": judged(values.get(name, usual), usual, out=None if name == series else 0)}
        for name, usual in USUAL.items()
    }


def test_the_product_leads_where_all_change_alike_and_only_a_part_is_sure() -> None:
    run = Run()
    run.add(CALM, alone_out("channel:app", scaled(0.5)))
    assert told(run.records) == ["opened total drop page"]


def test_the_product_leads_from_six_tenths_of_the_change_on() -> None:
    for total, lead in ((400 * 0.7, "total"), (400 * 0.71, "tier:low")):
        run = Run()
        run.add(CALM, alone_out("tier:low", {"tier:low": 50, "total": total}))
        assert [record.series for record in run.records] == [lead]


def test_a_series_that_has_half_of_it_leads() -> None:
    for total, lead in ((400 - 280, "total"), (400 - 279, "channel:web")):
        run = Run()
        run.add(CALM, alone_out("channel:web", {"channel:web": 140, "total": total}))
        assert [record.series for record in run.records] == [lead]


def test_up_and_down_of_different_series_are_two_causes() -> None:
    run = Run()
    run.add(CALM)
    run.add(window({"channel:app": 30, "channel:web": 500}))
    assert told(run.records) == ["opened channel:app drop ticket", "opened channel:web spike ticket"]


def with_index(index: float, values: dict[str, float] | None = None) -> dict[str, dict[Measure, Judged]]:
    rows = window(values)
    rows["total"]["index"] = judged(index, 0.3)
    return rows


def test_a_spike_that_dilutes_the_index_is_one_incident() -> None:
    run = Run()
    run.add(with_index(0.3))
    run.add(with_index(0.2, {"total": 900.0}), times=3)
    run.add(with_index(0.3), times=8)
    assert told(run.records) == [
        "opened total spike ticket",
        "updated-page total spike page",
        "resolved total spike page",
    ]


def test_the_end_of_a_spike_opens_no_drop() -> None:
    run = Run()
    run.add(CALM, times=3)
    run.add(window(scaled(2)), times=10)
    adapted = {series: {"volume": judged(expected, expected * 1.6)} for series, expected in USUAL.items()}
    run.add(adapted, times=8)
    run.add(CALM, times=20)
    assert told(run.records) == [
        "opened total spike ticket",
        "updated-page total spike page",
        "resolved total spike page",
    ]


def test_an_outage_behind_a_spike_opens_at_once() -> None:
    run = Run()
    run.add(CALM, times=3)
    run.add(window(scaled(2)), times=4)
    assert told(run.add(window(scaled(0.4)))) == ["resolved total spike page", "opened total drop page"]
    assert run.records[-1].since == run.records[-1].at[:14] + "07:00.000Z"


def test_a_catch_up_clearly_beyond_what_was_ordinary_is_a_spike() -> None:
    run = Run()
    run.add(CALM, times=3)
    run.add(OUTAGE, times=5)
    run.add(CALM, times=3)
    assert told(run.add(window(scaled(1.45)))) == ["opened total spike ticket"]


def test_a_catch_up_within_twice_the_band_is_none() -> None:
    run = Run()
    run.add(CALM, times=3)
    run.add(OUTAGE, times=5)
    run.add(CALM, times=3)
    assert run.add(window(scaled(1.35))) == []


MILD = window(scaled(0.75))


def test_nothing_of_it_opens_again_within_the_cooldown() -> None:
    run = Run()
    run.add(CALM, MILD)
    run.add(CALM, times=3)
    assert told(run.records) == ["opened total drop ticket", "resolved total drop ticket"]
    assert run.add(CALM, MILD, times=5) == []


def test_it_opens_again_behind_the_cooldown() -> None:
    run = Run()
    run.add(CALM, MILD)
    run.add(CALM, times=3 + 10)
    assert told(run.add(MILD)) == ["opened total drop ticket"]


def test_a_page_that_lasts_opens_within_the_cooldown() -> None:
    run = Run()
    run.add(CALM, OUTAGE)
    run.add(CALM, times=4)
    assert run.add(OUTAGE, times=2) == []
    assert told(run.add(OUTAGE)) == ["opened total drop page"]
    assert len({record.incident_id for record in run.records}) == 2


def page(values: dict[str, float], *, windows: int) -> bool:
    run = Run()
    run.add(CALM, *[window(values)] * windows)
    return run.records[-1].severity == "page"


def test_a_drop_by_thirty_percent_pages_in_its_third_window() -> None:
    assert not page({"total": 280}, windows=2)
    assert page({"total": 280}, windows=3)
    assert not page({"total": 281}, windows=9)


def test_a_drop_by_half_pages_at_once() -> None:
    assert page({"total": 200}, windows=1)
    assert not page({"total": 201}, windows=1)


def test_a_spike_to_double_pages_in_its_third_window_and_to_triple_at_once() -> None:
    assert not page({"total": 800}, windows=2)
    assert page({"total": 800}, windows=3)
    assert page({"total": 1200}, windows=1)
    assert not page({"total": 799}, windows=9)


def test_what_has_got_better_pages_nobody() -> None:
    run = Run()
    run.add(CALM)
    run.add(window({"total": 220}), times=2)
    assert run.add(window({"total": 330})) == []
    assert told(run.add(window({"total": 280}))) == ["updated-page total drop page"]


def test_what_no_window_alone_makes_unlikely_pages_as_it_lasts() -> None:
    gone = window()
    gone["key:Order Completed"]["volume"] = judged(0, 150, band=0.9)._replace(score=0.999)
    run = Run()
    run.add(CALM)
    assert told(run.add(gone)) == ["opened key:Order Completed drop ticket"]
    assert told(run.add(gone)) == ["updated-page key:Order Completed drop page"]


def test_a_key_event_pages_and_a_channel_never_does() -> None:
    assert page({"key:Order Completed": 0}, windows=1)
    assert not page({"channel:web": 0}, windows=9)


def test_a_level_that_has_become_usual_is_said_when_it_resolves() -> None:
    run = Run()
    run.add(CALM, times=3)
    run.add(OUTAGE, times=3)
    usual_now = {
        series: {"volume": judged(expected * 0.4, expected * 0.4)} for series, expected in USUAL.items()
    }
    resolved = run.add(usual_now, times=3)
    assert told(resolved) == ["resolved total drop page"]
    note = "the level of before has not come back (400 was expected then): this one is usual now"
    assert resolved[0].note == note


def test_what_is_promoted_is_shown_and_opens_nothing() -> None:
    run = Run()
    rows = {"total": Row(promoted=500.0)}
    assert run.add(CALM, times=5, rows=rows) == []
    [opened] = run.add(OUTAGE, rows=rows)
    assert opened.promoted == 500
    assert "500 a minute from promotions are not counted" in opened.sentence


def test_a_series_that_is_no_longer_published_is_over() -> None:
    run = Run()
    run.add(CALM, window(APP))
    without = {series: measures for series, measures in CALM.items() if series != "channel:app"}
    assert run.add(without, times=2) == []
    [resolved] = run.add(without)
    assert resolved.sentence == (
        "Engagement volume of channel app deviated for 1 min; nothing of it has been seen for a day, "
        "and it is over."
    )


def test_an_index_without_people_is_no_news() -> None:
    run = Run()
    run.add(with_index(0.3), with_index(0.2))
    run.add(CALM, times=10)
    assert told(run.add(with_index(0.3), times=3)) == ["resolved total drop ticket"]


def test_the_end_of_a_channels_drop_hides_no_spike_of_the_product() -> None:
    run = Run()
    run.add(CALM, window(APP))
    run.add(CALM, times=3)
    assert told(run.add(window(scaled(1.3, ["total", "channel:web"])))) == ["opened total spike ticket"]


def test_an_outage_while_a_parts_spike_is_open_is_seen_at_once() -> None:
    run = Run()
    run.add(CALM, window({"channel:app": 200}), times=1)
    run.add(window({"channel:app": 200, "total": 490}))
    assert "opened total drop ticket" in told(run.add(window(scaled(0.7))))


def test_an_outage_behind_a_long_incident_is_seen() -> None:
    run = Run()
    run.add(CALM, times=3)
    run.add(window(scaled(1.3)), times=150)
    assert "opened total drop page" in told(run.add(OUTAGE))
