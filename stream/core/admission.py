"""Whether a sound event is in its place and of its time, or `wrong_key` or `future` (SPEC 1, 9)."""

from __future__ import annotations

from stream.core.clock import Newest
from stream.core.conditions import lookup
from stream.core.definition import DAY, Definition
from stream.core.events import Invalid, Wire, decode_whole, received_ms


class Admission:
    """Checks that raise Invalid. `newest` is shared by the partitions of a replay."""

    def __init__(self, definition: Definition, newest: Newest) -> None:
        self._max_future_ms = definition.max_future_ms
        self._key = definition.input_key
        self._path = definition.input_key.split(".") if definition.input_key else None
        self._newest = newest

    def check_key(self, key: bytes | None, person: str, value: bytes) -> None:
        """The record's key is the person, or what `input.key` names in the event."""
        expected = person
        if self._path is not None:
            found = lookup(decode_whole(value), self._path)
            if isinstance(found, str | int | float) and not isinstance(found, bool):
                expected = str(found)
        if key != expected.encode():
            shown = "none" if key is None else repr(key.decode(errors="replace"))[:80]
            name = self._key or "person"
            raise Invalid("wrong_key", f"key: expected the {name}, {expected!r}, got {shown}")

    def check_arrival(self, t: int, arrived_ms: int) -> None:
        """Not further ahead of the time at which Kafka got the record than clocks may be wrong."""
        if t > arrived_ms + self._max_future_ms:
            raise _future(t - arrived_ms, self._max_future_ms, "Kafka received the record")

    def check_replay(self, wire: Wire, t: int) -> None:
        """The same by `receivedAt`; without one, not a day ahead of the newest event so far."""
        newest, text, own = self._newest.time, wire.received_at, wire.timestamp
        if (
            newest is not None
            and t <= newest + DAY
            and type(text) is str
            and type(own) is str
            and text >= own
            and len(text) == len(own) == 24
            and text[:11] == own[:11]
        ):
            pass  # received later on the same day, or at no time at all: sound by either rule
        else:
            received = received_ms(wire) if text is not None else None
            if received is not None:
                if t > received + self._max_future_ms:
                    raise _future(t - received, self._max_future_ms, "receivedAt")
            elif newest is not None and t > newest + DAY:
                raise _future(t - newest, DAY, "the newest event so far")
        if newest is None or t > newest:
            self._newest.time = t


def _future(ahead_ms: int, bound_ms: int, than: str) -> Invalid:
    return Invalid(
        "future", f"timestamp: {ahead_ms / 1000:,.0f} s after {than}, more than {bound_ms / 1000:,.0f} s"
    )
