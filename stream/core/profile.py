"""One person's state, compact and versioned, as it is kept in memory and in the changelog (SPEC 2 to 5)."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import NoReturn
from zlib import compress, decompress

import msgspec
from msgspec import Raw, Struct

from stream.core.activity import Vocabulary
from stream.core.engagement.seen import Seen
from stream.core.events import EntryFields
from stream.core.records import State
from stream.core.times import EARLIEST

VERSION = 2

PROGRESS_KEY = b"\xff"  # in the changelog; no person's id: those are UTF-8
ERASED_PREFIX = b"\xfe"

DORMANT = 0x80  # set in the version byte of the short form
PACKED = 0x40  # set where the rest is compressed
LARGE = 4096  # bytes from which on a profile is compressed: a long visit repeats itself, ids aside

PROSPECT, NEW, ACTIVE, SILENT, CHURNED, HIBERNATING, DELETED = range(7)
STATES: tuple[State, ...] = ("prospect", "new", "active", "silent", "churned", "hibernating", "deleted")

NEVER = 2**31  # a day that no calendar reaches: nothing is due

UNCOUNTED = -1
"""In place of the cell of an event that no open window has, or none shall correct any more."""

Amount = int | float
"""What is read stays what it was: a profile decoded and encoded again has 10, and not 10.0."""

Recent = tuple[int, str, int, EntryFields | None, tuple[Amount, ...] | None, int]
"""An applied event that may still re-cut visits: ms, messageId, number of its mark, entry, amounts, and the
id of the cell that counts it in its window of engagement."""


class Visit(Struct, array_like=True, gc=False):
    """An open visit: a fold over its events in time order. Times in ms, `day` is that of its first event.

    `hits` counts occurrences by day and key event, `amounts` sums values by key event.
    """

    start: int
    last: int
    day: int
    nth: int
    entry: EntryFields | None
    passive: bool
    events: int = 0
    pages: int = 0
    hits: dict[int, dict[int, int]] = {}
    amounts: dict[int, Amount] = {}
    voided: list[int] = []
    was_engaged: bool = False
    pending: bool = False


class Profile(Struct, array_like=True, gc=False):
    """A person: lifecycle, days of closed visits, and open visits with the events that may re-cut them.

    `open` is in time order; it is what `recent`, the events that are kept one by one, and `bases`, folds
    over older ones, are cut into. Days are local, since 1970-01-01. `last` is the
    greatest time of an event; `last_end` the end of the last published visit; `registration` the event that
    registered, while an earlier one may still come; `due` the next day on which something may change.
    An anonymous id that was joined has a `redirect` to the user up to the day `until`, the user the id in
    `aliases`. An id that has `moved_to` another partition of a re-keyed stream has nothing else. `touched`
    has the cells of windows in which the person has events, with occurrences by key event. `seen` is for the
    daily figures; None where an older Footfall wrote the profile, or where all is long past.
    """

    state: int = PROSPECT
    tier: int = 0
    k: int = 0
    registered: int | None = None
    registration: tuple[int, str] | None = None
    imported: bool = False
    was_active: bool = False
    was_engaged: bool = False
    returned: bool = False
    reborn: bool = False
    last: int = EARLIEST - 1
    last_day: int = 0
    last_end: int | None = None
    lifecycle_day: int | None = None
    tier_day: int | None = None
    due: int = NEVER
    visits: int = 0
    engaged: dict[int, int] = {}
    counts: dict[int, dict[int, int]] = {}
    open: list[Visit] = []
    bases: tuple[Visit, ...] = ()
    recent: list[Recent] = []
    redirect: str | None = None
    until: int = NEVER
    aliases: tuple[str, ...] = ()
    moved_to: int | None = None
    touched: dict[int, dict[int, int] | None] | None = None
    seen: Seen | None = None


class Dormant(Struct, array_like=True, gc=False):
    """What a hibernating person's return needs, and nothing else."""

    tier: int
    k: int
    registered: int | None
    last_day: int
    lifecycle_day: int | None
    tier_day: int | None
    visits: int
    flags: int


class Erased(Struct, array_like=True, gc=False):
    """What is left of a deleted person, under a hash of the id.

    Until the watermark has passed the deletion also its time and the ids that may still be repeated;
    `reborn` where a new life has begun by then. `touched` is as in a Profile: to a window the person of the
    new life is the same.

    Also of an anonymous person who was joined: where visits closed ahead of the watermark, the ids that may
    still be repeated, and the time of the latest as `closed`.
    """

    k: int = 0
    deleted: tuple[int, str] | None = None
    reborn: bool = False
    recent: list[tuple[int, str]] = []
    touched: dict[int, dict[int, int] | None] | None = None
    closed: int | None = None

    @property
    def waits(self) -> bool:
        """Whether ids in here may still be repeated."""
        return self.deleted is not None or self.closed is not None


def uncounted(event: Recent) -> Recent:
    """The event, with what it has added to its window settled."""
    return (*event[:5], UNCOUNTED)


def hash_of(person: str) -> bytes:
    """What is kept of a deleted person's id: 16 bytes of BLAKE2b."""
    return blake2b(person.encode(), digest_size=16).digest()


FLAGS = ("imported", "was_active", "was_engaged", "returned", "reborn")


class Progress(Struct, array_like=True):
    """What a partition keeps of itself beside its persons. Times in ms.

    `profiles`, `erased` and `open_visits` are how many there are; None where a Footfall wrote it that did not
    count.
    """

    watermark: int
    newest: int
    vocabulary: Vocabulary
    profiles: int | None = None
    erased: int | None = None
    open_visits: int | None = None


