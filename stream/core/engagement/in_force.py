"""What controls leave in force: snoozed series, and series whose bar is raised after a false alarm."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from stream.core.definition import DAY
from stream.core.engagement.control import Control
from stream.core.engagement.rows import TOTAL

RAISED_DECADES = 2.0
"""A false alarm: a value of its series must be so many decades rarer (2: a hundred times) to open again."""
MOST_DECADES = 6.0
"""Repeated false alarms add up to this."""
RAISED_FOR_MS = 7 * DAY
REMEMBERED = 500  # ids of controls


class Raised(Struct, array_like=True, frozen=True):
    """One false alarm: in force for windows that begin before `until_ms`."""

    until_ms: int
    by: str
    at_ms: int


class _State(Struct, array_like=True):
    snoozed: dict[str, int] = {}
    raised: dict[str, list[Raised]] = {}
    applied: list[str] = []


class InForce:
    """By series; expires by the time of windows, never by the clock."""

    def __init__(self) -> None:
        self._state = _State()
        self._changed = False

    def is_new(self, control: Control) -> bool:
        """Whether it has not come before; from now on it has."""
        applied = self._state.applied
        if control.control_id in applied:
            return False
        applied.append(control.control_id)
        del applied[:-REMEMBERED]
        self._changed = True
        return True

    def snooze(self, series: str, until_ms: int) -> None:
        """Until the window that begins at `until_ms`; a later end stays."""
        self._state.snoozed[series] = max(until_ms, self._state.snoozed.get(series, until_ms))
        self._changed = True

    def raise_bar(self, series: str, now_ms: int, control: Control) -> int:
        """After a false alarm; says until when."""
        until_ms = now_ms + RAISED_FOR_MS
        alive = [r for r in self._state.raised.get(series, ()) if r.until_ms > now_ms]
        alive = alive[1 - int(MOST_DECADES / RAISED_DECADES) :]
        self._state.raised[series] = [*alive, Raised(until_ms, control.by, control.at_ms)]
        self._changed = True
        return until_ms

    def is_snoozed(self, series: str, start_ms: int) -> bool:
        return self._state.snoozed.get(series, start_ms) > start_ms

    def bar(self, series: str, start_ms: int) -> float:
        """Decades that a value must be rarer than usual to open an incident in the window at `start_ms`.

        What holds of `total` holds of every series: else the narrower ones would open in its place.
        """
        if not self._state.raised:
            return 0.0
        return max(self._decades(series, start_ms), self._decades(TOTAL, start_ms))

    def raised(self, series: str, start_ms: int) -> list[Raised]:
        """The false alarms of this very series that are in force, oldest first."""
        return [r for r in self._state.raised.get(series, ()) if r.until_ms > start_ms]

    def expire(self, start_ms: int) -> None:
        """Drops what is over."""
        state = self._state
        if not state.snoozed and not state.raised:
            return
        snoozed = {series: until for series, until in state.snoozed.items() if until > start_ms}
        raised = {series: alive for series in state.raised if (alive := self.raised(series, start_ms))}
        if snoozed != state.snoozed or raised != state.raised:
            state.snoozed, state.raised, self._changed = snoozed, raised, True

    def change(self) -> bytes | None:
        """The state, where it has changed since it was last taken."""
        if not self._changed:
            return None
        self._changed = False
        return _encode(self._state)

    def restore(self, value: bytes) -> None:
        self._state = _decode(value)

    def _decades(self, series: str, start_ms: int) -> float:
        return min(RAISED_DECADES * len(self.raised(series, start_ms)), MOST_DECADES)


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(_State).decode
