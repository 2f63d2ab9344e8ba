"""What it takes to run one kind of broker: the command, found and prepared but not yet started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Literal

Kind = Literal["tansu", "kafka"]

# Told what is going on, in a line, while something takes long.
Progress = Callable[[str], None]
# Given a process that was started on the way, so that it can be ended early.
OnChild = Callable[["Popen[str]"], None]


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A broker's command line. What it prints goes to `log`."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
