"""On which days a person was seen, and what of it may still change a day's figures (SPEC 6)."""

from __future__ import annotations

from msgspec import Struct

LONGEST_GAP = 30
"""Days between two days with an event from which on it does not matter how many they are."""

_KEPT = (1 << 62) - 1


class OnDay(Struct, array_like=True, gc=False):
    """What one person did on one day, as far as it is counted by persons.

    `chosen` are visits begun on the day that are no passive bounces, `passive` those that are; `tried` says
    that an event had the name of a key event, `hits` are the occurrences that count.
    """

    day: int
    channels: tuple[str, ...] = ()
    chosen: int = 0
    passive: int = 0
    tried: bool = False
    hits: int = 0

    @property
    def pseudo(self) -> bool:
        """Whether the day was pseudo-activity: passive bounces alone, or key events of which none counts."""
        return (self.passive > 0 and not self.chosen) or (self.tried and self.hits <= 0)


class Seen(Struct, array_like=True, gc=False):
    """A person's days with an event: `day` is the last, bit i of `days` says that `day` - i is one.

    `on` are the days that are not closed yet, ascending. `turns` are the last days on which the person
    joined or left those who are new, active or silent. `began_active`: at the beginning of the day of the
    last lifecycle transition; `known`: counted among the prospects.
    """

    day: int
    days: int = 0
    on: tuple[OnDay, ...] = ()
    turns: tuple[int, ...] = ()
    began_active: bool = False
    known: bool = False

    def has(self, day: int) -> bool:
        """Whether there was an event on the day."""
        return day <= self.day and bool(self.days >> (self.day - day) & 1)

    def add(self, day: int) -> None:
        """There was an event on the day."""
        if not self.days:
            self.day, self.days = day, 1
        elif day > self.day:
            self.days = (self.days << min(day - self.day, 62) | 1) & _KEPT
            self.day = day
        else:
            self.days |= (1 << (self.day - day)) & _KEPT

    def before(self, day: int) -> int | None:
        """The last day with an event before `day`; None where none is known."""
        rest = self.days if day > self.day else self.days >> (self.day - day + 1)
        if not rest:
            return None
        return min(self.day, day - 1) - ((rest & -rest).bit_length() - 1)

    def after(self, day: int) -> int | None:
        """The first day with an event after `day`; None where there is none."""
        later = self.days & ((1 << max(self.day - day, 0)) - 1)
        return self.day - (later.bit_length() - 1) if later else None

    def turn(self, day: int) -> None:
        """The person joins or leaves those who are new, active or silent."""
        self.turns = (*[each for each in self.turns if day - each <= 62], day) if self.turns else (day,)

    def on_day(self, day: int, closed: int | None) -> OnDay:
        """What the person did on a day that is not closed; what is closed is forgotten."""
        for each in reversed(self.on):
            if each.day == day:
                return each
        new = OnDay(day)
        if not self.on:
            self.on = (new,)
            return new
        kept = (each for each in self.on if closed is None or each.day > closed)
        self.on = tuple(sorted((*kept, new), key=_day))
        return new


def gap(day: int, before: int | None) -> int:
    """Days since the day with an event before, at most LONGEST_GAP."""
    return LONGEST_GAP if before is None else min(LONGEST_GAP, day - before)


def _day(on: OnDay) -> int:
    return on.day
