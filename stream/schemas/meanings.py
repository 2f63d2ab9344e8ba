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

_SHARE = {"minimum": 0, "maximum": 1}
_BY_TEXT = {"additionalProperties": {"type": "integer", "minimum": 0}}

_DEFINITION = Meaning(
    "A short hash of the settings that give the numbers their meaning. Records with different ones"
    " are not comparable.",
    {"pattern": end_of_text("^[0-9a-f]{12}")},
)
_ENGAGEMENT_DEFINITION = Meaning(
    "The same of visits and the like, and of windows, promotions, goals and anomalies.",
    {"pattern": end_of_text("^[0-9a-f]{12}")},
)
_SERIES = Meaning("`total`, `key:` and a key event, or a dimension and a value, as in `channel:web`.", _TEXT)
_VALUE = Meaning("What it is.", _COUNT)
_EXPECTED = Meaning("What was expected.", _COUNT)
_LOWER = Meaning("The least that would have been usual.", _COUNT)
_UPPER = Meaning("The most that would have been usual.", _COUNT)
_SCORE = Meaning("How unusual the value is: 0 not at all, towards 1 more and more.", _SHARE)
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
    "Band": {"expected": _EXPECTED, "lower": _LOWER, "upper": _UPPER, "score": _SCORE},
    "Engagement": {
        "definition": _ENGAGEMENT_DEFINITION,
        "window_id": Meaning(
            "`<series>@<start in ms since 1970>`: of the records with one id, the last one counts, and the"
            " final one is the last.",
            {"pattern": end_of_text("@-?[0-9]+")},
        ),
        "series": _SERIES,
        "status": Meaning("`final` is published once; `provisional` is what has come so far."),
        "start": Meaning("The window's beginning.", _TIME),
        "end": Meaning("Its end, which is the next one's beginning.", _TIME),
        "events": Meaning("Events in it, those of promotions not counted.", _COUNT),
        "pageviews": Meaning("Page and screen events.", _COUNT),
        "people": Meaning("Distinct persons, prospects among them.", _COUNT),
        "visits": Meaning("Visits begun.", _COUNT),
        "engaged": Meaning("Distinct persons with a key event.", _COUNT),
        "key_events": Meaning("Occurrences by key event.", _OCCURRENCES),
        "volume": Meaning("The sum of the weights of all occurrences of key events.", _COUNT),
        "index": Meaning("`engaged` / `people`; 0 without people.", _SHARE),
        "promoted": Meaning("The volume of promotions' events, which is in none of the above.", _COUNT),
        "promoted_people": Meaning("Distinct persons with an event of a promotion.", _COUNT),
        "bands": Meaning(
            "What was expected, by measure, for those that may alert.",
            {"propertyNames": {"enum": ["volume", "people", "index"]}},
        ),
    },
    "Moved": {
        "series": _SERIES,
        "measure": Meaning("What of the series moved."),
        "value": _VALUE,
        "expected": _EXPECTED,
    },
    "Cause": {
        "series": Meaning("A key event or a value of a dimension.", _TEXT),
        "share": Meaning("Its share of the deviation; negative where it went against it."),
        "value": _VALUE,
        "expected": _EXPECTED,
    },
    "Incident": {
        "definition": _ENGAGEMENT_DEFINITION,
        "record_id": Meaning("Drop a repeat by it; a provisional record has the id of the final one.", _TEXT),
        "incident_id": Meaning(
            "`<series>@<since in ms since 1970>`, or `<series>@<day>`: the same from opened to resolved.",
            {"pattern": end_of_text(f"@(-?[0-9]+|{_DATE})")},
        ),
        "series": Meaning("The series that it is about: the widest of those that moved.", _TEXT),
        "measure": Meaning("What of it moved."),
        "direction": Meaning("`spike` is up, `drop` is down."),
        "severity": Meaning("`page` wakes somebody up, `ticket` is for the next morning."),
        "status": Meaning("`updated` when the severity has risen."),
        "period": Meaning("`window`, or `day` for what only days show."),
        "provisional": Meaning("Whether its window is still open: the final record has the same id."),
        "since": Meaning("The start of the first window, or day, that deviated.", _TIME),
        "at": Meaning("The end of the window, or day, that made this record.", _TIME),
        "value": Meaning("What the measure was then.", _COUNT),
        "expected": _EXPECTED,
        "lower": _LOWER,
        "upper": _UPPER,
        "score": _SCORE,
        "moved": Meaning("The series that move in it."),
        "causes": Meaning("What the deviation comes from, the largest share first."),
        "owners": Meaning("The owners of the key events that moved."),
        "promoted": Meaning("The volume of promotions in that window.", _COUNT),
        "sentence": Meaning("All that in a sentence.", _TEXT),
        "note": Meaning("What people have said of the series, or what ended the incident; null for nothing."),
        "chart": Meaning("The series up to then, as a small SVG."),
    },
    "Feedback": {
        "control_id": Meaning("Unique, whoever says it: a repeat changes nothing.", _TEXT),
        "incident_id": Meaning("Which incident is meant.", _TEXT),
        "action": Meaning("What is said of it."),
        "by": Meaning("Who says it."),
        "at": Meaning("When it was said.", _TIME),
        "for_s": Meaning("Of a `snooze`: for how many seconds of event time."),
        "reason": Meaning("Why, in the words of who said it."),
    },
    "Traffic": {
        "pageviews": Meaning("Page and screen events.", _COUNT),
        "people": Meaning("Distinct persons with a visit.", _COUNT),
        "visits": Meaning("Visits that began on the day.", _COUNT),
        "bounce_rate": Meaning("The share of visits that bounced.", _SHARE),
        "pages_per_visit": Meaning("Pages, by visit.", _COUNT),
        "seconds_per_visit": Meaning("Duration, by visit.", _COUNT),
    },
    "Reached": {
        "days_1": Meaning("Persons with an event on the day.", _COUNT),
        "days_7": Meaning("The same in the 7 days up to it.", _COUNT),
        "days_30": Meaning("The same in the 30 days up to it.", _COUNT),
    },
    "GoalReached": {
        "metric": Meaning("A figure of the report, by its path.", _TEXT),
        "target": Meaning("What it shall reach."),
        "date": Meaning("The day by which it shall.", _DAY),
        "value": Meaning("What it is."),
        "reached": Meaning("`value` / `target`."),
        "days_left": Meaning("Days to the date; negative once it is past."),
    },
    "Daily": {
        "definition": _ENGAGEMENT_DEFINITION,
        "day": Meaning("The local date, which is also the key: drop a repeat by it.", _DAY),
        "traffic": Meaning("Visits of everybody."),
        "channels": Meaning("The same by the channel of the visit's first event."),
        "active": Meaning("Registered persons with an event."),
        "visitors": Meaning("Persons with an event who are not registered."),
        "people_by_state": Meaning("Persons by lifecycle state, at the end of the day.", _BY_TEXT),
        "people_by_tier": Meaning("Registered persons by tier, at the end of the day.", _BY_TEXT),
        "active_before": Meaning("Persons who were `active` at the end of the day before.", _COUNT),
        "sources": Meaning(
            "Where active persons came from: transitions by reason, and `retained`.", _BY_TEXT
        ),
        "losses": Meaning("Where they went: `lapsed`, and `deleted` of those who were active.", _BY_TEXT),
        "registrations": Meaning("Persons who registered.", _COUNT),
        "churned": Meaning("Transitions to `churned`.", _COUNT),
        "pseudo_active": Meaning(
            "Persons who came and did nothing: every visit a passive bounce, or every key event voided or"
            " failing its conditions.",
            _COUNT,
        ),
        "base": Meaning("Persons `new`, `active` or `silent` at the end of the day.", _COUNT),
        "new_user_ratio": Meaning("Registrations of the last 30 days, by `base`.", _COUNT),
        "activity": Meaning("Active persons, by `base`.", _SHARE),
        "retention": Meaning("Persons of `base` with an event in the last 30 days, by `base`.", _SHARE),
        "churn_rate": Meaning("Transitions to `churned` in the last 30 days, by `base`.", _COUNT),
        "phase": Meaning("Whether newcomers have outnumbered the churned for long, or the other way round."),
        "goals": Meaning("How far the `[[goal]]` entries are."),
    },
}
