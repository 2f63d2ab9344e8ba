"""Which values of the dimensions an event has, and whether a promotion has bought it (SPEC 6)."""

from __future__ import annotations

import json
from typing import Any

from stream.core.conditions import compile_where, lookup
from stream.core.definition import TIERS, Engagement
from stream.core.events import EntryFields, decode_whole

NONE = "(none)"
LONGEST_VALUE = 200  # characters

_PLAIN = ("channel", "campaign", "tier")
_CAMPAIGN, _CHANNEL = 0, 3  # their places in EntryFields


class Dimensions:
    """Reads events by one definition. The event as a whole is decoded only where a setting asks for it."""

    def __init__(self, engagement: Engagement) -> None:
        self.names = engagement.dimensions
        self.plain = all(name in _PLAIN for name in self.names)
        self._paths = [None if name in _PLAIN else name.split(".") for name in self.names]
        self._whole = not self.plain or any(promotion.where for promotion in engagement.promotions)
        self._promotions = [
            (
                promotion.start_ms,
                promotion.end_ms,
                compile_where(promotion.where) if promotion.where else None,
            )
            for promotion in engagement.promotions
        ]

    def in_promotion(self, start_ms: int, end_ms: int) -> bool:
        """Whether any promotion may have events from `start_ms` to before `end_ms`."""
        return any(
            (begins is None or begins < end_ms) and (ends is None or start_ms < ends)
            for begins, ends, _ in self._promotions
        )

    def of(self, t: int, entry: EntryFields | None, tier: int, value: bytes) -> tuple[bool, tuple[str, ...]]:
        """Whether the event in `value` is promoted, and its value of each dimension."""
        whole = decode_whole(value) if self._whole else None
        promoted = any(
            (begins is None or begins <= t) and (ends is None or t < ends) and (holds is None or holds(whole))
            for begins, ends, holds in self._promotions
        )
        values = []
        for name, path in zip(self.names, self._paths, strict=True):
            if path is not None:
                values.append(_text(lookup(whole, path)))
            elif name == "tier":
                values.append(TIERS[tier])
            else:
                place = _CHANNEL if name == "channel" else _CAMPAIGN
                values.append(_text(entry[place] if entry is not None else None))
        return promoted, tuple(values)


def _text(value: Any) -> str:
    """Strings as they are, numbers and booleans as JSON, all else is no value."""
    if isinstance(value, bool | int | float):
        value = json.dumps(value)
    return value[:LONGEST_VALUE] if isinstance(value, str) and value else NONE
