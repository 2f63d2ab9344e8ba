"""The progress bar of a replay: how far, how fast, how long still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from stream.replay import Progress as Done


@contextmanager
def shown_progress(stream: TextIO) -> Iterator[Callable[[Done], None] | None]:
    """What to call with the progress; None, and nothing is shown, where `stream` is no terminal."""
    if not stream.isatty():
        yield None
        return
    # Only here: rich takes a third of the time in which a small replay is done.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        SpinnerColumn(),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:>13,} events"),
        TextColumn("{task.fields[rate]:>9,.0f}/s"),
        TimeRemainingColumn(compact=True),
        console=Console(file=stream),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None, events=0, rate=0.0)

        def on_progress(done: Done) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            bar.update(
                task,
                total=done.size,
                completed=done.bytes_read,
                events=done.events,
                rate=done.events / elapsed if elapsed else 0.0,
            )

        yield on_progress
