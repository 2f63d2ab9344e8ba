"""What a worker would make of a record if it arrived now: sound, late, or still a dead letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stream.core.admission import Admission
from stream.core.clock import Newest
from stream.core.definition import Definition
from stream.core.events import MAX_BYTES, Invalid, read
from stream.core.records import DeadLetter, Truncated

Verdict = Literal["sound", "late", "dead"]


class Judge:
    """Judges records in the order in which they would arrive, by their input partition's `watermarks` in ms.

    Where a partition's watermark is not known, nothing on it is late.
    """

    def __init__(self, definition: Definition, watermarks: Mapping[int, int]) -> None:
        self._definition = definition
        self._admission = Admission(definition, Newest())
        self._watermarks = dict(watermarks)

    def verdict(self, key: bytes | None, value: bytes | None, *, partition: int, now_ms: int) -> Verdict:
        """Of a record that Kafka gets at `now_ms` for the input's `partition`."""
        try:
            _, t, person = read(value)
            assert value is not None
            if self._definition.keyed:
                self._admission.check_key(key, person, value)
            self._admission.check_arrival(t, now_ms)
        except Invalid:
            return "dead"
        watermark = self._watermarks.get(partition)
        if watermark is None:
            return "sound"
        if t < watermark:
            return "late"
        self._watermarks[partition] = max(watermark, t - self._definition.allowed_lateness_ms)
        return "sound"


def is_surely_too_large(letter: DeadLetter) -> bool:
    """Whether what a truncated letter says of its original is enough to know that it is still dead."""
    whole = letter.truncated
    return isinstance(whole, Truncated) and (whole.value_bytes or 0) > MAX_BYTES
