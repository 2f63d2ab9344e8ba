"""Asking before something is done: only on a terminal, and no is the answer to silence."""

from __future__ import annotations

import sys

import click
import pytest
from click.testing import CliRunner

from stream.cli.asking import ask


@pytest.mark.parametrize(
    ("terminal", "yes", "answer", "does"),
    [
        (True, False, "y", True),
        (True, False, "n", False),
        (True, False, "", False),
        (True, True, "", True),
        (False, False, "y", False),
        (False, True, "", True),
    ],
)
def test_it_is_done_only_where_somebody_said_so(terminal: bool, yes: bool, answer: str, does: bool) -> None:
    @click.command()
    def delete() -> None:
        sys.stdin.isatty = lambda: terminal  # type: ignore[method-assign]
        ask("Delete it?", yes=yes)
        click.echo("deleted")

    result = CliRunner().invoke(delete, input=f"{answer}\n")
    assert ("deleted" in result.output) == does
    assert result.exit_code == (0 if does else 1)
    if not does:
        assert "Error: nothing was done" in result.output
