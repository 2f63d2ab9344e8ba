"""Writes the dashboards' JSON, and their tables in the docs: `python -m deploy.grafana.dashboards`."""

from __future__ import annotations

from pathlib import Path

from deploy.grafana.dashboards.written import fill, write

ROOT = Path(__file__).parents[3]

write(ROOT / "deploy" / "grafana" / "json")
fill(ROOT / "docs" / "dashboards.md")
