"""Writes the dashboards into a folder: `python -m deploy.grafana.dashboards [FOLDER]`."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.grafana.dashboards.written import write

write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "json")
