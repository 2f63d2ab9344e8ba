"""What is counted of one day, as far as one partition goes: integers that add up over partitions (SPEC 6)."""

from __future__ import annotations

from msgspec import Struct


class Cell(Struct, array_like=True, gc=False):
    """One channel on one day.

    `pageviews` and `people` are of events in the channel; the others of visits that began on the day and
    entered by it, with what happened in them up to midnight: `pages`, and `ms` from first to last event.
    """

    pageviews: int = 0
    people: int = 0
    visits: int = 0
    bounces: int = 0
    pages: int = 0
    ms: int = 0


class Opening(Struct, array_like=True):
    """Who was there before anything was counted: how many by state, tier, and last day with an event.

    `base` are those who are new, active or silent.
    """

    states: dict[str, int]
    tiers: dict[str, int]
    users: dict[int, int]
    visitors: dict[int, int]
    base: dict[int, int]


class Figures(Struct, array_like=True):
    """One day of one partition.

    `users` and `visitors` are persons with an event on the day, by the number of days since their one before
    (at most 30). `states` and `tiers` are how many more there are at the end of the day than at its
    beginning, in this partition less than none perhaps. `reasons` counts transitions: those that registered,
    entered or left `active`, or churned; `deleted` are from active, `left` were active when the day began
    and were not when it ended. `base` is how many more are new, active or silent than by the days before, by
    the number of days since the last one with an event (below 30). `opening` is what comes before all this.
    """

    channels: dict[str, Cell] = {}
    users: dict[int, int] = {}
    visitors: dict[int, int] = {}
    states: dict[str, int] = {}
    tiers: dict[str, int] = {}
    reasons: dict[str, int] = {}
    base: dict[int, int] = {}
    pseudo: int = 0
    opening: Opening | None = None


def add(counts: dict[str, int], name: str, more: int) -> None:
    """Count, and keep no zeros."""
    total = counts.get(name, 0) + more
    if total:
        counts[name] = total
    else:
        counts.pop(name, None)


def add_days(counts: dict[int, int], days: int, more: int) -> None:
    """The same by a number of days."""
    total = counts.get(days, 0) + more
    if total:
        counts[days] = total
    else:
        counts.pop(days, None)
