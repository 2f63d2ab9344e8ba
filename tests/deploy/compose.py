"""docker-compose.yml, read: what a service is, with its anchors merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.deploy.dockerfile import ROOT

COMPOSE = ROOT / "docker-compose.yml"


def services() -> dict[str, dict[str, Any]]:
    """The services by name, as they are written, merge keys resolved."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def binds(service: dict[str, Any]) -> dict[Path, str]:
    """The files and folders of the repository that a service sees, and where. Fails if it may write there."""
    found = {}
    for volume in service.get("volumes", ()):
        outside, inside, *mode = volume.split(":")
        if outside.startswith("."):
            assert mode == ["ro"], volume
            found[ROOT / outside] = inside
    return found
