"""What the days have left: who is there by state and tier, and who had an event of late (SPEC 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

from stream.core.engagement.figures import Figures, Opening, add, add_all
from stream.core.records import Reached

LONGEST = 30
"""Days of the longest look back."""


class Standing(Struct, array_like=True):
    """The sum of the days up to `closed`, since 1970; of one partition, or of all.

    `users` and `visitors` are persons with an event on a day, for the last 30 days: by the number of days
    since their one before.
    """

    closed: int | None = None
    states: dict[str, int] = {}
    tiers: dict[str, int] = {}
    users: dict[int, dict[int, int]] = {}
    visitors: dict[int, dict[int, int]] = {}

    def open(self, opening: Opening) -> None:
        """Who was there before anything was counted."""
        add_all(self.states, opening.states)
        add_all(self.tiers, opening.tiers)
        for seen, counted in ((self.users, opening.users), (self.visitors, opening.visitors)):
            for last, persons in counted.items():
                add(seen.setdefault(last, {}), LONGEST, persons)

    def add(self, day: int, figures: Figures) -> None:
        """One more day, later than all others; the opening is left aside."""
        add_all(self.states, figures.states)
        add_all(self.tiers, figures.tiers)
        add_all(self.users.setdefault(day, {}), figures.users)
        add_all(self.visitors.setdefault(day, {}), figures.visitors)
        self.users = since(day - LONGEST + 1, self.users)
        self.visitors = since(day - LONGEST + 1, self.visitors)

    def copy(self) -> Standing:
        """One that can be added to."""
        users = {day: dict(persons) for day, persons in self.users.items()}
        visitors = {day: dict(persons) for day, persons in self.visitors.items()}
        return Standing(self.closed, dict(self.states), dict(self.tiers), users, visitors)

    def active(self, day: int) -> Reached:
        """Registered persons with an event in the 1, 7 and 30 days up to `day`."""
        return _reached(self.users, day)

    def visiting(self, day: int) -> Reached:
        """The same for those who were not registered."""
        return _reached(self.visitors, day)


V = TypeVar("V")


def since(first: int, by_day: Mapping[int, V]) -> dict[int, V]:
    """Without the days before `first`."""
    return {day: value for day, value in by_day.items() if day >= first}


def _reached(seen: Mapping[int, Mapping[int, int]], day: int) -> Reached:
    """Distinct persons over 1, 7 and 30 days: each by the first of its days that is within them."""
    return Reached(*(_distinct(seen, day, days) for days in (1, 7, LONGEST)))


def _distinct(seen: Mapping[int, Mapping[int, int]], day: int, days: int) -> int:
    first = day - days + 1
    return sum(
        persons
        for on in range(first, day + 1)
        for gap, persons in seen.get(on, {}).items()
        if on - gap < first
    )
