"""Asking before something is done that cannot be taken back."""

from __future__ import annotations

import sys

import click


def ask(question: str, *, yes: bool) -> None:
    """Return where the answer is yes, or `--yes` was given; else end with 1, and say what to do."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException("nothing was done: there is no terminal to ask on. Give --yes to do it")
    if not click.confirm(question, default=False):
        raise click.ClickException("nothing was done")
