"""What people say of incidents: what it does, for how long, that a repeat does nothing, how it travels."""

from __future__ import annotations

import msgspec
import pytest

from stream.core.definition import DAY
from stream.core.engagement.control import Action, Control, decode_json, encode_json
from stream.core.engagement.rows import TOTAL
from tests.core.engagement.judging import MINUTE, Run, scaled, told, window

CALM = window()
OUTAGE = window(scaled(0.4))
MILD = window(scaled(0.75))
NOON_MS = 1_772_366_400_000  # 2026-03-01T12:00:00Z


def control(run: Run, action: Action, *, number: int = 1, for_ms: int | None = None) -> Control:
    return Control(
        control_id=f"c{number}",
        incident_id=run.records[-1].incident_id,
        action=action,
        by="anna",
        at_ms=NOON_MS,
        for_ms=for_ms,
        reason="a test",
    )


def opened(values: dict[str, dict] = MILD) -> Run:  # type: ignore[type-arg]
    run = Run()
    run.add(CALM, values)
    assert run.records[-1].status == "opened"
    return run


def test_ack_is_noted_and_pages_nobody_any_more() -> None:
    run = opened()
    [noted] = run.incidents.control(control(run, "ack"))
    assert (noted.status, noted.severity) == ("updated", "ticket")
    assert noted.record_id == f"{noted.incident_id}/ack-c1"
    assert noted.note == "acknowledged by anna at 2026-03-01 12:00 UTC (a test)"
    assert run.add(OUTAGE, times=5) == []
    [resolved] = run.add(CALM, times=3)
    assert (resolved.severity, resolved.note) == ("ticket", noted.note)


def test_without_ack_the_same_becomes_a_page() -> None:
    assert told(opened().add(OUTAGE, times=2)) == ["updated-page total drop page"]


def test_snooze_keeps_from_opening_until_its_end() -> None:
    run = opened()
    run.incidents.control(control(run, "snooze", for_ms=30 * MINUTE))
    assert told(run.add(CALM, times=3)) == ["resolved total drop ticket"]
    run.add(CALM, times=20)
    assert run.add(OUTAGE, times=7) == []
    assert told(run.add(OUTAGE)) == ["opened total drop page"]


def test_snooze_keeps_from_paging_until_its_end() -> None:
    run = opened()
    [noted] = run.incidents.control(control(run, "snooze", for_ms=5 * MINUTE))
    assert noted.note == "snoozed by anna at 2026-03-01 12:00 UTC until 2026-03-01 00:07 UTC (a test)"
    assert run.add(OUTAGE, times=5) == []
    assert told(run.add(OUTAGE)) == ["updated-page total drop page"]


def test_snooze_of_the_product_covers_what_moves_with_it_and_nothing_else() -> None:
    run = opened()
    run.incidents.control(control(run, "snooze", for_ms=60 * MINUTE))
    run.add(CALM, times=20)
    assert run.add(OUTAGE) == []
    assert told(run.add(window({"channel:app": 20.0}))) == ["opened channel:app drop ticket"]


def test_false_ends_it_and_says_for_how_long_the_bar_is_raised() -> None:
    run = opened()
    [ended] = run.incidents.control(control(run, "false"))
    assert (ended.status, ended.record_id) == ("resolved", f"{ended.incident_id}/resolved")
    assert ended.note == (
        "false alarm, says anna at 2026-03-01 12:00 UTC (a test): until 2026-03-08 00:02 UTC this series "
        "must be 100 times less usual to open an incident"
    )
    assert run.add(CALM, times=10) == []


def test_a_false_alarm_that_goes_on_opens_nothing_until_the_cooldown_after_it() -> None:
    run = opened(OUTAGE)
    run.incidents.control(control(run, "false"))
    assert run.add(OUTAGE, times=60) == []
    assert run.add(CALM, times=9) == []
    assert run.add(OUTAGE) == []
    assert run.add(CALM, times=10) == []
    assert told(run.add(OUTAGE)) == ["opened total drop page"]


def test_the_bar_is_raised_for_seven_days_of_windows() -> None:
    run = opened()
    run.incidents.control(control(run, "false"))
    assert run.incidents.bar(TOTAL, run.now_ms) == 2
    assert run.incidents.bar(TOTAL, run.now_ms + 7 * DAY - 1) == 2
    assert run.incidents.bar(TOTAL, run.now_ms + 7 * DAY) == 0


