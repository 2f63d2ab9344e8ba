"""The settings that give Footfall's numbers their meaning, and the short hash that names them."""

from __future__ import annotations

import hashlib
from typing import Literal

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


class Definition(Struct, frozen=True, kw_only=True):
    """Everything that decides what a visit, a state or a transition is (SPEC 1 to 5).

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

    def hash(self) -> str:
        """Twelve hex digits that change when, and only when, a setting above changes (owners aside)."""
        unowned = tuple(msgspec.structs.replace(entry, owner=None) for entry in self.key_events)
        canonical = msgspec.json.encode(msgspec.structs.replace(self, key_events=unowned), order="sorted")
        return hashlib.sha256(canonical).hexdigest()[:12]
