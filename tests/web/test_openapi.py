"""The OpenAPI document: sound, complete, and true of a running worker by schemathesis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

from stream.web import server
from stream.web.openapi import document
from tests.web.shop import TOKEN, Shop


def test_it_is_openapi_3_1() -> None:
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_it_has_every_route_and_no_other() -> None:
    parts = [one for name, one in vars(server).items() if name.endswith("Pages")]
    assert len(parts) == 7
    served = {
        (route.method.lower(), route.path.replace(":(?s:.+)}", "}"))
        # Their routes are what they are, whatever they are made with.
        for part in parts
        for route in part.__new__(part).routes()
    }
    described = {(method, path) for path, methods in document()["paths"].items() for method in methods}
    assert described == served


async def test_it_is_served(shop: Shop) -> None:
    assert await shop.worker.get("/openapi.json") == (200, document())


def test_a_worker_answers_as_it_says(shop: Shop, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("st")
    done = subprocess.run(
        [
            command,
            "run",
            f"{shop.worker.address}/openapi.json",
            *("--exclude-path", "/events"),  # it has no end
            *("--phases", "coverage,fuzzing", "--max-examples", "3", "--seed", "1"),
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--continue-on-failure", "--request-timeout", "10"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
