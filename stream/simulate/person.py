"""One simulated person: who they are, how eager, and how that ages."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

from stream.simulate.devices import Device, pick_device, place
from stream.simulate.product import Channel, Product
from stream.simulate.schedule import DAY_MS, HOUR_MS
from stream.simulate.streams import digest, exponential, lognormal, random_stream, uuid_shaped

if TYPE_CHECKING:
    from stream.simulate.crowd import Crowd

NEVER = -1
_MAX_RATE = 4.0


class Person:
    """Somebody who uses the product, or did.

    `name` keys all of the person's random streams. `next_ms` is the next visit of their own accord, or
    NEVER; `busy_until_ms` the end of the last visit, which no other visit may overlap; `visits` counts
    those of their own accord, `invitations` the others: each names the next one's stream. `crowd` is what
    brought them, if it is something that befell the product.
    """

    __slots__ = (
        "anonymous_id",
        "anonymous_only",
        "busy_until_ms",
        "channel",
        "created_ms",
        "crowd",
        "device",
        "identified",
        "intent",
        "invitations",
        "known_creation",
        "name",
        "next_ms",
        "place",
        "rate",
        "registered",
        "seen_ms",
        "shift_ms",
        "subscribed",
        "user_id",
        "visits",
    )

    def __init__(self, product: Product, *, seed: int, name: str, channel: Channel, born_ms: int) -> None:
        rng = random_stream(seed, f"person/{name}")
        digits = digest(seed, f"ids/{name}")
        self.name = name
        self.channel = channel
        self.anonymous_id = uuid_shaped(digits)
        self.user_id = f"usr_{digits[32:]}"
        self.device: Device = pick_device(rng)
        self.place = place(rng)
        self.rate = min(lognormal(rng, median=product.visit_rate, sigma=0.8), _MAX_RATE)
        self.intent = lognormal(rng, median=product.intent, sigma=0.5) * channel.intent
        self.shift_ms = int(min(max(lognormal(rng, median=1.0, sigma=0.5), 0.3), 4.0) * HOUR_MS) - HOUR_MS
        self.anonymous_only = rng.random() < product.anonymous
        self.subscribed = rng.random() < product.subscribers
        self.known_creation = rng.random() < 0.9
        self.registered = False
        self.identified = False
        self.created_ms = born_ms
        self.seen_ms = born_ms
        self.busy_until_ms = born_ms - 1
        self.next_ms = NEVER
        self.visits = 0
        self.invitations = 0
        self.crowd: Crowd | None = None

    def eagerness(self, product: Product, t_ms: int) -> float:
        """How ready to come and to buy, against the person's own settled self: fades with age."""
        age_days = max(0.0, (t_ms - self.created_ms) / DAY_MS)
        novelty = product.novelty * math.exp(-age_days / product.novelty_days)
        settled = 1.0 - product.fading * (1.0 - math.exp(-age_days / product.fading_days))
        return settled * (1.0 + novelty)

    def days_to_next_visit(self, product: Product, t_ms: int, rng: Random, *, bounced: bool) -> float:
        """Average days until the person comes again of their own accord; infinite for never."""
        if self.crowd is not None and rng.random() < self.crowd.leaves:
            return math.inf
        tired = 1.5 if bounced else 1.0
        if not self.registered and rng.random() < product.visitor_leaves * tired:
            return math.inf
        if self.registered and rng.random() < product.lapse * (2.0 if bounced else 1.0):
            return self.days_away(product, rng)
        return exponential(rng) / (self.rate * self.eagerness(product, t_ms))

    def days_away(self, product: Product, rng: Random) -> float:
        """Average days that a lapsed person stays away; infinite for those who are gone for good."""
        if rng.random() >= product.comeback:
            return math.inf
        return 8.0 + lognormal(rng, median=product.comeback_days, sigma=0.9)


def old_user(product: Product, *, seed: int, number: int, start_ms: int) -> Person:
    """A user from before the first day, registered 1 to some 800 days earlier."""
    rng = random_stream(seed, f"past/{number}")
    born_ms = start_ms - int((1.0 + 400.0 * rng.random() + 400.0 * rng.random() ** 3) * DAY_MS)
    channel = product.channels[int(rng.random() * len(product.channels))]
    person = Person(product, seed=seed, name=f"old-{number}", channel=channel, born_ms=born_ms)
    person.registered = True
    person.anonymous_only = False
    person.busy_until_ms = start_ms - 1
    return person
