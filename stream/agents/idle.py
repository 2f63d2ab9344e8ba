"""Applies the idle rule (SPEC 1) to the partitions that this worker owns, as time goes by."""

from __future__ import annotations

import time
from collections.abc import Mapping

from stream.agents.activity import ActivityState
from stream.core.clock import PartitionClock, idle_watermarks
from stream.engine.engine import Engine
from stream.settings import Settings

# A fetch of nothing is answered every half second; without an answer for this long, nobody knows
# whether the partition has been read to its end.
ANSWERED_WITHIN_MS = 5_000


class IdleRule:
    """Moves the watermarks of quiet partitions. Each worker judges by the partitions it owns itself."""

    def __init__(self, engine: Engine, states: Mapping[int, ActivityState], settings: Settings) -> None:
        self._engine = engine
        self._states = states
        self._settings = settings
        self._at_end_since: dict[int, int] = {}

    def apply(self, now_ms: int | None = None) -> None:
        """Advance what is due, and have it written with the next checkpoint."""
        now_ms = int(time.time() * 1000) if now_ms is None else now_ms
        settings = self._settings
        owned = {number: one for number, one in self._engine.partitions.items() if one.active}
        clocks = [self._clock(number, now_ms) for number in owned]
        watermarks = idle_watermarks(
            clocks,
            now_ms=now_ms,
            idle_after_ms=settings.idle_after_ms,
            live_within_ms=settings.live_within_ms,
            allowed_lateness_ms=settings.definition.allowed_lateness_ms,
        )
        for (number, one), clock, watermark in zip(owned.items(), clocks, watermarks, strict=True):
            if watermark is not None and watermark != clock.watermark:
                self._states[number].advance(watermark)
                one.touch()

    def _clock(self, number: int, now_ms: int) -> PartitionClock:
        state = self._states[number]
        return PartitionClock(
            watermark=state.partition.watermark,
            newest=state.partition.newest,
            newest_arrived=state.newest_arrived_ms,
            quiet_since=self._quiet_since(number, state, now_ms),
        )

    def _quiet_since(self, number: int, state: ActivityState, now_ms: int) -> int | None:
        ahead = self._engine.ahead(number)
        if ahead is None or ahead.records or now_ms - ahead.as_of_ms > ANSWERED_WITHIN_MS:
            self._at_end_since.pop(number, None)
            return None
        since = self._at_end_since.setdefault(number, now_ms)
        return max(since, state.read_at_ms or 0)
