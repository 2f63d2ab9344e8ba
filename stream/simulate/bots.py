"""Robots that read the whole shop, page by page, at any hour, and never buy: they only dilute."""

from __future__ import annotations

import math
from random import Random

from stream.simulate.catalog import CATEGORIES, ITEMS
from stream.simulate.devices import Device
from stream.simulate.person import Person
from stream.simulate.product import Channel, Product
from stream.simulate.schedule import DAY_MS
from stream.simulate.scribe import Record, Scribe
from stream.simulate.streams import digest, exponential, random_stream

EVENTS_A_DAY = 1.5
"""What people leave behind, for each of the product's users."""
_PAGES = 40
_CHANNEL = Channel("direct", 0.0, 0.0, 0.0, 0.0)
_HEADLESS = Device(
    0.0,
    False,
    '"library":{"name":"analytics.js","version":"2.11.1"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64) '
    'AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36"',
)


class Bot:
    """One robot: comes again and again, without a rhythm, and views some 40 pages a few seconds apart."""

    def __init__(self, product: Product, *, seed: int, number: int, count: int, start_ms: int) -> None:
        self._seed = seed
        self._rng = random_stream(seed, f"bot-{number}")
        self._runs = 0
        events = product.users * EVENTS_A_DAY * product.bots / (1.0 - product.bots)
        self._days = _PAGES * count / events
        self._who = Person(product, seed=seed, name=f"bot-{number}", channel=_CHANNEL, born_ms=start_ms)
        self._who.device = _HEADLESS

    @property
    def person(self) -> str:
        """The person that Footfall sees."""
        return f"anonymous:{self._who.anonymous_id}"

    def next_ms(self, t_ms: int) -> int:
        """When it comes next, after `t_ms`."""
        return t_ms + 1 + int(exponential(self._rng) * self._days * DAY_MS)

    def read(self, t_ms: int) -> list[Record]:
        """Its page views from `t_ms` on."""
        digits = digest(self._seed, f"{self._who.name}/{self._runs}")
        rng = Random(int(digits[:16], 16))
        self._runs += 1
        scribe = Scribe(self._who, digits=digits, rng=rng, channel="direct", referrer="")
        item = int(rng.random() * len(ITEMS))
        for number in range(int(_PAGES * (0.5 + rng.random()))):
            page = (
                CATEGORIES[number % len(CATEGORIES)]
                if number % 8 == 0
                else ITEMS[(item + number) % len(ITEMS)].page
            )
            scribe.view(t_ms, page)
            t_ms += 900 + int(5_000 * rng.random())
        return scribe.records


def bots_of(product: Product, *, seed: int, start_ms: int) -> list[Bot]:
    """As many as the product's share of them needs, each a visit or two a day."""
    if not product.bots:
        return []
    count = math.ceil(product.users * product.bots / 50)
    return [Bot(product, seed=seed, number=number, count=count, start_ms=start_ms) for number in range(count)]
