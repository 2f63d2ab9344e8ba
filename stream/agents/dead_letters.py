"""The guard that stops a worker which clearly can't read its input, before it drains it (SPEC 9)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping

from stream.engine.errors import EngineError

WINDOW = 1_000
"""Records of a partition that are looked at, the newest."""

PIECE = 100
"""Records that are judged at a time: how exact the window's far end is."""


class TooManyDeadLetters(EngineError):
    """The input is not what it is taken for; the message says what to do."""


class DeadLetterGuard:
    """Watches one input partition. `max_ratio` 1 lets everything pass.

    Up to `max_ratio` of the last 1,000 records may be dead, also when fewer have been read so far.
    """

    def __init__(self, topic: str, number: int, max_ratio: float) -> None:
        self._where = f"{topic}/{number}"
        self._topic = topic
        self._number = number
        self._max_ratio = max_ratio
        self._pieces: deque[tuple[int, int]] = deque()
        self._records = 0
        self._dead = 0

    def saw(self, records: int, dead: int, reasons: Mapping[str, int]) -> None:
        """The last `records` had `dead` dead letters; `reasons` counts all so far.

        Raises TooManyDeadLetters.
        """
        pieces = self._pieces
        pieces.append((records, dead))
        self._records += records
        self._dead += dead
        while self._records - pieces[0][0] >= WINDOW:
            old_records, old_dead = pieces.popleft()
            self._records -= old_records
            self._dead -= old_dead
        if self._dead > self._max_ratio * max(WINDOW, self._records):
            raise TooManyDeadLetters(self._explain(reasons)).at(self._topic, self._number)

    def _explain(self, reasons: Mapping[str, int]) -> str:
        common = ", ".join(f"{reason} {count}" for reason, count in Counter(reasons).most_common(3))
        return (
            f"{self._dead} of the last {self._records} records of {self._where} are dead letters ({common}), "
            f"more than dead_letters.max_ratio = {self._max_ratio:g} allows; they were not committed. "
            f"Is `{self._topic}` the right input.topic? `footfall check` shows what is wrong with its "
            "records. To go on and have them put aside, set dead_letters.max_ratio = 1"
        )
