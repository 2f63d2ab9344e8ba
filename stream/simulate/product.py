"""What the simulated product is like: its size, where its visitors come from, how they age."""

from __future__ import annotations

from msgspec import Struct


class Channel(Struct, frozen=True):
    """A way by which visitors come: its share of newcomers and how good these are.

    `bounce` is the share of first visits that see one page, `intent` multiplies the readiness to buy.
    `medium` and `source` make the visit's campaign triple; without a medium it has none.
    """

    name: str
    newcomers: float
    visits: float
    bounce: float
    intent: float
    referrer: str = ""
    source: str = ""
    medium: str = ""
    campaign: str = ""


CHANNELS = (
    Channel("direct", 0.18, 0.62, 0.35, 1.2),
    Channel("organic", 0.38, 0.22, 0.45, 1.0, referrer="https://search.example/"),
    Channel("social", 0.20, 0.07, 0.62, 0.6, "https://social.example/", "social", "social", "spring-looks"),
    Channel("paid", 0.16, 0.05, 0.55, 0.9, "https://search.example/", "search", "cpc", "brand-terms"),
    Channel("referral", 0.08, 0.04, 0.40, 1.4, referrer="https://blog.example/best-shops"),
)


class Product(Struct, frozen=True, kw_only=True):
    """The parameters of the simulated shop. Rates are per day, probabilities per visit."""

    users: int = 1_000
    """Registered users on the first day."""
    newcomers: float = 0.03
    """First-time visitors a day, for each of `users`, at first."""
    growth: float = 0.02
    """By how much first-time visitors a day grow in 30 days, compounding; below 0 they shrink."""
    anonymous: float = 0.7
    """Share of newcomers who never sign up."""
    channels: tuple[Channel, ...] = CHANNELS

    visit_rate: float = 0.25
    """Median visits a day of a user who has settled."""
    novelty: float = 1.5
    """How much more often a fresh user comes; fades over `novelty_days`."""
    novelty_days: float = 8.0
    fading: float = 0.5
    """Share of the eagerness that a user loses with age, over `fading_days`."""
    fading_days: float = 90.0
    intent: float = 0.13
    """Chance that a product page ends in the cart."""

    dormant: float = 0.40
    """Share of the old users who have lapsed before the first day."""
    lapse: float = 0.035
    """Chance that a visit was the last for long; double after a bounce."""
    comeback: float = 0.45
    """Share of the lapsed who come back by themselves."""
    comeback_days: float = 50.0
    """Median of their absence."""
    visitor_leaves: float = 0.40
    """Chance that a visitor without an account does not come back; half as much again after a bounce."""
    sign_up: float = 0.5
    """Chance that a visitor of the signing-up kind does so in a visit."""
    deletion: float = 0.0015
    """Chance that a user's visit ends with the account's deletion."""
    consultation: float = 0.03
    """Chance that somebody who looks around asks the shop's advisers something ..."""
    anger: float = 0.2
    """... and rates the answer with one star."""
    bots: float = 0.0
    """Share of all events that robots make; they view pages, at any hour, and do nothing else."""

    campaign_rate: float = 0.02
    """Campaign messages a day that a user follows; they go to the lapsed as well ..."""
    campaign_fading_days: float = 80.0
    """... who follow less and less of them: time in which the readiness falls to 1/e."""
    campaign_bounce: float = 0.65
    subscribers: float = 0.25
    """Share of users who get the newsletter (`Email Delivered`), for as long as they keep coming."""
