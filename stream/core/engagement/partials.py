"""What travels from partitions to the merger over the internal topic: MessagePack arrays, the kind first.

A kind says what follows and in which version: a field that is added at the end keeps its kind, any other
change takes a new one. All are upserts, so that a repeat is harmless. `source` is the partition.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

PARTIALS = "partials"
"""The name of the internal topic among the outputs: it has one partition."""


class Sums(Struct, array_like=True, gc=False):
    """One series in one window, as far as one partition goes. Volume follows from the key events."""

    events: int = 0
    pageviews: int = 0
    people: int = 0
    visits: int = 0
    engaged: int = 0
    key_events: dict[str, int] = {}
    promoted_key_events: dict[str, int] = {}
    promoted_people: int = 0


class WindowPart(Struct, array_like=True, tag=1):
    """Rows of the window that begins at `start` ms; of one window there may be several parts.

    A row takes the place of the same source's earlier one for its series.
    """

    source: int
    start: int
    final: bool
    rows: dict[str, Sums]


class ClockPart(Struct, array_like=True, tag=2):
    """Nothing more comes from the source for windows that end by `clock` ms, nor for days up to `day`.

    Days are local, since 1970-01-01; None: none has ended.
    """

    source: int
    clock: int
    day: int | None


encode = msgspec.msgpack.Encoder().encode
