"""One run of the simulated product with everything that befalls it, and the truth about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stream.simulate.bots import bots_of
from stream.simulate.campaigns import Campaign
from stream.simulate.crowd import Crowd, Gathering
from stream.simulate.delivery import Delivery, Faults
from stream.simulate.ledger import Ledger
from stream.simulate.losses import Loss, through
from stream.simulate.mishaps import Bouncing, Mishap, Thinning
from stream.simulate.plants import BadChannel, Broken, Decline, Outage, Plant, Promotion, Viral
from stream.simulate.population import Population
from stream.simulate.product import Channel, Product
from stream.simulate.scribe import Record
from stream.simulate.truth import Truth, truth_of

_LEAVE = 0.9  # hardly anybody comes again: what was planted ends when it ends
_KNOWN_BUYERS = 0.5


class Simulation:
    """The product's records in the order in which they arrive.

    Raises ValueError for shares of faults that leave no room for sound events.
    """

    def __init__(
        self,
        product: Product,
        *,
        seed: int,
        start_ms: int,
        end_ms: int | None,
        plants: Sequence[Plant] = (),
        faults: Faults | None = None,
        to_topic: bool = False,
    ) -> None:
        self._product = product
        self._seed = seed
        self._start_ms = start_ms
        self._end_ms = end_ms
        self._faults = faults or Faults()
        self._delivery = Delivery(self._faults, seed=seed, to_topic=to_topic)
        promotions = [plant.name for plant in plants if isinstance(plant, Promotion)]
        self._planted = [(plant, Ledger(plant, promotions=promotions)) for plant in plants]

    def slices(self) -> Iterator[tuple[int, list[Record]]]:
        """Slices of records, each with the event time (ms) at which it ends."""
        population = Population(
            self._product,
            seed=self._seed,
            start_ms=self._start_ms,
            gatherings=[gathering for one in self._planted if (gathering := self._gathering(*one))],
            mishaps=[mishap for one in self._planted if (mishap := self._mishap(*one))],
        )
        losses = [
            Loss(plant, ledger, seed=self._seed)
            for plant, ledger in self._planted
            if isinstance(plant, Outage | Broken)
        ]
        arriving = through(population.slices(self._end_ms), losses)
        if self._planted:
            arriving = self._counted(arriving)
        return self._delivery.deliver(arriving)

    def truth(self) -> Truth:
        """What was planted, with what has been counted of it so far."""
        product, faults = self._product, self._faults
        return truth_of(
            self._planted,
            seed=self._seed,
            start_ms=self._start_ms,
            end_ms=self._end_ms,
            options={
                "users": product.users,
                "newcomers": product.newcomers,
                "growth": product.growth,
                "anonymous": product.anonymous,
                "bots": product.bots,
                "late": faults.late,
                "disorder": faults.disorder,
                "duplicates": faults.duplicates,
                "bad": faults.bad,
            },
            bots=[bot.person for bot in bots_of(product, seed=self._seed, start_ms=self._start_ms)],
        )

    def _counted(self, slices: Iterable[tuple[int, list[Record]]]) -> Iterator[tuple[int, list[Record]]]:
        for until_ms, records in slices:
            for _, ledger in self._planted:
                ledger.saw(until_ms, records)
            yield until_ms, records

    def _gathering(self, plant: Plant, ledger: Ledger) -> Gathering | None:
        if isinstance(plant, Viral):
            campaign, known = None, 0.0
        elif isinstance(plant, Promotion):
            campaign, known = Campaign(plant.name, plant.channel, "promotion"), _KNOWN_BUYERS
        else:
            return None
        crowd = Crowd(
            plant.text,
            self._channel(plant.channel),
            plant.start_ms,
            plant.end_ms,
            plant.factor,
            leaves=_LEAVE,
            known=known,
            campaign=campaign,
        )
        return Gathering(crowd, ledger)

    def _mishap(self, plant: Plant, ledger: Ledger) -> Mishap | None:
        if isinstance(plant, Decline):
            return Thinning(plant, ledger, seed=self._seed)
        if isinstance(plant, BadChannel):
            return Bouncing(plant, ledger, seed=self._seed)
        return None

    def _channel(self, name: str) -> Channel:
        return next(channel for channel in self._product.channels if channel.name == name)
