"""Applies the idle rule (SPEC 1) to the partitions that this worker owns, judged by those of all workers."""

from __future__ import annotations

from collections.abc import Mapping

from stream.agents.activity import ActivityState
from stream.core.clock import PartitionClock, idle_watermarks
from stream.engine.engine import Engine
from stream.engine.state import ANSWERED_WITHIN_MS
from stream.settings import Settings

# Of a partition that nobody tells of: it may be busy, at any time.
UNKNOWN = PartitionClock(watermark=None, newest=None, newest_arrived=None, quiet_since=None)


class IdleRule:
    """Moves the watermarks of quiet partitions that this worker owns."""

    def __init__(self, engine: Engine, states: Mapping[int, ActivityState], settings: Settings) -> None:
        self._engine = engine
        self._states = states
        self._settings = settings
        self._at_end_since: dict[int, int] = {}

    def clocks(self, now_ms: int) -> dict[int, PartitionClock]:
        """What there is to know of the partitions that this worker owns."""
        return {
            number: self._clock(number, now_ms)
            for number, one in self._engine.partitions.items()
            if one.active
        }

    def apply(
        self,
        own: Mapping[int, PartitionClock],
        others: Mapping[int, PartitionClock | None],
        now_ms: int,
    ) -> None:
        """Advance what is due, and have it written with the next checkpoint.

        `others` are the partitions of other workers; nobody advances where nothing is known of one.
        """
        settings = self._settings
        watermarks = idle_watermarks(
            [*own.values(), *(clock or UNKNOWN for clock in others.values())],
            now_ms=now_ms,
            idle_after_ms=settings.idle_after_ms,
            live_within_ms=settings.live_within_ms,
            allowed_lateness_ms=settings.definition.allowed_lateness_ms,
        )
        for (number, clock), watermark in zip(own.items(), watermarks, strict=False):
            one = self._engine.partitions.get(number)
            # Between the question and the answer a rebalance may have begun.
            if one is not None and one.active and watermark is not None and watermark != clock.watermark:
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
