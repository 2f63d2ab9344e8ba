"""How many records are worked off in one go, before the event loop has its turn."""

from __future__ import annotations

# Between slices of a batch the event loop goes on with checkpoints. A slice is to take some milliseconds:
# its number of records follows from how long the last one took.
SMALLEST, LARGEST = 100, 800
SLICE_S = 0.008


def next_slice(records: int, took_s: float) -> int:
    """How many records take `SLICE_S`, if the last ones are anything to go by; at most twice as many."""
    fitting = int(records * min(2.0, SLICE_S / max(took_s, 1e-6)))
    return max(SMALLEST, min(LARGEST, fitting))
