"""People whom an occasion brings at once, and who would not have come without it."""

from __future__ import annotations

from typing import NamedTuple

from stream.simulate.campaigns import Campaign
from stream.simulate.ledger import Ledger
from stream.simulate.person import Person
from stream.simulate.product import Channel
from stream.simulate.schedule import DAY_MS
from stream.simulate.streams import random_stream


class Crowd(NamedTuple):
    """`factor` times the product's visits from `start_ms` to `end_ms`, the surplus through `channel`.

    Their first visit carries `campaign` in every event, if there is one; `known` is the share who have had
    an account for long. After a visit they stay away for good with chance `leaves`. `name` is unique.
    """

    name: str
    channel: Channel
    start_ms: int
    end_ms: int
    factor: float
    leaves: float
    known: float = 0.0
    campaign: Campaign | None = None


class Gathering:
    """A crowd that comes, person by person; tells `ledger` who they are."""

    def __init__(self, crowd: Crowd, ledger: Ledger) -> None:
        self.crowd = crowd
        self._ledger = ledger

    def join(self, person: Person, t_ms: int, *, seed: int) -> None:
        """`person` belongs to the crowd and comes for its sake at `t_ms`."""
        person.crowd = self.crowd
        self._ledger.welcome(f"anonymous:{person.anonymous_id}".encode(), person.user_id.encode())
        rng = random_stream(seed, f"known/{person.name}")
        if rng.random() < self.crowd.known:
            person.registered = True
            person.anonymous_only = False
            person.created_ms = t_ms - int((60.0 + 400.0 * rng.random()) * DAY_MS)
