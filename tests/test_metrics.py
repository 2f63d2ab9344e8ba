"""The reference of the metrics is what the code has."""

from __future__ import annotations

from pathlib import Path

from stream.metrics import Metrics, reference

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"


def test_docs_metrics_md_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "run: python -m stream.metrics docs/metrics.md"


def test_every_metric_is_in_the_reference_once() -> None:
    rows = [line.split("`")[1] for line in reference().splitlines() if line.startswith("| `footfall_")]
    assert len(rows) == len(set(rows))
    suffixes = {"counter": "_total", "info": "_info"}
    declared = {
        family.name + suffixes.get(family.type, "")
        for family in Metrics().registry.collect()
        if not family.name.startswith("process_")
    }
    assert declared <= set(rows)


def test_names_say_their_unit_or_what_they_count() -> None:
    units = ("_seconds", "_records", "_bytes", "_ratio")
    things = (
        "people",
        "people_by_tier",
        "visits",
        "events",
        "profiles",
        "incidents",
        "partitions",
        "streams",
    )
    things += ("pageviews", "registrations", "active_gained", "active_lost")
    # in the units of what they are about: weights, a measure's own
    others = {f"engagement_{name}" for name in ("volume", "expected", "lower", "upper", "score")}
    # 1 or 0
    others |= {"worker", "ready", "incident_open", "incident_info", "daily_phase"}
    for family in Metrics().registry.collect():
        if family.name.startswith("process_"):
            continue
        assert family.name.startswith("footfall_")
        name = family.name.removeprefix("footfall_")
        assert family.type == "counter" or name.endswith((*units, *things)) or name in others, name


def test_two_workers_in_a_process_do_not_share_metrics() -> None:
    first, second = Metrics(), Metrics()
    first.visits.inc(3)
    assert b"footfall_visits_total 3.0" in first.render()
    assert b"footfall_visits_total 0.0" in second.render()


def test_what_can_be_counted_is_there_at_0_so_that_the_first_one_is_an_increase() -> None:
    shown = Metrics().render().decode()
    for counter in (
        'events_total{destination="dead_letter"}',
        'dead_letters_total{reason="wrong_key"}',
        'transitions_total{kind="lifecycle",reason="registered"}',
        'transitions_total{kind="tier",reason="tier_up"}',
        'incidents_total{direction="drop",severity="page"}',
    ):
        assert f"footfall_{counter} 0.0" in shown
