"""The dashboards' JSON: as the code makes it, whole by Grafana's models, of metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.dashboards.written import dashboards, fill, text, write
from stream.metrics import reference
from tests.deploy.boards import FILES, GRAFANA, asked, boards, choices, metric_names, panels


class Exported(NamedTuple):
    """A metric of ours, and the names of its series as Prometheus sees them."""

    name: str
    type: str
    labels: set[str]

    @property
    def series(self) -> set[str]:
        suffixes = ("_bucket", "_sum", "_count") if self.type == "histogram" else ("",)
        return {self.name + suffix for suffix in suffixes}


METRICS = [
    Exported(name, kind, set(re.findall(r"`(\w+)`", labels)))
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", reference(), re.M)
]
PAGE = Path(__file__).parents[2] / "docs" / "dashboards.md"
PROMETHEUS_ANNOTATION = {"step", "titleFormat", "textFormat", "tagKeys"}
"""What Grafana's Prometheus data source reads of an annotation, and the SDK's model does not know."""


def test_the_checked_in_json_is_what_the_code_makes(tmp_path: Path) -> None:
    write(tmp_path)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    found = {path.name: path.read_text() for path in FILES}
    assert found == made, "run: make panels"


def test_the_tables_in_the_docs_are_what_the_code_makes(tmp_path: Path) -> None:
    page = tmp_path / "dashboards.md"
    page.write_text(PAGE.read_text())
    fill(page)
    assert page.read_text() == PAGE.read_text(), "run: make panels"


def test_there_are_the_four_dashboards_with_fixed_addresses() -> None:
    assert {board["uid"]: board["title"] for board in boards().values()} == {
        "footfall-live": "Footfall: Live",
        "footfall-lifecycle": "Footfall: Lifecycle",
        "footfall-engagement": "Footfall: Engagement",
        "footfall-operations": "Footfall: Operations",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_grafanas_models_know_every_field(path: Path) -> None:
    """Read by the SDK's models, which are made from Grafana's schemas, and written again: nothing is lost."""
    written = text(Dashboard.from_json(_plain(path)))
    assert written == text(Dashboard.from_json(yaml.safe_load(written)))
    assert yaml.safe_load(written) == _plain(path)


def _plain(path: Path) -> dict[str, Any]:
    board = boards()[path.stem]
    for annotation in board.get("annotations", {}).get("list", ()):
        assert annotation.keys() >= PROMETHEUS_ANNOTATION
        for key in PROMETHEUS_ANNOTATION:
            del annotation[key]
    return board


def test_ids_of_panels_are_unique_and_they_fill_their_lines_without_overlap() -> None:
    for name, board in boards().items():
        numbers = [panel["id"] for panel in board["panels"]]
        assert len(set(numbers)) == len(numbers), name
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24, (name, panel["title"])
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, (name, panel["title"])
            taken |= cells
        assert len(taken) == 24 * (1 + max(y for _, y in taken)), name


def test_every_panel_says_what_it_tells_in_one_sentence_with_a_unit_and_a_legend() -> None:
    known = {unit for key, unit in vars(units).items() if not key.startswith("_") and isinstance(unit, str)}
    for name, board in boards().items():
        titles = [panel["title"] for panel in panels(board)]
        assert len(set(titles)) == len(titles), name
        for panel in panels(board):
            where = f"{name}: {panel['title']}"
            description = panel["description"]
            assert description.endswith("."), where
            assert ". " not in description, where
            assert panel["fieldConfig"]["defaults"]["unit"] in known, where
            if panel["type"] != "table":
                assert all(target["legendFormat"] for target in panel["targets"]), where


def test_everything_asked_for_is_a_metric_of_ours() -> None:
    exported = set().union(*(metric.series for metric in METRICS))
    exported |= {"process_cpu_seconds_total", "process_open_fds", "process_resident_memory_bytes"}
    for query in asked():
        names = metric_names(query.expr)
        assert names, query.name
        assert names <= exported, query.name
    for name, variable in choices():
        assert metric_names(variable["query"]["query"]) <= exported, (name, variable["name"])


def test_every_metric_is_on_a_panel() -> None:
    shown = {name for query in asked() for name in metric_names(query.expr)}
    missing = {metric.name for metric in METRICS if not shown & metric.series}
    assert missing == {
        # Seen where it is done, in the answer to `footfall incidents false`.
        "footfall_feedback_total",
    }


def test_no_query_mixes_products_and_all_go_to_the_chosen_data_source() -> None:
    for query in asked():
        selectors = re.findall(r"\b(?:footfall|process)_[a-z_]+(\{[^}]*\})?", query.expr)
        assert all('job="$job"' in selector for selector in selectors), query.name
    for name, board in boards().items():
        for panel in panels(board):
            for target in (panel, *panel["targets"]):
                assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, name


def test_gauges_that_move_between_workers_are_counted_once() -> None:
    """While a partition changes hands, two workers show it for a scrape: a plain sum would count it twice."""
    moving = {"partition", "series", "incident", "state", "source", "phase"}
    found = 0
    for metric in METRICS:
        if metric.type != "gauge" or not metric.labels & moving:
            continue
        for query in asked():
            for before in re.findall(rf"([\w ,()]*)\b{metric.name}\{{", query.expr):
                found += 1
                assert re.search(r"max( by \([^)]*\))? ?\($", before), query.name
    assert found > 50


def test_variables_are_there_before_they_are_used() -> None:
    builtin = {"__rate_interval", "__data.fields.Incident"}
    for name, board in boards().items():
        declared = {variable["name"] for variable in board["templating"]["list"]}
        used = set(re.findall(r"\$\{?([\w.]+)", (GRAFANA / "json" / f"{name}.json").read_text()))
        assert used <= declared | builtin, name


def test_no_panel_has_series_without_bound() -> None:
    """What has as many series as there are partitions, workers, reasons of producers or names is cut."""
    open_sets = {"partition", "instance", "series", "key_event", "route", "metric", "incident"}
    for query in asked():
        outer = re.match(r"[-\d *(]*(?:sort_desc\()?\w+(?: by \(([^)]*)\))?", query.expr)
        assert outer is not None, query.name
        labels = {label.strip() for label in (outer[1] or "").split(",")}
        if labels & open_sets:
            # `/metrics` has at most fifty of these.
            assert "footfall_incident_open" in query.expr, query.name


def test_provisioning_leads_to_the_dashboards_and_their_data_source() -> None:
    folder = GRAFANA / "provisioning"
    [source] = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    for board in boards().values():
        chosen = {variable["name"]: variable for variable in board["templating"]["list"]}["datasource"]
        assert chosen["current"]["value"] == source["uid"]
        assert chosen["query"] == source["type"]
    [provider] = yaml.safe_load((folder / "dashboards/footfall.yml").read_text())["providers"]
    assert provider["type"] == "file"
    assert not provider["allowUiUpdates"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def test_dashboards_are_numbered_as_written() -> None:
    assert [name for name, _ in dashboards()] == [
        "live.json",
        "lifecycle.json",
        "engagement.json",
        "operations.json",
    ]