class _OpenVisit(Struct, array_like=True, gc=False):
    """The beginning of a Visit. What follows is skipped."""

    start: int
    last: int


class _Glance(Struct, array_like=True, gc=False):
    """The beginning of a Profile, up to `open`: what nobody looks at stays undecoded."""

    state: int
    tier: int
    k: int
    registered: Raw
    registration: Raw
    imported: bool
    was_active: bool
    was_engaged: bool
    returned: bool
    reborn: bool
    last: Raw
    last_day: int
    last_end: Raw
    lifecycle_day: Raw
    tier_day: Raw
    due: int
    visits: int
    engaged: Raw
    counts: Raw
    open: list[_OpenVisit]


_WHOLE = bytes((VERSION,))
_RECENT = Profile.__struct_fields__.index("recent")

_encode = msgspec.msgpack.Encoder().encode
_decode_profile = msgspec.msgpack.Decoder(Profile).decode
_decode_glance = msgspec.msgpack.Decoder(_Glance).decode
_decode_dormant = msgspec.msgpack.Decoder(Dormant).decode


def encode(profile: Profile) -> bytes:
    """A version byte, then MessagePack; the short form for who hibernates, once all windows are past."""
    p = profile
    if p.state != HIBERNATING or p.open or p.engaged or p.counts or p.aliases or p.seen is not None:
        return encode_whole(p)
    flags = sum(getattr(p, flag) << bit for bit, flag in enumerate(FLAGS))
    short = Dormant(p.tier, p.k, p.registered, p.last_day, p.lifecycle_day, p.tier_day, p.visits, flags)
    return bytes((VERSION | DORMANT,)) + _encode(short)


def encode_whole(profile: Profile) -> bytes:
    """The same, never in the short form, in which not everything is found again."""
    data = _encode(profile)
    if len(data) < LARGE:
        return _WHOLE + data
    return bytes((VERSION | PACKED,)) + compress(data, 1)


def decode(data: bytes) -> Profile:
    """The profile in `data`, brought up to date if an older version wrote it.

    Raises ValueError for a version of a Footfall newer than this one.
    """
    reader = READERS.get(data[0])
    return reader(data[1:]) if reader is not None else _refuse(data[0])


def glance(data: bytes) -> tuple[int | None, int, int]:
    """Of a stored profile, without decoding all: the day it is due (None: never), how many visits are open,
    and the time in ms of the last event of the first of these.

    Raises ValueError for a version of a Footfall newer than this one.
    """
    check_version(data)
    first_byte = data[0]
    if first_byte & DORMANT:
        return None, 0, 0
    seen = _decode_glance(decompress(data[1:]) if first_byte & PACKED else data[1:])
    visits = seen.open
    return (None if seen.due == NEVER else seen.due), len(visits), visits[0].last if visits else 0


def check_version(data: bytes) -> None:
    """Raises ValueError for a stored profile of a version of a Footfall newer than this one."""
    if data[0] not in READERS:
        _refuse(data[0])


def _current(data: bytes) -> bytes:
    if data[0] & ~DORMANT & ~PACKED > VERSION:
        _refuse(data[0])
    return data[1:]


def _refuse(first_byte: int) -> NoReturn:
    version = first_byte & ~DORMANT & ~PACKED
    raise ValueError(f"state of version {version}, newer than {VERSION}: run the Footfall that wrote it")


def _unpack(data: bytes) -> Profile:
    return _decode_profile(decompress(data))


def _read_1(data: bytes) -> Profile:
    """Version 1 did not say in which window an event counts."""
    fields = msgspec.msgpack.decode(data)
    if len(fields) > _RECENT:
        fields[_RECENT] = [[*event, UNCOUNTED] for event in fields[_RECENT]]
    return _decode_profile(_encode(fields))


def _unpack_1(data: bytes) -> Profile:
    return _read_1(decompress(data))


def _wake(data: bytes) -> Profile:
    d = _decode_dormant(data)
    p = Profile(
        state=HIBERNATING,
        tier=d.tier,
        k=d.k,
        registered=d.registered,
        last_day=d.last_day,
        lifecycle_day=d.lifecycle_day,
        tier_day=d.tier_day,
        visits=d.visits,
    )
    for bit, flag in enumerate(FLAGS):
        setattr(p, flag, bool(d.flags >> bit & 1))
    return p


READERS: dict[int, Callable[[bytes], Profile]] = {
    1: _read_1,
    1 | PACKED: _unpack_1,
    1 | DORMANT: _wake,
    VERSION: _decode_profile,
    VERSION | PACKED: _unpack,
    VERSION | DORMANT: _wake,
}
"""One reader a version ever released, by its first byte."""


def encode_erased(erased: Erased) -> bytes:
    """What is left of a deleted person, for the changelog."""
    return bytes((VERSION,)) + _encode(erased)


def encode_progress(progress: Progress) -> bytes:
    """The partition's own record, for the changelog."""
    return bytes((VERSION,)) + _encode(progress)


def decode_erased(data: bytes) -> Erased:
    """Raises ValueError for a version of a Footfall newer than this one."""
    return msgspec.msgpack.decode(_current(data), type=Erased)


def decode_progress(data: bytes) -> Progress:
    """Raises ValueError for a version of a Footfall newer than this one."""
    return msgspec.msgpack.decode(_current(data), type=Progress)
