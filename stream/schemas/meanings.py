"""What each field of each published record means, and what its type leaves open: bounds and patterns."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from stream.schemas.dialect import end_of_text


class Meaning(NamedTuple):
    """A field's description, and JSON Schema keywords that narrow its type."""

    description: str
    narrowed: Mapping[str, Any] = MappingProxyType({})


_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = {
    "format": "date-time",
    "pattern": end_of_text(f"^{_DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}[.][0-9]{{3}}Z"),
}
_DAY = {"format": "date", "pattern": end_of_text(f"^{_DATE}")}
_BY_DAY = {"propertyNames": {"pattern": end_of_text(f"^{_DATE}")}}
_COUNT = {"minimum": 0}
_AT_LEAST_ONE = {"minimum": 1}
_OCCURRENCES = {"additionalProperties": {"type": "integer", "minimum": 1}}
_TEXT = {"minLength": 1}
_SHA256 = {"pattern": end_of_text("^[0-9a-f]{64}")}

_DEFINITION = Meaning(
    "A short hash of the settings that give the numbers their meaning. Records with different ones"
    " are not comparable.",
    {"pattern": end_of_text("^[0-9a-f]{12}")},
)
_PERSON = Meaning("The `userId`, or `anonymous:` and the `anonymousId`.", _TEXT)
_TIER = Meaning("How active: by engaged visits in the last `active_days`, lifted by tier rules.")
_ENGAGED_VISITS = Meaning("Engaged visits in the last `active_days` days.", _COUNT)
_READ_TOPIC = Meaning("The topic that it was read from; in a replay, the name given to the input.")
_READ_PARTITION = Meaning("The partition that it was read from.", _COUNT)
_READ_OFFSET = Meaning("Its offset there; in a replay, its place in the partition, from 0.", _COUNT)
_KEY_EVENT_COUNTS = Meaning("Occurrences by key event, for those that happened in the last 30 days.")

_STANDING = {
    "definition": _DEFINITION,
    "person": _PERSON,
    "state": Meaning("The lifecycle state."),
    "tier": _TIER,
    "engaged_visits": _ENGAGED_VISITS,
    "imported": Meaning("Whether the person was a user before Footfall first saw them."),
    "last_event": Meaning("The day of the person's latest event.", _DAY),
    "visits": Meaning("Visits so far, closed and open.", _COUNT),
    "transitions": Meaning("Transitions so far: the `k` of the last `transition_id`.", _COUNT),
    "key_events": _KEY_EVENT_COUNTS,
}

