"""deploy/helm/footfall, rendered by the real helm."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.deploy import tools
from tests.deploy.dockerfile import ROOT

HELM = ROOT / "deploy/helm"
CHART = HELM / "footfall"
RELEASE, NAMESPACE = "shop", "analytics"

Object = dict[str, Any]


class Refused(Exception):
    """helm does not take the values; the text is what it says."""


def helm(*arguments: str, values: Mapping[str, Any] | None = None) -> str:
    """What a command of helm prints. Raises Refused."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(dict(values or {}), file)
        file.flush()
        command = [tools.need("helm"), *arguments, *(("--values", file.name) if values else ())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stderr + done.stdout)
    return done.stdout


def render(
    *files: Path,
    values: Mapping[str, Any] | None = None,
    kubernetes: str = "1.33",
    release: str = RELEASE,
    of: Path = CHART,
) -> list[Object]:
    """The objects that `helm install` would make of these values. Raises Refused."""
    arguments = ["template", release, str(of), "--namespace", NAMESPACE, "--kube-version", kubernetes]
    for file in files:
        arguments += ["--values", str(file)]
    return [found for found in yaml.safe_load_all(helm(*arguments, values=values)) if found]


def one(objects: list[Object], kind: str, suffix: str = "") -> Object:
    """The only object of its kind whose name ends so."""
    (found,) = (o for o in objects if o["kind"] == kind and o["metadata"]["name"].endswith(suffix))
    return found


def environment(container: Object, pod: str = "pod-0") -> dict[str, str]:
    """What the container finds, as Kubernetes fills in the pod's name and `$(NAME)`."""
    found: dict[str, str] = {}
    for entry in container["env"]:
        if "valueFrom" in entry:
            assert entry["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
            found[entry["name"]] = pod
        else:
            value = entry["value"]
            for name, known in found.items():
                value = value.replace(f"$({name})", known)
            found[entry["name"]] = value
    return found
