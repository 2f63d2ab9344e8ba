"""What a person does in one visit: look around, perhaps buy, share, sign up or leave for good."""

from __future__ import annotations

from random import Random

from stream.simulate.campaigns import CART_REMINDER, Campaign
from stream.simulate.catalog import (
    ACCOUNT,
    CART,
    CATEGORIES,
    CHECKOUT,
    CURRENCY,
    HOME,
    SEARCH,
    SIGN_UP,
    THANKS,
    Item,
    popular_item,
)
from stream.simulate.person import Person
from stream.simulate.product import Channel, Product
from stream.simulate.scribe import Record, Scribe
from stream.simulate.streams import digest

_MORE_PAGES = 0.80  # after each page; so five a visit
_LOGGED_OUT = 0.05  # of a user's visits begin without their login
_PAUSE = 0.012  # before a step: a telephone call, dinner; some cut the visit in two
_THINK_MS = tuple(int(4_000 * (2.0 + 70.0 * (i / 1024) ** 5)) for i in range(1024))
_TOPICS = ("delivery", "returns", "sizes", "payment")
_QUERIES = ("desk+lamp", "rug", "gift", "oak+shelf", "kettle", "sale")


class Visit:
    """Plays one visit of `person`, from `start_ms`; `play` once, then read the outcome.

    `name` is unique for the person, `channel` what the visit came by. `records` are in time order.
    `bounced`: one page and gone. `abandoned`: a checkout was left. `deleted`: the account is gone.
    """

    def __init__(self, product: Product, person: Person, *, seed: int, name: str, start_ms: int) -> None:
        digits = digest(seed, f"{person.name}/{name}")
        self._rng = Random(int(digits[:16], 16))
        self._digits = digits
        self._product = product
        self.name = name
        self.person = person
        self.channel = ""
        self.now_ms = self.start_ms = start_ms
        self.bounced = False
        self.abandoned = False
        self.deleted = False
        self._cart: list[Item] = []
        self._scribe: Scribe

    @property
    def records(self) -> list[Record]:
        """What the visit left behind."""
        return self._scribe.records

    def play_own(self) -> None:
        """The person comes of their own accord, through the channel they know or another."""
        product, person, rng = self._product, self.person, self._rng
        crowd = person.crowd if person.visits == 0 else None
        first = person.visits == 0 and (crowd is not None or not person.registered)
        channel = person.channel if first else _pick(product.channels, rng)
        campaign = Campaign(channel.campaign, channel.source, channel.medium) if channel.medium else None
        bounce = channel.bounce * (1.0 if first else 0.5)
        standing = None if crowd is None else crowd.campaign
        self._play(channel.name, channel.referrer, campaign, bounce, standing=standing)
        person.visits += 1

    def play_invited(self, campaign: Campaign) -> None:
        """The person follows a message that was sent to them."""
        bounce = self._product.campaign_bounce * (0.5 if campaign is CART_REMINDER else 1.0)
        self._play(campaign.medium, "", campaign, bounce)

    def _play(
        self,
        channel: str,
        referrer: str,
        campaign: Campaign | None,
        bounce: float,
        *,
        standing: Campaign | None = None,
    ) -> None:
        person, rng = self.person, self._rng
        scribe = Scribe(person, digits=self._digits, rng=rng, channel=channel, referrer=referrer)
        self._scribe = scribe
        self.channel = channel
        if standing is None:
            scribe.land(campaign)
        else:
            scribe.land_for_long(standing)
        if person.registered and rng.random() >= _LOGGED_OUT:
            scribe.log_in()
            if rng.random() < 0.2 or not person.identified:
                person.identified = True
                scribe.identify(self.now_ms)
                self.now_ms += 5 + int(400 * rng.random())
        self.bounced = rng.random() < bounce
        if self.bounced:
            scribe.view(self.now_ms, HOME if rng.random() < 0.5 else popular_item(rng).page)
            return
        self._browse()
        if self._cart and rng.random() < 0.55:
            self._check_out()
        elif rng.random() < self._product.consultation:
            self._consult()
        elif person.registered and rng.random() < self._product.deletion:
            self._delete_account()

    def _browse(self) -> None:
        scribe, rng, person = self._scribe, self._rng, self.person
        random = rng.random
        readiness = person.intent * person.eagerness(self._product, self.now_ms)
        signing_up = not person.registered and not person.anonymous_only
        signing_up = signing_up and random() < self._product.sign_up
        scribe.view(self.now_ms, HOME if random() < 0.4 else CATEGORIES[int(random() * len(CATEGORIES))])
        while True:
            self._think()
            step = random()
            if step < 0.55:
                self._look_at(popular_item(rng), readiness)
            elif step < 0.85:
                scribe.view(self.now_ms, CATEGORIES[int(random() * len(CATEGORIES))])
            elif step < 0.93:
                scribe.view(self.now_ms, SEARCH)
                query = _QUERIES[int(random() * len(_QUERIES))]
                scribe.track(self.now_ms + 12, "Products Searched", f'"query":"{query}"')
            else:
                scribe.view(self.now_ms, HOME)
            if signing_up and random() < 0.5:
                self._sign_up()
                signing_up = False
            if random() >= _MORE_PAGES:
                return

    def _look_at(self, item: Item, readiness: float) -> None:
        scribe, random = self._scribe, self._rng.random
        scribe.view(self.now_ms, item.page)
        scribe.track(self.now_ms + 8, "Product Viewed", item.members)
        if random() < readiness:
            self._think()
            self._cart.append(item)
            quantity = 1 + int(2.2 * random() ** 4)
            scribe.track(self.now_ms, "Product Added", f'{item.members},"quantity":{quantity}')
        if random() < 0.15 * readiness:
            self._think()
            via = "email" if random() < 0.4 else "messenger"
            scribe.track(self.now_ms, "Product Shared", f'"share_via":"{via}",{item.members}')

    def _check_out(self) -> None:
        scribe, random, cart = self._scribe, self._rng.random, self._cart
        cents = sum(item.price for item in cart)
        total = f'"value":{cents / 100:.2f},"currency":"{CURRENCY}"'
        order = f'"order_id":"{self._digits[32:42]}"'
        self._think()
        scribe.view(self.now_ms, CART)
        self._think()
        scribe.view(self.now_ms, CHECKOUT)
        scribe.track(self.now_ms + 15, "Checkout Started", f"{order},{total}")
        if random() >= 0.65:
            self.abandoned = True
            return
        self._think()
        products = ",".join(f"{{{item.members}}}" for item in cart)
        shipping = 0 if cents >= 5_000 else 495
        scribe.track(
            self.now_ms,
            "Order Completed",
            f'{order},"revenue":{cents / 100:.2f},"shipping":{shipping / 100:.2f},'
            f'"total":{(cents + shipping) / 100:.2f},"currency":"{CURRENCY}","products":[{products}]',
        )
        scribe.view(self.now_ms + 350, THANKS)
        self.now_ms += 350
        if self.person.registered:
            sent_ms = self.now_ms + 2_000 + int(120_000 * random())
            scribe.server(
                sent_ms, "Email Delivered", f'"email_subject":"Your order","email_id":"{order[-11:-1]}"'
            )

    def _consult(self) -> None:
        scribe, rng = self._scribe, self._rng
        topic = _TOPICS[int(rng.random() * len(_TOPICS))]
        consultation = f'"consultation_id":"{self._digits[32:42]}"'
        self._think()
        scribe.track(self.now_ms, "Consultation Started", f'{consultation},"topic":"{topic}"')
        self.now_ms += int((2.0 + 9.0 * rng.random()) * 60_000)
        angry = rng.random() < self._product.anger
        if angry or rng.random() < 0.6:
            stars = 1 if angry else 2 + int(4.0 * rng.random() ** 0.4)
            scribe.track(self.now_ms, "Consultation Rated", f'{consultation},"stars":{stars}')

    def _sign_up(self) -> None:
        scribe, person = self._scribe, self.person
        self._think()
        scribe.view(self.now_ms, SIGN_UP)
        self._think()
        person.registered = person.identified = True
        person.created_ms = self.now_ms
        scribe.log_in()
        scribe.identify(self.now_ms)
        scribe.track(self.now_ms + 30, "Signed Up", '"method":"email"')
        self.now_ms += 30

    def _delete_account(self) -> None:
        self._think()
        self._scribe.view(self.now_ms, ACCOUNT)
        self._think()
        self._scribe.log_in()
        self._scribe.track(self.now_ms, "Account Deleted", '"reason":"not needed any more"')
        self.deleted = True

    def _think(self) -> None:
        random = self._rng.random
        self.now_ms += _THINK_MS[int(random() * 1024)] + int(random() * 900) + 60
        if random() < _PAUSE:
            self.now_ms += int((8.0 + 50.0 * random()) * 60_000)


def _pick(channels: tuple[Channel, ...], rng: Random) -> Channel:
    rest = rng.random() * sum(channel.visits for channel in channels)
    for channel in channels:
        rest -= channel.visits
        if rest < 0:
            return channel
    return channels[-1]
