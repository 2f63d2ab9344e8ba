"""Input files and formats: from a file's bytes to batches of Segment events, one record each.

A format is an object with one method (`Format`); a new one is a module here and a line in the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from stream.sources.files import InputFile, SourceError
from stream.sources.lines import Lines

__all__ = ["Format", "InputFile", "Lines", "SourceError"]


class Format(Protocol):
    """How the lines of a file are read as records."""

    def records(self, lines: Lines) -> Iterator[list[bytes]]:
        """Batches of records, each the JSON of one event, in the file's order.

        A line that cannot be read as one is passed on as it stands: the core makes a dead letter of it,
        so that nothing is lost. Raises `SourceError` where the file as a whole is not of this format.
        """
        ...
