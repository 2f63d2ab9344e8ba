"""The checked-in dashboards, as Grafana reads them: their panels, and everything they ask Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
FILES = sorted((GRAFANA / "json").glob("*.json"))

Json = dict[str, Any]


class Asked(NamedTuple):
    """One query of a dashboard: where it is, PromQL with variables, and what its series are called."""

    board: str
    panel: str
    expr: str
    legend: str
    instant: bool

    @property
    def name(self) -> str:
        """Where it is, for people."""
        return f"{self.board}: {self.panel}"


def boards() -> dict[str, Json]:
    """The dashboards, by their file's stem."""
    return {path.stem: json.loads(path.read_text()) for path in FILES}


def panels(board: Json) -> list[Json]:
    """What shows something: not the rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def asked() -> Iterator[Asked]:
    """Every query of every panel and annotation."""
    for name, board in boards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                legend = target.get("legendFormat", "")
                instant = target.get("instant", False)
                yield Asked(name, panel["title"], target["expr"], legend, instant)
        for annotation in board.get("annotations", {}).get("list", ()):
            text = annotation["titleFormat"] + annotation["textFormat"]
            yield Asked(name, f"annotation {annotation['name']}", annotation["expr"], text, False)


def choices() -> Iterator[tuple[str, Json]]:
    """Every variable with values from Prometheus, with its dashboard."""
    for name, board in boards().items():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                yield name, variable


def metric_names(text: str) -> set[str]:
    """The metrics that PromQL, or a variable's query, names."""
    return set(re.findall(r"\b(?:footfall|process)_[a-z_]+", text))
