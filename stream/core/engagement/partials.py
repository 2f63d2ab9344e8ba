"""What travels from partitions to the merger over the internal topic: MessagePack arrays, the kind first.

A kind says what follows and in which version: a field that is added at the end keeps its kind, any other
change takes a new one. All are upserts, so that a repeat is harmless. `source` is the partition.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from stream.core.engagement.control import Control
from stream.core.engagement.figures import Figures

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


class DayPart(Struct, array_like=True, tag=3):
    """What happened on a local day (since 1970-01-01) that is over at the source; of a day there is one part.

    What of it is about persons and not about the day stays true afterwards: states, tiers, base and opening
    add up from the first day on.
    """

    source: int
    day: int
    figures: Figures


Part = WindowPart | ClockPart | DayPart | Control

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Part).decode


def decode(value: bytes) -> Part:
    """The part in `value`. Raises ValueError for one of a newer version, and for what is none."""
    try:
        part: Part = _decode(value)
    except msgspec.DecodeError as error:
        raise ValueError(f"a part of a newer version, or none at all: {error}") from error
    return part
