"""When a person registered, and who was a user before Footfall saw them (SPEC 5)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from stream.core.calendar import Calendar
from stream.core.definition import Definition
from stream.core.times import parse_day, parse_ms, within_years

_LENGTH_OF_DATE = len("2026-01-31")


class _Traits(Struct):
    created_at: Any = field(name="createdAt", default=None)


class _Registering(Struct):
    """The part of a sound event that tells when its person came."""

    traits: _Traits | None = None


class _Odd(Struct):
    """The same of one whose `traits` may be anything."""

    traits: Any = None


_decode = msgspec.json.Decoder(_Registering).decode
_decode_odd = msgspec.json.Decoder(_Odd).decode


class Registrar:
    """Reads registrations by one definition."""

    def __init__(self, definition: Definition, calendar: Calendar) -> None:
        self._new_days = definition.new_days
        self._known_before = parse_day(definition.known_before) if definition.known_before else None
        self._calendar = calendar

    def registration(self, value: bytes, day: int, *, reborn: bool) -> tuple[int, bool]:
        """(day of registration, imported) by the event that registers, of the local date `day`.

        A life after a deletion begins on its first event's day: nothing is left to judge `createdAt` by.
        """
        if reborn:
            return day, False
        created = self._created(value)
        if created is not None:
            return created, day - created >= self._new_days
        return day, self._known_before is not None and day < self._known_before

    def _created(self, value: bytes) -> int | None:
        """`traits.createdAt` as a day: an ISO 8601 time, milliseconds, or a bare local date."""
        if b"createdAt" not in value and b"\\" not in value:  # unescaped, it is nowhere
            return None
        created = _created_at(value)
        if isinstance(created, str):
            if len(created) == _LENGTH_OF_DATE:
                return parse_day(created)
            created = parse_ms(created)
        if isinstance(created, bool) or not isinstance(created, int) or within_years(created) is None:
            return None
        return self._calendar.day_of(created)


def _created_at(value: bytes) -> object:
    try:
        traits = _decode(value).traits
    except msgspec.ValidationError:
        odd = _decode_odd(value).traits  # of several `traits` the last counts, whatever the others are
        return odd.get("createdAt") if isinstance(odd, dict) else None
    return None if traits is None else traits.created_at
