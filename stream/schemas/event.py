"""The JSON Schema of an input event: every rule of an event that JSON Schema can say, written by hand."""

from __future__ import annotations

from typing import Any

from stream.core.events import ANONYMOUS, MAX_MESSAGE_ID, NAMES, TYPES
from stream.core.times import EARLIEST, LATEST
from stream.schemas.dialect import DIALECT, end_of_text

Schema = dict[str, Any]

_LONG = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
_SHORT = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
_FEBRUARY = "02-(?:0[1-9]|1[0-9]|2[0-8])"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = f"(?!0000)(?:[0-9]{{4}}-(?:{_LONG}|{_SHORT}|{_FEBRUARY})|{_LEAP_YEAR}-02-29)"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?"
_OFFSET = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)"
INSTANT = end_of_text(f"^{_DATE}[Tt ]{_TIME}{_OFFSET}")

BEYOND_SCHEMA = (
    "A record that is no JSON object in UTF-8, or has more than 256 KiB, is refused before any rule here.",
    "A number with a fraction of zero (1.0) is an integer to JSON Schema, and no time to Footfall.",
    "A time that only its offset moves out of the years 1 to 9999 is refused.",
    "The record's key (wrong_key) and its time of arrival (future) are not in the record.",
)
"""What decides about an event as well, and no schema of its value can say."""


def event_schema() -> Schema:
    """The schema of one input record's value. A record that it refuses becomes a dead letter."""
    return {
        "$schema": DIALECT,
        "$id": "urn:footfall:schema:event",
        "title": "Event",
        "description": "An input record: one event of the Segment spec. Null is absent; what is not named"
        " here is allowed. A record that breaks a rule becomes a dead letter.",
        "$comment": " ".join(BEYOND_SCHEMA),
        "type": "object",
        "properties": {
            "messageId": {
                "description": "With the timestamp, what tells a repeat from a second event.",
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_MESSAGE_ID,
            },
            "type": {
                "description": "What kind of call it was. Other than `track`, events have fixed names: "
                + ", ".join(f"`{kind}` is `{name}`" for kind, name in NAMES.items())
                + ".",
                "enum": sorted(TYPES),
            },
            "userId": {
                "description": "The person, once registered.",
                "type": ["string", "null"],
                "minLength": 1,
                "pattern": f"^(?!{ANONYMOUS})",
            },
            "anonymousId": {
                "description": f"The person before registration, as `{ANONYMOUS}` + this id.",
                "type": ["string", "null"],
                "minLength": 1,
            },
            "event": {"description": "The event's name. Required for `track`, and used only there."},
            "previousId": {"description": "Of an `alias`: the anonymous id that is joined to `userId`."},
            "timestamp": {
                "description": "When it happened: ISO 8601 with an offset, or milliseconds since 1970.",
                "anyOf": [
                    {"type": "integer", "minimum": EARLIEST, "maximum": LATEST},
                    {"type": "string", "pattern": INSTANT},
                ],
            },
            "receivedAt": {
                "description": "When the collector got it. In a replay, what `future` is measured against."
            },
            "context": _context(),
            "properties": {
                "description": "For `where` and `value`. `path` names the page of a page or screen."
            },
            "traits": {
                "description": "`createdAt` is the day of registration, where it is a time or a date."
            },
        },
        "required": ["messageId", "type", "timestamp"],
        "allOf": [
            {
                "description": "At least one id.",
                "anyOf": [_has_text("userId"), _has_text("anonymousId")],
            },
            {"if": _is_type("track"), "then": _has_text("event")},
            {
                "if": _is_type("alias"),
                "then": {"properties": {"previousId": {"type": ["string", "null"]}}},
            },
        ],
    }


def _context() -> Schema:
    text = {"type": ["string", "null"]}
    return {
        "type": ["object", "null"],
        "properties": {
            "campaign": {
                "description": "The UTM triple. By `medium` a visit that begins here is passive or not.",
                "type": ["object", "null"],
                "properties": {"name": text, "source": text, "medium": text},
            },
            "channel": {"description": "Where the event came from, in the product's own words.", **text},
            "page": {"description": "`path` names the page, where it is a string."},
            "experiments": {"description": "Experiments and variants. Not used yet."},
        },
    }


def _has_text(name: str) -> Schema:
    return {"properties": {name: {"type": "string"}}, "required": [name]}


def _is_type(kind: str) -> Schema:
    return {"properties": {"type": {"const": kind}}, "required": ["type"]}
