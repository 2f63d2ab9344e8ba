"""All dashboards, and their JSON as Grafana reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard, RowPanel

from deploy.grafana.dashboards.engagement import engagement
from deploy.grafana.dashboards.lifecycle import lifecycle
from deploy.grafana.dashboards.live import live
from deploy.grafana.dashboards.operations import operations

GENERATED = "<!-- generated from here on: make panels -->\n"


def dashboards() -> Iterator[tuple[str, Dashboard]]:
    """Each with its file's name, its panels numbered."""
    for make in (live, lifecycle, engagement, operations):
        found = make().build()
        for number, panel in enumerate(found.panels or (), 1):
            panel.id_val = number
        yield f"{make.__name__}.json", found


def text(dashboard: Dashboard) -> str:
    """JSON, the same for the same dashboard."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def panels_by_row() -> str:
    """All panels as Markdown: a table for each dashboard, with what each panel tells."""
    lines = []
    for _, found in dashboards():
        lines += [f"### {found.title}", "", "| row | panel | what it tells |", "|---|---|---|"]
        row = ""
        for panel in found.panels or ():
            if isinstance(panel, RowPanel):
                row = panel.title or ""
            else:
                lines.append(f"| {row} | {panel.title} | {panel.description} |")
        lines.append("")
    return "\n".join(lines)


def fill(page: Path) -> None:
    """Write the tables anew at the end of a page, below GENERATED."""
    text = page.read_text(encoding="utf-8").partition(GENERATED)[0]
    page.write_text(f"{text}{GENERATED}\n{panels_by_row()}".rstrip() + "\n", encoding="utf-8")


def write(folder: Path) -> None:
    """Into a folder that is there, over what is there."""
    for name, dashboard in dashboards():
        (folder / name).write_text(text(dashboard), encoding="utf-8")
