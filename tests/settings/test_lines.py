"""Where a key stands in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest

from stream.settings.lines import Lines

DOCUMENT = '''\
# broker = "commented out"
broker = "a:1" # [input]
"quoted key" = """
visit.gap = "inside a text"
[input]
"""
literal = \'\'\'
x = 1
\'\'\'
list = [
  "[visit]", # ]
  { gap = "not this one" },
]
visit.gap = "30m"

[ aliases ]
"order_paid" = "Order Completed"

[[key_event]]
name = "A"

[[key_event]]
name = "B"
where.properties.total = ">= 5"
[key_event.where.context]
channel = "web"
[[key_event.void]]
event = "C"
[[key_event.void]]
event = "D"
'''


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (("broker",), 2),
        (("quoted key",), 3),
        (("literal",), 7),
        (("list",), 10),
        (("list", 0), 10),
        (("visit", "gap"), 14),
        (("aliases",), 16),
        (("aliases", "order_paid"), 17),
        (("key_event", 0), 19),
        (("key_event", 0, "weight"), 19),
        (("key_event", 1, "name"), 23),
        (("key_event", 1, "where", "properties", "total"), 24),
        (("key_event", 1, "where", "context", "channel"), 26),
        (("key_event", 1, "void", 0, "event"), 28),
        (("key_event", 1, "void", 1, "event"), 30),
        (("input",), None),
    ],
)
def test_finds_keys(steps: tuple[str | int, ...], line: int | None) -> None:
    tomllib.loads(DOCUMENT)
    assert Lines(DOCUMENT).of(steps) == line


def test_reads_windows_line_ends() -> None:
    assert Lines('a = 1\r\n[b]\r\nc = """\r\n"""\r\nd = 2\r\n').of(("b", "d")) == 5


def _leaves(value: object, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*steps, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*steps, index))
    else:
        yield steps


@pytest.mark.parametrize("name", ["footfall", "portal", "learning"])
def test_knows_every_key_of_the_examples(name: str, examples: dict[str, str]) -> None:
    document = examples[name]
    lines = document.splitlines()
    for steps in _leaves(tomllib.loads(document)):
        line = Lines(document).of(steps)
        assert line is not None
        assert any(step in lines[line - 1] for step in steps if isinstance(step, str))
