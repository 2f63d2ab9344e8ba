"""A person's state on its way to another partition, which numbers marks and key events in its own order."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from stream.core.activity import Activity, Mark, Vocabulary
from stream.core.profile import UNCOUNTED, Erased, Profile, Recent, Visit, decode
from stream.core.profile import encode as encode_profile


class Moved(Struct, array_like=True):
    """All that is known under an id, with the words for the numbers in it."""

    profile: bytes | None
    erased: Erased | None
    vocabulary: Vocabulary


def pack(profile: Profile | None, erased: Erased | None, vocabulary: Vocabulary) -> bytes:
    """For a partition that numbers otherwise than `vocabulary`."""
    encoded = None if profile is None else encode_profile(profile)
    return _encode(Moved(encoded, erased, vocabulary if profile is not None else Vocabulary()))


def unpack(data: bytes, activity: Activity) -> tuple[Profile | None, Erased | None]:
    """With the numbers of `activity`. Raises ValueError for a version of a Footfall newer than this one."""
    moved = _decode(data)
    if moved.erased is not None:
        moved.erased.touched = None
    if moved.profile is None:
        return None, moved.erased
    profile = decode(moved.profile)
    _Translation(moved.vocabulary, activity).translate(profile)
    return profile, moved.erased


class _Translation:
    """From one partition's numbers to another's."""

    def __init__(self, vocabulary: Vocabulary, activity: Activity) -> None:
        self._keys = vocabulary.keys
        self._marks = vocabulary.marks
        self._activity = activity

    def translate(self, p: Profile) -> None:
        p.counts = {day: self._by_key(counts) for day, counts in p.counts.items()}
        p.recent = [self._recent(event) for event in p.recent]
        p.touched = None  # cells are the other partition's
        for visit in (*p.open, *p.bases):
            self._visit(visit)

    def _key(self, key: int) -> int:
        return self._activity.key(self._keys[key])

    def _by_key(self, counts: dict[int, int]) -> dict[int, int]:
        return {self._key(key): count for key, count in counts.items()}

    def _visit(self, visit: Visit) -> None:
        visit.hits = {day: self._by_key(counts) for day, counts in visit.hits.items()}
        visit.amounts = {self._key(key): amount for key, amount in visit.amounts.items()}
        visit.voided = [self._key(key) for key in visit.voided]

    def _recent(self, event: Recent) -> Recent:
        t, message_id, number, entry, amounts, _ = event
        mark = self._marks[number]
        hits = [self._key(key) for key in mark.hits]
        voids = tuple(sorted(self._key(key) for key in mark.voids))
        if amounts is not None:  # one for each hit, and those are in the order of their numbers
            amounts = tuple(amount for _, amount in sorted(zip(hits, amounts, strict=True)))
        number = self._activity.number(Mark(mark.page, tuple(sorted(hits)), voids))
        return t, message_id, number, entry, amounts, UNCOUNTED


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Moved).decode
