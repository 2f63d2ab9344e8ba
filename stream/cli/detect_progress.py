"""The progress bar of a detection: how much of the file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TextIO

Counted = Callable[[Iterable[str]], Iterable[str]]

SHOWN_EVERY = 2_000


def progress(
    file: str, out: Path | None, *, stdout: TextIO, stderr: TextIO
) -> AbstractContextManager[Counted]:
    """What to put around the file's lines so that a bar on `stderr` follows them.

    Nothing is shown where `stderr` is no terminal, where the rows go to the terminal, too, or where nobody
    knows how many there will be (`-`).
    """
    if file == "-" or not stderr.isatty() or (out is None and stdout.isatty()):
        return nullcontext(_uncounted)
    return _shown(stderr, Path(file).stat().st_size)


def _uncounted(lines: Iterable[str]) -> Iterable[str]:
    return lines


@contextmanager
def _shown(stream: TextIO, size: int) -> Iterator[Counted]:
    # Only here: rich takes longer to load than a short file to judge.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:>11,} rows"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task("", total=size, rows=0)

        def counted(lines: Iterable[str]) -> Iterator[str]:
            read = 0
            for number, line in enumerate(lines, 1):
                read += len(line)
                if number % SHOWN_EVERY == 0:
                    bar.update(task, completed=read, rows=number)
                yield line

        yield counted
