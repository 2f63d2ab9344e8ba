"""docs/api.md shows every route, and what a worker answers has the fields shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from stream.web.openapi import document
from tests.web.shop import Shop

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
CUT = "…"
ASKED = re.compile(r"\$ curl -sN? (?:-X (\w+) )?(?:-H '([^:]*): ([^']*)' )?'http://127\.0\.0\.1:6066(\S+)'")


class Example(NamedTuple):
    """A request, and what the page says it is answered with."""

    method: str
    path: str
    headers: dict[str, str]
    answer: Any


def examples() -> list[Example]:
    found = []
    for block in re.findall(r"```console\n(.*?)\n```", TEXT, re.DOTALL):
        command, _, answer = block.partition("\n")
        asked = ASKED.fullmatch(command)
        assert asked is not None, command
        method, name, value, path = asked.groups()
        headers = {} if name is None else {name: value}
        found.append(Example(method or "GET", path, headers, orjson.loads(answer)))
    return found


@pytest.mark.parametrize("example", [pytest.param(one, id=f"{one.method} {one.path}") for one in examples()])
async def test_a_worker_answers_so(shop: Shop, example: Example) -> None:
    status, answer = await shop.worker.ask(example.method, example.path, **example.headers)
    assert status in (200, 202), answer
    assert_alike(example.answer, answer, "")


def assert_alike(shown: Any, answered: Any, where: str) -> None:
    """The same fields. Of a list the first is shown, and of an object that is cut some."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        assert shown.keys() - {CUT} <= answered.keys(), where
        assert CUT in shown or answered.keys() <= shown.keys(), where
        for name in shown.keys() - {CUT}:
            assert_alike(shown[name], answered[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(answered, list):
        for one, other in zip(shown, answered, strict=False):
            assert_alike(one, other, f"{where}[]")
    else:
        assert shown is None or answered is None or type(shown) in (type(answered), int, float), where


def test_every_route_is_on_the_page() -> None:
    shown = {(match[0] or "GET", match[3].partition("?")[0]) for match in ASKED.findall(TEXT)}
    for path, methods in document()["paths"].items():
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        for method in methods:
            is_shown = any(by == method.upper() and pattern.fullmatch(asked) for by, asked in shown)
            assert is_shown or f"`{path}`" in TEXT, f"{method} {path}"
