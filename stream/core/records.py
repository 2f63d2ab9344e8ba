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

Measure = Literal["volume", "people", "index"]
WindowStatus = Literal["provisional", "final"]
Direction = Literal["spike", "drop"]
Severity = Literal["ticket", "page"]
IncidentStatus = Literal["opened", "updated", "resolved"]
Period = Literal["window", "day"]
Phase = Literal["declining", "growing", "stable"]


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


class Band(Struct, frozen=True):
    """What was expected of a measure, between which bounds, and how unusual the value is: 0 to 1."""

    expected: float
    lower: float
    upper: float
    score: float


class Engagement(Struct, kw_only=True):
    """One window of one series. Topic `engagement`, keyed by series.

    Once `final`; before, from time to time, as `provisional` with what has come so far. `bands` are by
    measure, for those that may alert.
    """

    schema: Literal["footfall.engagement/1"] = "footfall.engagement/1"
    definition: str
    window_id: str
    series: str
    status: WindowStatus
    start: str
    end: str
    events: int
    pageviews: int
    people: int
    visits: int
    engaged: int
    key_events: dict[str, int]
    volume: float
    index: float
    promoted: float
    promoted_people: int
    bands: dict[str, Band]


class Moved(Struct, frozen=True):
    """A series that moves in an incident, and by what measure."""

    series: str
    measure: Measure
    value: float
    expected: float


class Cause(Struct, frozen=True):
    """What an incident's deviation comes from: a key event or a value of a dimension, and its share of it."""

    series: str
    share: float
    value: float
    expected: float


class Incident(Struct, kw_only=True):
    """An anomaly of engagement, opened, updated (when severity rises) or resolved. Keyed by series.

    `record_id` is unique and stable. A `provisional` one is ahead of its window's end: the final one that
    follows has the same id. `since` is the start of the first window that deviated, `at` the end of the one
    that made this record. `chart` is a small SVG, `note` what people have said of the series.
    """

    schema: Literal["footfall.incident/1"] = "footfall.incident/1"
    definition: str
    record_id: str
    incident_id: str
    series: str
    measure: Measure
    direction: Direction
    severity: Severity
    status: IncidentStatus
    period: Period
    provisional: bool
    since: str
    at: str
    value: float
    expected: float
    lower: float
    upper: float
    score: float
    moved: list[Moved]
    causes: list[Cause]
    owners: list[str]
    promoted: float
    sentence: str
    note: str | None
    chart: str


class Traffic(Struct, kw_only=True):
    """Visits that began on a day, of everybody or of one channel, with what happened up to midnight."""

    pageviews: int
    people: int
    visits: int
    bounce_rate: float
    pages_per_visit: float
    seconds_per_visit: float


class Reached(Struct, frozen=True):
    """Distinct persons with an event in the last 1, 7 and 30 days."""

    days_1: int
    days_7: int
    days_30: int


class GoalReached(Struct, frozen=True):
    """How far a goal is: `reached` is the share of the target, `days_left` negative once it is past."""

    metric: str
    target: float
    date: str
    value: float
    reached: float
    days_left: int


class Daily(Struct, kw_only=True):
    """The report of one local day. Topic `daily`, keyed by day.

    `active` are registered persons, `visitors` the others. The balance:
    `people_by_state["active"]` = `active_before` + activated + reactivated + resurrected - lapsed - deleted.
    `registrations` and `churned` are transitions of the last 30 days, and ratios are over these, with `base`
    (new, active or silent at the end of the day) below; 0 where that is 0.
    """

    schema: Literal["footfall.daily/1"] = "footfall.daily/1"
    definition: str
    day: str
    traffic: Traffic
    channels: dict[str, Traffic]
    active: Reached
    visitors: Reached
    people_by_state: dict[str, int]
    people_by_tier: dict[str, int]
    active_before: int
    sources: dict[str, int]
    losses: dict[str, int]
    registrations: int
    churned: int
    pseudo_active: int
    base: int
    new_user_ratio: float
    activity: float
    retention: float
    churn_rate: float
    phase: Phase
    goals: list[GoalReached]


encode = msgspec.json.Encoder().encode
