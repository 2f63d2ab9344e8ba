"""What goes on, on standard error."""

from __future__ import annotations

import time

from rich.console import Console
from rich.text import Text


class Said:
    """Progress on standard error: a line that is written over on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("") if self._console.is_terminal else None
        self._began_s = time.monotonic()

    def __enter__(self) -> Said:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._status is not None:
            self._status.stop()

    def step(self, text: str, *, style: str = "") -> None:
        """Something has been done, or has failed."""
        minutes, seconds = divmod(int(time.monotonic() - self._began_s), 60)
        # Not as markup: others' messages have brackets of their own.
        said = Text.assemble((f"{minutes:3}:{seconds:02}  ", "dim"), (text, style))
        self._console.print(said, soft_wrap=True)

    def now(self, text: str) -> None:
        """How far it is; on a terminal only."""
        if self._status is not None:
            self._status.update(Text(text))
