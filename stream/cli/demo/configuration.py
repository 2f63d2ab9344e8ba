"""The demo's footfall.toml: with it other commands look at the demo, too."""

from __future__ import annotations

from pathlib import Path

from stream.cli.demo.story import WINDOW_MS
from stream.settings import Settings, load
from stream.settings.durations import format_duration

PARTITIONS = 4
# As a day passes in a second, a window is an hour; and as an hour has few people, a series must have some
# more of them than usual before it may alert.
_DOCUMENT = """\
# Of a running `footfall demo`: `footfall explain usr_… --config` this file, and so on.
broker = "{broker}"
store = "memory"
data_dir = '{folder}'
ignore_events = ["Email *"]

[engagement]
window = "{window}"
dimensions = ["channel"]

[detection]
min_volume = 30

[topics]
partitions = {partitions}

[web]
port = {port}
"""


def configure(folder: Path, *, broker: str, port: int) -> tuple[Path, Settings]:
    """The file, written into `folder`, and what it says. The environment has no say."""
    path = folder / "footfall.toml"
    path.write_text(
        _DOCUMENT.format(
            broker=broker,
            folder=folder / "data",
            window=format_duration(WINDOW_MS),
            partitions=PARTITIONS,
            port=port,
        )
    )
    return path, load(path, {})