FIELDS: dict[str, dict[str, Meaning]] = {
    "Campaign": {
        "name": Meaning("`context.campaign.name`."),
        "source": Meaning("`context.campaign.source`."),
        "medium": Meaning("`context.campaign.medium`."),
    },
    "Entry": {
        "campaign": Meaning("The campaign that brought the visit; null without one."),
        "channel": Meaning("`context.channel`."),
        "page": Meaning("`context.page.path`, else `properties.path` of a page or screen."),
    },
    "Visit": {
        "definition": _DEFINITION,
        "visit_id": Meaning(
            "`<person>@<start in ms since 1970>`: drop a repeat by it.",
            {"pattern": end_of_text("@-?[0-9]+")},
        ),
        "person": _PERSON,
        "start": Meaning("The time of its first event.", _TIME),
        "end": Meaning("The time of its last event.", _TIME),
        "duration_s": Meaning("Seconds from `start` to `end`.", _COUNT),
        "events": Meaning("Events in it.", _AT_LEAST_ONE),
        "pages": Meaning("Page and screen events in it.", _COUNT),
        "key_events": Meaning("Occurrences by key event; what was voided is not in it.", _OCCURRENCES),
        "engagement": Meaning("The sum of the weights of the distinct key events.", _COUNT),
        "engaged": Meaning("Whether there is a key event in it."),
        "bounce": Meaning("At most one page, and no key event other than `@return` and `@visit`."),
        "passive": Meaning("Its first event came by a passive medium: asked for, not chosen."),
        "entry": Meaning("How it began: from its first event."),
        "value": Meaning("The sum of the amounts of its key events, in the product's own unit."),
    },
    "Transition": {
        "definition": _DEFINITION,
        "transition_id": Meaning(
            "`<person>#<k>`, k = 1, 2, ... for the person: drop a repeat by it.",
            {"pattern": end_of_text("#[1-9][0-9]*")},
        ),
        "person": _PERSON,
        "kind": Meaning("What changed: the lifecycle state, or the tier."),
        "from": Meaning("The state or tier before; null for a person who was not known."),
        "to": Meaning("The state or tier after."),
        "reason": Meaning("What the change means."),
        "at": Meaning("The evaluation time: of the event that caused it, or a local midnight.", _TIME),
        "cause": Meaning("The `messageId` of the event that caused it, or `day` for a midnight.", _TEXT),
        "tier": Meaning("The tier after the evaluation."),
        "engaged_visits": Meaning("Engaged visits in the last `active_days`, after the evaluation.", _COUNT),
        "days_in_previous": Meaning(
            "Days in the previous state or tier; null for the first state of a life."
        ),
    },
    "Late": {
        "definition": _DEFINITION,
        "topic": _READ_TOPIC,
        "partition": _READ_PARTITION,
        "offset": _READ_OFFSET,
        "key": Meaning(
            "The key as text; bytes that are no UTF-8 are replaced. Of more than 256 KiB, the first 4 KiB."
        ),
        "message_id": Meaning("The event's `messageId`.", {"minLength": 1, "maxLength": 200}),
        "person": _PERSON,
        "time": Meaning("The event's time.", _TIME),
        "watermark": Meaning("The watermark that had passed it.", _TIME),
        "value": Meaning("The record's value, as read.", _TEXT),
    },
    "DeadLetter": {
        "definition": _DEFINITION,
        "topic": _READ_TOPIC,
        "partition": _READ_PARTITION,
        "offset": _READ_OFFSET,
        "reason": Meaning("The first rule that the record breaks."),
        "message": Meaning("A sentence that names the field.", _TEXT),
        "key": Meaning("The key, where it is UTF-8 text."),
        "key_base64": Meaning("The key in Base64, where it is not.", {"contentEncoding": "base64"}),
        "value": Meaning("The value as read, where it is UTF-8 text; null for a tombstone."),
        "value_base64": Meaning(
            "The value in Base64, where it is not, or where it is large and Base64 is shorter.",
            {"contentEncoding": "base64"},
        ),
        "truncated": Meaning(
            "There only where key or value are not carried whole: their first 4 KiB are, and the whole stands"
            " at `offset` of `partition` of `topic`, as long as that keeps it."
        ),
    },
    "Truncated": {
        "key_bytes": Meaning("Bytes of the whole key; null without one.", _COUNT),
        "key_sha256": Meaning("The SHA-256 of the whole key.", _SHA256),
        "value_bytes": Meaning("Bytes of the whole value; null for a tombstone.", _COUNT),
        "value_sha256": Meaning("The SHA-256 of the whole value.", _SHA256),
    },
    "KeyEventCounts": {
        "days_1": Meaning("Occurrences on the last day.", _COUNT),
        "days_7": Meaning("Occurrences in the last 7 days.", _COUNT),
        "days_30": Meaning("Occurrences in the last 30 days.", _COUNT),
    },
    "Person": {
        **_STANDING,
        "state": Meaning(
            "The lifecycle state.", {"enum": ["new", "active", "silent", "churned", "hibernating"]}
        ),
        "registered": Meaning("The day of registration.", _DAY),
    },
    "OpenVisit": {
        "start": Meaning("The time of its first event.", _TIME),
        "last_event": Meaning("The time of its last event so far.", _TIME),
        "events": Meaning("Events so far.", _AT_LEAST_ONE),
        "pages": Meaning("Page and screen events so far.", _COUNT),
        "key_events": Meaning("Occurrences by key event so far.", _OCCURRENCES),
        "passive": Meaning("Whether its first event came by a passive medium."),
    },
    "Explanation": {
        **_STANDING,
        "as_of": Meaning("The watermark: what is known up to this time.", _TIME),
        "engaged_days": Meaning("Engaged visits by day, in the last `active_days`.", _BY_DAY),
        "registered": Meaning("The day of registration; null for a prospect.", _DAY),
        "state_since": Meaning("The day on which the state was entered.", _DAY),
        "next_check": Meaning("The next day on which the state or tier may change without an event.", _DAY),
        "open_visits": Meaning("Visits that have not closed yet."),
        "joined_ids": Meaning("Anonymous ids that lead to this person."),
    },
}
