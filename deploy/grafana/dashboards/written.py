"""All dashboards, and their JSON as Grafana reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.dashboards.engagement import engagement
from deploy.grafana.dashboards.lifecycle import lifecycle
from deploy.grafana.dashboards.live import live
from deploy.grafana.dashboards.operations import operations


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


def write(folder: Path) -> None:
    """Into a folder that is there, over what is there."""
    for name, dashboard in dashboards():
        (folder / name).write_text(text(dashboard), encoding="utf-8")
