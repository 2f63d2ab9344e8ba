"""Command lines in the documents that need a broker: there are such commands, with such options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from stream.cli import main

ROOT = Path(__file__).parents[2]
# Each is of the command of its name, and has all of that command's options.
DOCUMENTS = ("docs/dead-letters.md", "docs/incidents.md", "docs/reset.md")
ALSO = ("docs/alerting.md", "docs/runbook.md")


def lines() -> Iterator[tuple[str, str]]:
    """Document and command, of each line in a block of `sh`."""
    for document in DOCUMENTS + ALSO:
        text = (ROOT / document).read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            yield from ((document, line) for line in block.splitlines())


@pytest.mark.parametrize(("document", "line"), list(lines()))
def test_the_command_line_is_one_that_is_understood(document: str, line: str) -> None:
    program, *arguments = shlex.split(line)
    assert program == "footfall"
    command: click.Command = main
    context: click.Context | None = None
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), arguments[0])
        assert found is not None, f"{document}: {line}"
        command, arguments = found, arguments[1:]
    context = command.make_context(line, arguments)  # raises where an option or its value is none
    assert context.params


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_option_is_in_the_document(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    group = main.get_command(click.Context(main), Path(document).stem)
    assert group is not None
    commands = [group]
    if isinstance(group, click.Group):
        commands = [c for name, c in group.commands.items() if name != "show"]
    for option in (option for command in commands for option in command.params):
        if isinstance(option, click.Option) and option.name not in ("config", "help"):
            assert any(name in text for name in option.opts), option.name
