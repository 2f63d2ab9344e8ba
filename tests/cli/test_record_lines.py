"""Published records as lines: what stands in them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click
import pytest

from stream.cli.record_lines import RecordLines
from stream.core.definition import Definition
from stream.core.partition import Partition
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


def test_other_records_are_shown_as_they_are() -> None:
    assert LINES.line("incidents", b'{"series":"total"}') == '{"series":"total"}'
    assert LINES.line("visits", b'{"schema":"of another version"}') == '{"schema":"of another version"}'
