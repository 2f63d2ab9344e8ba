"""docs/dependencies.md has a reason and the right range for each dependency."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_dependency_has_its_range_and_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["demo"], *extras["dev"]]
    ranges = dict(re.fullmatch(r"([\w-]+)(.*)", entry).groups() for entry in declared if "[" not in entry)
    rows = re.findall(
        r"^\| ([\w-]+) \| (\S+) \| (.+) \| (\d.*) \|$",
        (ROOT / "docs/dependencies.md").read_text("utf-8"),
        re.M,
    )
    assert {name: found for name, found, _, _ in rows} == ranges
