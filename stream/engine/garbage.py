"""Spares the garbage collector what states make: it lives for long, and is no cycles."""

from __future__ import annotations

import gc

BUSY = 100
"""Records worked off in one go, from which on."""


def spare(records: int) -> None:
    """Take what lives now out of the collector's sight, after a state has worked off so many records.

    The collector runs whenever 20,000 more objects have been made than dropped, and looks at them, and at
    what they refer to: with many persons coming that is a tenth of a worker's time, in pauses of up to a
    tenth of a second, and finds nothing. Freezing moves a list, and has it count anew. What dies is still
    dropped at once; only cycles that are in the making now, such as those of an exception, stay. So this is
    left out where little is to be done: there the collector keeps up.
    """
    if records >= BUSY:
        gc.freeze()
