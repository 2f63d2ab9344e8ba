"""What it takes to run one kind of broker: the command, found and prepared but not yet started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Literal

Kind = Literal["tansu", "kafka"]

# Told what is going on, in a line, while something takes long.
Progress = Callable[[str], None]
# Given a process that was started on the way, so that it can be ended early.
OnChild = Callable[["Popen[str]"], None]


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What else Apache Kafka shall have, such as tests of its security need.

    `listeners` are further ones by name, with their ports; `properties` are the server's, and win over
    ours. `format_options` are of `kafka-storage.sh format`, `java_options` of the JVM.
    """

    listeners: Mapping[str, int] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    format_options: tuple[str, ...] = ()
    java_options: tuple[str, ...] = ()


NO_EXTRAS = Extras()


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A broker's command line. What it prints goes to `log`."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
