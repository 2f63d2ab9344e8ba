"""Published records as lines: what stands in them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click
import msgspec
import pytest

from stream.cli.record_lines import RecordLines
from stream.core import records
from stream.core.definition import Definition
from stream.core.partition import Partition
from tests.core.engagement.judging import Run, window
from tests.replay.streams_of_events import DAY, MINUTE, START_MS, event

LINES = RecordLines(ZoneInfo("Europe/Berlin"))


@pytest.fixture(scope="module")
def published() -> dict[str, list[bytes]]:
    campaign = {"context": {"campaign": {"name": "spring", "medium": "email"}, "page": {"path": "/sale"}}}
    values = [
        event(1, "u-1", 0, type="page", **campaign),
        event(2, "u-1", 2 * MINUTE, properties={"total": 12.5}),
        event(3, "u-1", 3 * MINUTE, "Product Viewed"),
        event(4, "u-2", 2 * DAY, type="page"),
        event(5, "u-2", 0),
        b"x" * 300,
        b"\xff",
    ]
    partition = Partition(Definition(), topic="app-events")
    partition.process(values, keys=None, offsets=range(len(values)), arrived_ms=None)
    partition.advance(START_MS + 3 * DAY)
    found: dict[str, list[bytes]] = {}
    for topic, _, value in partition.take_outputs():
        found.setdefault(topic, []).append(value)
    return found


def shown(published: dict[str, list[bytes]], name: str) -> list[str]:
    return [" ".join(click.unstyle(LINES.line(name, value)).split()) for value in published[name]]


def test_visits(published: dict[str, list[bytes]]) -> None:
    assert shown(published, "visits") == [
        "2026-03-01 09:00:00 u-1 3 min 3 events, 1 page, engaged 5: Order Completed "
        "(by /sale, email, spring, asked for)",
        "2026-03-03 09:00:00 u-2 0 s 1 event, 1 page, bounce",
    ]


def test_transitions(published: dict[str, list[bytes]]) -> None:
    assert shown(published, "transitions")[:2] == [
        "2026-03-01 09:00:00 u-1 - -> new registered tier none, 0 engaged visits (m000001)",
        "2026-03-01 09:02:00 u-1 new -> active activated tier low, 1 engaged visit, after 0 days (m000002)",
    ]


def test_late(published: dict[str, list[bytes]]) -> None:
    assert shown(published, "late") == [
        "2026-03-01 09:00:00 u-2 1 d 23 h behind the watermark m000005 at app-events/0:4"
    ]


def test_dead_letters(published: dict[str, list[bytes]]) -> None:
    text, other = shown(published, "dead-letters")
    assert text.startswith("app-events/0:5 not_json not JSON:")
    assert text.endswith("xxx…")
    assert "base64 /w==" in other


def shown_one(name: str, record: object) -> str:
    return " ".join(click.unstyle(LINES.line(name, records.encode(record))).split())


WINDOW = records.Engagement(
    definition="0" * 12,
    window_id="channel:app@1772352720000",
    series="channel:app",
    status="final",
    start="2026-03-01T08:12:00.000Z",
    end="2026-03-01T08:13:00.000Z",
    events=1500,
    pageviews=900,
    people=1040,
    visits=31,
    engaged=260,
    key_events={"Order Completed": 42},
    volume=1212.0,
    index=0.25,
    promoted=0.0,
    promoted_people=0,
    bands={"volume": records.Band(2405.2, 1900.0, 2900.0, 0.9999)},
)


def test_a_window_shows_what_was_expected_where_it_is_watched() -> None:
    assert shown_one("engagement", WINDOW) == (
        "2026-03-01 09:12:00 channel:app volume 1,212 (2,410 expected), people 1,040, index 0.250, 31 visits"
    )


def test_a_window_shows_promotions_and_that_it_is_not_final() -> None:
    open_ = msgspec.structs.replace(WINDOW, status="provisional", promoted=500.0, promoted_people=80)
    assert shown_one("engagement", open_).endswith("31 visits, promoted 500 by 80 people provisional")


def test_an_incident_is_its_sentence_its_notes_and_its_id() -> None:
    run = Run()
    run.add(window(), window({"channel:app": 20.0}))
    run.add(window(), times=3)
    opened, resolved = (shown_one("incidents", record) for record in run.records)
    name = run.records[0].incident_id
    assert opened == f"2026-03-01 01:02:00 opened ticket {run.records[0].sentence} [{name}]"
    assert resolved.startswith("2026-03-01 01:05:00 resolved ticket Engagement volume of channel app is back")


def test_a_day_is_its_people_what_changed_the_active_and_the_phase() -> None:
    traffic = records.Traffic(
        pageviews=9000,
        people=1200,
        visits=1500,
        bounce_rate=0.337,
        pages_per_visit=6.0,
        seconds_per_visit=200.0,
    )
    reached = records.Reached(1, 7, 30)
    day = records.Daily(
        definition="0" * 12,
        day="2026-03-01",
        traffic=traffic,
        channels={},
        active=reached,
        visitors=reached,
        people_by_state={"active": 430, "new": 20},
        people_by_tier={},
        active_before=424,
        sources={"activated": 9, "reactivated": 3, "resurrected": 0, "retained": 418},
        losses={"lapsed": 5, "deleted": 1},
        registrations=20,
        churned=2,
        pseudo_active=4,
        base=900,
        new_user_ratio=0.02,
        activity=0.5,
        retention=0.6,
        churn_rate=0.01,
        phase="growing",
        goals=[],
    )
    assert shown_one("daily", day) == (
        "2026-03-01 1,200 people, 1,500 visits, 34% bounced; 430 active (+9 activated, +3 reactivated, "
        "-5 lapsed, -1 deleted), growing"
    )


def test_other_records_are_shown_as_they_are() -> None:
    assert LINES.line("incidents", b'{"series":"total"}') == '{"series":"total"}'
    assert LINES.line("visits", b'{"schema":"of another version"}') == '{"schema":"of another version"}'
