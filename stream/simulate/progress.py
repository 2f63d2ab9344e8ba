"""One line on a terminal that says how far the simulation is and how fast."""

from __future__ import annotations

import time
from typing import TextIO

from stream.core.times import format_ms

_EVERY_S = 0.2


class Progress:
    """Rewrites one line of `stream` a few times a second; silent where that is no terminal."""

    def __init__(self, stream: TextIO, *, start_ms: int, end_ms: int | None, limit: int | None) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._start_ms = start_ms
        self._end_ms = end_ms
        self._limit = limit
        self._began_s = time.monotonic()
        self._next_s = 0.0

    def report(self, written: int, reached_ms: int) -> None:
        """`written` records so far, up to event time `reached_ms`."""
        now_s = time.monotonic()
        if self._shown and now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            where = f"{format_ms(reached_ms)[:16]}{self._part(written, reached_ms)}"
            self._show(f"{self._counts(written, now_s)}  {where}")

    def finish(self, written: int, note: str = "") -> None:
        """The last word: the total, and `note`."""
        if self._shown:
            self._show(f"{self._counts(written, time.monotonic())}{note}\n")

    def _counts(self, written: int, now_s: float) -> str:
        rate = written / max(now_s - self._began_s, 1e-3)
        return f"{written:,} events  {rate:,.0f}/s"

    def _part(self, written: int, reached_ms: int) -> str:
        parts = []
        if self._end_ms is not None:
            parts.append((reached_ms - self._start_ms) / (self._end_ms - self._start_ms))
        if self._limit is not None:
            parts.append(written / self._limit)
        return f"  {max(parts):.0%}" if parts else ""

    def _show(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()
