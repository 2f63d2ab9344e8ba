"""The settings that give Footfall's numbers their meaning, and the short hash that names them."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in"]
Scalar = str | int | float | bool
Tier = Literal["none", "low", "medium", "high"]

TIERS: tuple[Tier, ...] = ("none", "low", "medium", "high")
VISIT_EVENT = "@visit"
RETURN_EVENT = "@return"
VISIT_PATHS = ("pages", "events", "duration_s", "nth", "passive")

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Condition(Struct, frozen=True):
    """`path operator value`, on an event's dotted path, or on a visit's fact for `@visit`."""

    path: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]


class Void(Struct, frozen=True):
    """An event, by canonical name, that cancels a key event's occurrences in the same visit."""

    event: str
    where: tuple[Condition, ...] = ()


class KeyEvent(Struct, frozen=True):
    """One `[[key_event]]`. Entries of one name are alternatives and have one weight."""

    name: str
    weight: float = 1
    where: tuple[Condition, ...] = ()
    value: str | None = None
    void: tuple[Void, ...] = ()
    owner: str | None = None


class TierRule(Struct, frozen=True):
    """At least `count` occurrences of key event `event` in `days` days lift a person to `tier`."""

    tier: Tier
    event: str
    count: int
    days: int


SHOP = (
    KeyEvent("Order Completed", 5),
    KeyEvent("Checkout Started", 3),
    KeyEvent("Product Added", 2),
    KeyEvent("Product Shared", 2),
)


class Promotion(Struct, frozen=True, kw_only=True):
    """One `[[campaign]]`: its events, from `start_ms` to before `end_ms`, stay out of the engagement index.

    None is unbounded.
    """

    name: str
    start_ms: int | None = None
    end_ms: int | None = None
    where: tuple[Condition, ...] = ()


class Goal(Struct, frozen=True):
    """One `[[goal]]`: a figure of the daily report, what it shall reach, and by which day."""

    metric: str
    target: float
    date: str


class Engagement(Struct, frozen=True, kw_only=True):
    """What the windows of engagement are, and the daily report (SPEC 6); times in ms."""

    window_ms: int = MINUTE
    lateness_ms: int = 30 * SECOND
    dimensions: tuple[str, ...] = ("channel", "campaign", "tier")
    max_values: int = 100
    promotions: tuple[Promotion, ...] = ()
    phase_days: int = 7
    goals: tuple[Goal, ...] = ()


class Detection(Struct, frozen=True, kw_only=True):
    """When a deviation of engagement is an incident (SPEC 7).

    `sensitivity` is the score from which a value is out of bounds; `min_volume` what a series must have in a
    typical window before it may alert, in people or volume; `warm_up_days` how long it must have been seen.
    An incident resolves after `resolve_after` windows back inside, and its series is quiet for `cooldown_ms`.
    """

    sensitivity: float = 0.95
    min_volume: float = 10
    warm_up_days: int = 7
    resolve_after: int = 5
    cooldown_ms: int = 30 * MINUTE


class Definition(Struct, frozen=True, kw_only=True):
    """Everything that decides what a visit, a state or a transition is (SPEC 1 to 5), and what engagement is.

    Times are milliseconds, days are local dates in `timezone`. Two workers with equal
    definitions make equal records of equal input.
    """

    timezone: str = "UTC"
    aliases: dict[str, str] = field(default_factory=dict)
    ignore_events: tuple[str, ...] = ()
    allowed_lateness_ms: int = 10 * MINUTE
    max_future_ms: int = HOUR
    visit_gap_ms: int = 30 * MINUTE
    visit_max_ms: int = DAY
    passive_mediums: tuple[str, ...] = ("email", "sms", "push")
    key_events: tuple[KeyEvent, ...] = SHOP
    tiers: dict[str, int] = field(default_factory=lambda: {"low": 1, "medium": 4, "high": 10})
    tier_rules: tuple[TierRule, ...] = ()
    active_days: int = 30
    prospect_days: int = 30
    new_days: int = 30
    churn_days: int = 90
    hibernate_days: int = 180
    known_before: str | None = None
    deletion_events: tuple[str, ...] = ("Account Deleted",)
    keyed: bool = True
    input_key: str | None = None
    engagement: Engagement = Engagement()
    detection: Detection = Detection()

    def hash(self) -> str:
        """Twelve hex digits that change when, and only when, a setting of persons changes (owners aside)."""
        return _digest({key: value for key, value in self._unowned().items() if key not in _OF_THE_PRODUCT})

    def engagement_hash(self) -> str:
        """The same for windows, incidents and daily reports: any setting but owners changes it."""
        return _digest(self._unowned())

    def _unowned(self) -> dict[str, Any]:
        entries = tuple(msgspec.structs.replace(entry, owner=None) for entry in self.key_events)
        return msgspec.structs.asdict(msgspec.structs.replace(self, key_events=entries))


_OF_THE_PRODUCT = ("engagement", "detection")


def _digest(settings: dict[str, Any]) -> str:
    canonical = msgspec.json.encode(settings, order="sorted")
    return hashlib.sha256(canonical).hexdigest()[:12]
