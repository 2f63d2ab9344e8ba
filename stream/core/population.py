"""Who is there now: numbers of persons that add up over partitions (SPEC 4 to 6)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from stream.core.definition import TIERS
from stream.core.engagement.standing import Standing
from stream.core.profile import STATES
from stream.core.records import Reached

PEOPLE_STATES = tuple(state for state in STATES if state != "deleted")
"""Those that somebody can be in who is there."""

_NOBODY = Reached(0, 0, 0)


def _no_states() -> dict[str, int]:
    return dict.fromkeys(PEOPLE_STATES, 0)


def _no_tiers() -> dict[str, int]:
    return dict.fromkeys(TIERS, 0)


class Population(Struct, frozen=True):
    """The persons of a partition, or of many: as of the events that have been applied.

    `states` has prospects beside the registered persons; `tiers` are of registered ones. Ids that lead to
    another person, and the deleted, are nobody. `registered` and `visitors` have had an event in the last 1,
    7 and 30 local days, today among them. They are counted as in the daily report: whoever was deleted since
    is still in them, and who has registered since may be in both. `open_visits` have not closed.
    """

    states: dict[str, int] = field(default_factory=_no_states)
    tiers: dict[str, int] = field(default_factory=_no_tiers)
    registered: Reached = _NOBODY
    visitors: Reached = _NOBODY
    open_visits: int = 0

    @staticmethod
    def of(standing: Standing, day: int, open_visits: int) -> Population:
        """By what is counted up to `day`, which is today."""
        return Population(
            states=_sum(_no_states(), standing.states),
            tiers=_sum(_no_tiers(), standing.tiers),
            registered=standing.active(day),
            visitors=standing.visiting(day),
            open_visits=open_visits,
        )

    def __add__(self, other: Population) -> Population:
        """Both together: of two partitions."""
        return Population(
            states=_sum(self.states, other.states),
            tiers=_sum(self.tiers, other.tiers),
            registered=_both(self.registered, other.registered),
            visitors=_both(self.visitors, other.visitors),
            open_visits=self.open_visits + other.open_visits,
        )


def _sum(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {name: count + more.get(name, 0) for name, count in counts.items()}


def _both(one: Reached, other: Reached) -> Reached:
    return Reached(one.days_1 + other.days_1, one.days_7 + other.days_7, one.days_30 + other.days_30)
