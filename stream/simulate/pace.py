"""How fast records may leave: at once, so many a second, or by their event time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stream.simulate.scribe import Record

_AT_ONCE = 2_000


class Pace(Protocol):
    """Asked before each write, with wall-clock seconds that only go forward."""

    def allowed(self, records: Sequence[Record], start: int, now_s: float) -> int:
        """How many of `records` from index `start` on may leave now."""
        ...

    def wait_s(self, records: Sequence[Record], start: int, now_s: float) -> float:
        """Seconds until the next one may leave, where `allowed` said none."""
        ...


class Unpaced:
    """As fast as the writer takes them."""

    def allowed(self, records: Sequence[Record], start: int, now_s: float) -> int:
        return min(len(records) - start, _AT_ONCE)

    def wait_s(self, records: Sequence[Record], start: int, now_s: float) -> float:
        return 0.0


class ByCount:
    """`rate` records a second, whatever their time; does not catch up on more than a second's pause."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._credit = 0.0
        self._at_s: float | None = None

    def allowed(self, records: Sequence[Record], start: int, now_s: float) -> int:
        passed_s = 0.0 if self._at_s is None else now_s - self._at_s
        self._at_s = now_s
        self._credit = min(self._credit + passed_s * self._rate, max(self._rate, 1.0))
        count = min(int(self._credit), len(records) - start, _AT_ONCE)
        self._credit -= count
        return count

    def wait_s(self, records: Sequence[Record], start: int, now_s: float) -> float:
        return max(1.0 - self._credit, 0.02 * self._rate - self._credit) / self._rate


class ByTime:
    """Event time passes `speed` times as fast as the wall clock.

    `epoch_ms`: the event time that belongs to wall-clock second `epoch_s`; records before it (history)
    leave at once. None: the first record's time, when it is first asked.
    """

    def __init__(self, speed: float, *, epoch_ms: int, epoch_s: float | None = None) -> None:
        self._speed = speed
        self._epoch_ms = epoch_ms
        self._epoch_s = epoch_s

    def allowed(self, records: Sequence[Record], start: int, now_s: float) -> int:
        reached_ms = self._reached_ms(now_s)
        end = start
        stop = min(len(records), start + _AT_ONCE)
        while end < stop and records[end][0] <= reached_ms:
            end += 1
        return end - start

    def wait_s(self, records: Sequence[Record], start: int, now_s: float) -> float:
        return max(0.0, (records[start][0] - self._reached_ms(now_s)) / 1000 / self._speed)

    def _reached_ms(self, now_s: float) -> float:
        if self._epoch_s is None:
            self._epoch_s = now_s
        return self._epoch_ms + (now_s - self._epoch_s) * 1000 * self._speed


class ThenLive:
    """`history` until it has caught up with the `present`, and from then on with that."""

    def __init__(self, history: Pace, present: Pace) -> None:
        self._history = history
        self._present = present

    def allowed(self, records: Sequence[Record], start: int, now_s: float) -> int:
        return min(pace.allowed(records, start, now_s) for pace in (self._history, self._present))

    def wait_s(self, records: Sequence[Record], start: int, now_s: float) -> float:
        return max(pace.wait_s(records, start, now_s) for pace in (self._history, self._present))
