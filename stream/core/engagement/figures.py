"""What is counted of one day, as far as one partition goes: integers that add up over partitions (SPEC 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

K = TypeVar("K")


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
    `moved` are prospects that came from other partitions, less those that went: to all together, none.
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
    moved: int = 0


def add(counts: dict[K, int], key: K, more: int) -> None:
    """Count, and keep no zeros."""
    total = counts.get(key, 0) + more
    if total:
        counts[key] = total
    else:
        counts.pop(key, None)


def shift(counts: dict[K, int], before: K, after: K) -> None:
    """Count one less of the one and one more of the other, and keep no zeros."""
    less, more = counts.get(before, 0) - 1, counts.get(after, 0) + 1
    if less:
        counts[before] = less
    else:
        del counts[before]
    if more:
        counts[after] = more
    else:
        del counts[after]


def add_all(counts: dict[K, int], more: Mapping[K, int]) -> None:
    """Count all of them."""
    for key, count in more.items():
        add(counts, key, count)


def add_cell(total: Cell, more: Cell) -> None:
    """One channel of two partitions, or two channels."""
    total.pageviews += more.pageviews
    total.people += more.people
    total.visits += more.visits
    total.bounces += more.bounces
    total.pages += more.pages
    total.ms += more.ms


def add_figures(total: Figures, more: Figures) -> None:
    """One day of two partitions; the openings are left aside."""
    for name, cell in more.channels.items():
        if name not in total.channels:
            total.channels[name] = Cell()
        add_cell(total.channels[name], cell)
    add_all(total.users, more.users)
    add_all(total.visitors, more.visitors)
    add_all(total.states, more.states)
    add_all(total.tiers, more.tiers)
    add_all(total.reasons, more.reasons)
    add_all(total.base, more.base)
    total.pseudo += more.pseudo
