"""Durations as people write them ("10m", "1h30m", 90), in whole milliseconds."""

from __future__ import annotations

import re
from decimal import Decimal

UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
LONGEST_MS = 36_500 * UNITS_MS["d"]

_AMOUNT = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)"
_UNITS = re.compile(r"\s*".join(f"(?:{_AMOUNT}\\s*{unit})?" for unit in UNITS_MS))
_SECONDS = re.compile(_AMOUNT)


def parse_duration(value: object) -> int | None:
    """Milliseconds of `"1h30m"`, of `"90"` or of `90` (seconds). None where it is no duration.

    Units stand in descending order, each once; what is finer than a millisecond is no duration.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not 0 <= value <= LONGEST_MS:
            return None
        total = Decimal(repr(value)) * UNITS_MS["s"]
    elif isinstance(value, str):
        text = value.strip()
        if _SECONDS.fullmatch(text):
            total = Decimal(text) * UNITS_MS["s"]
        elif text and (match := _UNITS.fullmatch(text)):
            amounts = zip(match.groups(), UNITS_MS.values(), strict=True)
            total = sum((Decimal(amount) * unit for amount, unit in amounts if amount), Decimal(0))
        else:
            return None
    else:
        return None
    return int(total) if total == int(total) and total <= LONGEST_MS else None


def format_duration(duration_ms: int) -> str:
    """`5_400_000` as `"1h30m"`; what `parse_duration` reads back."""
    parts = []
    rest = duration_ms
    for unit, unit_ms in UNITS_MS.items():
        amount, rest = divmod(rest, unit_ms)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"
