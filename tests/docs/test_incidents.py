"""docs/incidents.md shows the record and the chart that its own script makes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("incident", DOCS / "img" / "incident.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_record_is_the_one_that_opens(script: ModuleType) -> None:
    opened = script.records()[0]
    assert opened.status == "opened"
    assert f"```json\n{script.shown(opened)}\n```" in (DOCS / "incidents.md").read_text(encoding="utf-8")


def test_the_chart_is_that_of_its_end(script: ModuleType) -> None:
    resolved = script.records()[-1]
    assert resolved.status == "resolved"
    assert (DOCS / "img" / "incident.svg").read_text(encoding="utf-8") == resolved.chart