def test_the_bar_of_the_product_holds_of_every_series_and_that_of_a_channel_of_itself() -> None:
    run = opened()
    run.incidents.control(control(run, "false"))
    assert run.incidents.bar("channel:app", run.now_ms) == 2
    run = opened(window({"channel:app": 20.0}))
    run.incidents.control(control(run, "false"))
    assert run.incidents.bar("channel:app", run.now_ms) == 2
    assert run.incidents.bar(TOTAL, run.now_ms) == 0


def test_false_alarms_add_up_to_a_limit() -> None:
    run = opened()
    bars = []
    for number in range(5):
        run.incidents.control(control(run, "false", number=number))
        bars.append(run.incidents.bar(TOTAL, run.now_ms))
    assert bars == [2, 4, 6, 6, 6]


def test_later_incidents_of_the_series_say_so() -> None:
    run = opened()
    run.incidents.control(control(run, "false"))
    run.add(CALM, times=20)
    [again] = run.add(OUTAGE)
    [resolved] = run.add(CALM, times=3)
    note = (
        "after a false alarm of total (by anna), opening takes a value 100 times less usual, "
        "until 2026-03-08 00:02 UTC"
    )
    assert (again.note, resolved.note) == (note, note)


def test_what_is_said_of_an_ended_incident_is_noted_with_it() -> None:
    run = opened()
    run.add(CALM, times=3)
    [noted] = run.incidents.control(control(run, "false"))
    assert (noted.status, noted.record_id) == ("resolved", f"{noted.incident_id}/false-c1")
    assert run.incidents.bar(TOTAL, run.now_ms) == 2


@pytest.mark.parametrize("action", ["ack", "snooze", "false"])
def test_a_repeat_changes_nothing_also_after_a_restart(action: Action) -> None:
    run = opened()
    said = control(run, action, for_ms=MINUTE)
    assert len(run.incidents.control(said)) == 1
    assert run.incidents.control(said) == []
    run.restart()
    bar = run.incidents.bar(TOTAL, run.now_ms)
    assert run.incidents.control(said) == []
    assert run.incidents.bar(TOTAL, run.now_ms) == bar


def test_an_unknown_incident_changes_nothing() -> None:
    run = opened()
    list(run.incidents.changes())
    unknown = msgspec.structs.replace(control(run, "false"), incident_id="total@1")
    assert run.incidents.control(unknown) == []
    assert list(run.incidents.changes()) == []


@pytest.mark.parametrize("action", ["ack", "snooze", "false"])
def test_restarts_keep_what_was_said(action: Action) -> None:
    runs = [opened(), opened()]
    for number, run in enumerate(runs):
        run.records += run.incidents.control(control(run, action, for_ms=8 * MINUTE))
        for values in (OUTAGE, CALM, CALM, CALM, *[CALM] * 12, MILD, OUTAGE, CALM, CALM, CALM):
            if number:
                run.restart()
            run.add(values)
    assert runs[0].records == runs[1].records


def test_json_and_back() -> None:
    said = Control("c1", "key:Order Completed@1", "snooze", "anna", NOON_MS, 7_200_000, "maintenance")
    assert decode_json(encode_json(said)) == said
    assert msgspec.json.decode(encode_json(said)) == {
        "schema": "footfall.control/1",
        "control_id": "c1",
        "incident_id": "key:Order Completed@1",
        "action": "snooze",
        "by": "anna",
        "at": "2026-03-01T12:00:00.000Z",
        "for_s": 7200.0,
        "reason": "maintenance",
    }


SOUND = msgspec.json.decode(encode_json(Control("c1", "total@1", "snooze", "anna", NOON_MS, 1000)))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"action": "explode"}, "action"),
        ({"at": "yesterday"}, "`at`"),
        ({"incident_id": ""}, "may not be empty"),
        ({"for_s": None}, "`for_s`"),
        ({"for_s": 0}, "`for_s`"),
        ({"for_s": 31 * 86_400 + 1}, "`for_s`"),
        ({"schema": "footfall.control/2"}, "schema"),
    ],
)
def test_what_is_no_control_says_why(change: dict[str, object], names: str) -> None:
    with pytest.raises(ValueError, match="not a control record") as caught:
        decode_json(msgspec.json.encode(SOUND | change))
    assert names in str(caught.value)


def test_bytes_that_are_no_json_are_no_control() -> None:
    with pytest.raises(ValueError, match="not a control record"):
        decode_json(b"\xff")
