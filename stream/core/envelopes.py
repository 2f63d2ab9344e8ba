"""What travels over the internal topic of a stream that Footfall re-keys: MessagePack arrays, the kind first.

A kind says what follows and in which version: a field that is added at the end keeps its kind, any other
change takes a new one. `source` and `at` say who has written an envelope and for which record: `source` is
the number of an input partition, or -1 - n for partition n of the internal topic itself. What one source
writes to one partition has increasing `at`, so that a repeat can be told from what is new.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

At = tuple[int, int]
"""Offset of the record that the source was working off, and the how manieth envelope for it."""

Ticket = tuple[int, int, int, int]
"""Input partition and offset of a record, the partition of the internal topic where somebody waits for it,
and who: 0 the user, 1 the anonymous id."""


class Event(Struct, array_like=True, tag=1, gc=False):
    """An admitted event of `person` at `t` ms; `value` is the record as read.

    With a `ticket` a user waits for it: whoever was joined to the user may have sent it under the old id.
    `watermark` is the input partition's, with an event that deletes its person; `window_clock` too, with one
    that came too late for its window. `arrived` is when the record came to Kafka, in ms, where that is known.
    """

    source: int
    at: At
    t: int
    person: str
    value: bytes
    ticket: Ticket | None = None
    user: str = ""
    watermark: int | None = None
    window_clock: int | None = None
    arrived: int | None = None


class Joining(Struct, array_like=True, tag=2, gc=False):
    """An admitted event that may join `anonymous` to `user`, on its way to where `anonymous` lives.

    `watermark` is the input partition's, with the event. `previous` is to be asked for first: if a user of
    this id is known, the join is `refused`; `asked` where that was on another partition: `anonymous` waits.
    The ticket names the user's partition; with `waits` the user waits there. `window_clock` and
    `arrived` are as in Event.
    """

    source: int
    at: At
    t: int
    watermark: int
    user: str
    anonymous: str
    previous: str | None
    value: bytes
    ticket: Ticket
    waits: bool
    asked: bool = False
    refused: bool = False
    window_clock: int | None = None
    arrived: int | None = None


class Wait(Struct, array_like=True, tag=3, gc=False):
    """From here on `person` waits for what comes under the ticket."""

    source: int
    at: At
    person: str
    ticket: Ticket


class Answer(Struct, array_like=True, tag=4, gc=False):
    """What `user` has waited for: the event, None where it found its place; `moved` is whom it may join."""

    source: int
    at: At
    user: str
    ticket: Ticket
    joining: Joining | None
    moved: bytes | None


class Frontier(Struct, array_like=True, tag=5, gc=False):
    """Nothing that a source will send is before `watermark`, in ms."""

    source: int
    watermark: int


Envelope = Event | Joining | Wait | Answer | Frontier

encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Envelope).decode


def decoded(value: bytes) -> Envelope:
    """The envelope in `value`. Raises ValueError for one of a version newer than this one."""
    try:
        envelope: Envelope = _decode(value)
    except msgspec.ValidationError as error:
        raise ValueError(f"envelope of a newer version: {error}") from None
    return envelope
