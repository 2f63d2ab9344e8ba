"""The reference of the metrics is what the code has."""

from __future__ import annotations

from pathlib import Path

from stream.metrics import Metrics, reference

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"


def test_docs_metrics_md_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "run: python -m stream.metrics docs/metrics.md"


def test_names_say_their_unit_or_that_they_count() -> None:
    counts_things = {
        "footfall_open_incidents",
        "footfall_partitions",
        "footfall_persons",
        "footfall_standby_partitions",
        "footfall_worker",
    }
    for family in Metrics().registry.collect():
        assert family.name.startswith("footfall_")
        assert (
            family.type == "counter"
            or family.name.endswith(("_seconds", "_records", "_bytes"))
            or family.name in counts_things
        ), family.name


def test_two_workers_in_a_process_do_not_share_metrics() -> None:
    first, second = Metrics(), Metrics()
    first.visits.inc(3)
    assert b"footfall_visits_total 3.0" in first.render()
    assert b"footfall_visits_total 0.0" in second.render()
