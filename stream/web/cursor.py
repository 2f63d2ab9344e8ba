"""How far a client of `/events` has read, as an id that it gives back when it comes again."""

from __future__ import annotations

from stream.web.feed import BACK, Positions

_LETTERS = {output[0]: output for output in BACK}
_LONGEST = 20_000


class Cursor:
    """The next offsets by output and partition; as text `i0.12.3,t5..7`: an output by its first letter."""

    def __init__(self, positions: Positions) -> None:
        self._next = {output: dict(offsets) for output, offsets in positions.items()}

    def passes(self, output: str, partition: int, offset: int) -> None:
        """The record there has been sent."""
        self._next.setdefault(output, {})[partition] = offset + 1

    def has(self, output: str, partition: int, offset: int) -> bool:
        """Whether the client has that record, or never asked for such."""
        offsets = self._next.get(output)
        return offsets is None or offset < offsets.get(partition, 0)

    def __bool__(self) -> bool:
        return bool(self._next)

    def __str__(self) -> str:
        return ",".join(
            output[0] + ".".join(str(offsets.get(n, "")) for n in range(max(offsets, default=-1) + 1))
            for output, offsets in sorted(self._next.items())
        )


def read_cursor(text: str) -> Cursor | None:
    """The cursor in a Last-Event-ID; None for what is none."""
    if not 0 < len(text) <= _LONGEST or not text.isascii():
        return None
    found: dict[str, dict[int, int]] = {}
    for part in text.split(","):
        output = _LETTERS.get(part[:1])
        if output is None:
            return None
        offsets = part[1:].split(".") if part[1:] else []
        if any(offset and not offset.isdecimal() for offset in offsets):
            return None
        found[output] = {number: int(offset) for number, offset in enumerate(offsets) if offset}
    return Cursor(found)
