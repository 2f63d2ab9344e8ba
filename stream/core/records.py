"""The records that Footfall publishes: one Struct a schema, encoded as JSON with ISO 8601 times (SPEC 8)."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

Kind = Literal["lifecycle", "tier"]
Tier = Literal["none", "low", "medium", "high"]
State = Literal["prospect", "new", "active", "silent", "churned", "hibernating", "deleted"]
Reason = Literal[
    "registered",
    "imported",
    "activated",
    "stalled",
    "lapsed",
    "reactivated",
    "resurrected",
    "churned",
    "hibernated",
    "returned",
    "deleted",
    "tier_up",
    "tier_down",
]
DeadReason = Literal[
    "tombstone",
    "too_large",
    "not_json",
    "not_object",
    "missing_field",
    "bad_type",
    "bad_time",
    "no_person",
    "wrong_key",
    "future",
]


class Campaign(Struct, frozen=True):
    """The UTM triple."""

    name: str | None
    source: str | None
    medium: str | None


class Entry(Struct, frozen=True):
    """How a visit began: from its first event."""

    campaign: Campaign | None
    channel: str | None
    page: str | None


class Visit(Struct, kw_only=True):
    """A closed visit. Topic `visits`, keyed by person. `visit_id` is unique and stable."""

    schema: Literal["footfall.visit/1"] = "footfall.visit/1"
    definition: str
    visit_id: str
    person: str
    start: str
    end: str
    duration_s: float
    events: int
    pages: int
    key_events: dict[str, int]
    engagement: float
    engaged: bool
    bounce: bool
    passive: bool
    entry: Entry
    value: float


class Transition(Struct, kw_only=True):
    """One change of lifecycle state or tier. Topic `transitions`, keyed by person.

    `at` is the evaluation time, `cause` the event's messageId or `day` for a midnight,
    `tier` and `engaged_visits` hold after the evaluation.
    """

    schema: Literal["footfall.transition/1"] = "footfall.transition/1"
    definition: str
    transition_id: str
    person: str
    kind: Kind
    from_: str | None = field(name="from")
    to: str
    reason: Reason
    at: str
    cause: str
    tier: Tier
    engaged_visits: int
    days_in_previous: int | None


class Late(Struct, kw_only=True):
    """An event that came after the watermark had passed its time. Topic `late`, keyed as read."""

    schema: Literal["footfall.late/1"] = "footfall.late/1"
    definition: str
    topic: str
    partition: int
    offset: int
    key: str | None
    message_id: str
    person: str
    time: str
    watermark: str
    value: str


class Truncated(Struct, frozen=True):
    """What a dead letter does not carry whole: sizes in bytes and SHA-256 of the original's key and value."""

    key_bytes: int | None
    key_sha256: str | None
    value_bytes: int | None
    value_sha256: str | None


class DeadLetter(Struct, kw_only=True):
    """A record that is no event. Topic `dead-letters`, keyed as read.

    The original bytes are `value` where they are UTF-8 text, else `value_base64`; both are null for a
    tombstone. `key` and `key_base64` likewise. Large text is in Base64 where that is the shorter form. Of a
    value of more than 4 MiB, and of a key of more than 256 KiB, only the beginning is there; then `truncated`
    is, too, and the whole stands in the original's place: `topic`, `partition` and `offset`.
    """

    schema: Literal["footfall.dead-letter/1"] = "footfall.dead-letter/1"
    definition: str
    topic: str
    partition: int
    offset: int
    reason: DeadReason
    message: str
    key: str | None
    key_base64: str | None
    value: str | None
    value_base64: str | None
    truncated: Truncated | UnsetType = UNSET


class KeyEventCounts(Struct, frozen=True):
    """Occurrences of one key event in the last 1, 7 and 30 days."""

    days_1: int
    days_7: int
    days_30: int


class Person(Struct, kw_only=True):
    """A registered person's state as of a watermark: what `replay` writes to `people.jsonl`."""

    schema: Literal["footfall.person/1"] = "footfall.person/1"
    definition: str
    person: str
    state: State
    tier: Tier
    engaged_visits: int
    registered: str
    imported: bool
    last_event: str
    visits: int
    transitions: int
    key_events: dict[str, KeyEventCounts]


class OpenVisit(Struct, frozen=True):
    """A visit that has not closed yet."""

    start: str
    last_event: str
    events: int
    pages: int
    key_events: dict[str, int]
    passive: bool


class Explanation(Struct, kw_only=True):
    """A person's state and the evidence for it: what `footfall explain` prints."""

    schema: Literal["footfall.explanation/1"] = "footfall.explanation/1"
    definition: str
    person: str
    as_of: str
    state: State
    tier: Tier
    engaged_visits: int
    engaged_days: dict[str, int]
    registered: str | None
    imported: bool
    last_event: str
    visits: int
    transitions: int
    state_since: str | None
    next_check: str | None
    key_events: dict[str, KeyEventCounts]
    open_visits: list[OpenVisit]
    joined_ids: list[str]


encode = msgspec.json.Encoder().encode
