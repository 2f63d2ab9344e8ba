"""What the Python peers read from a record of the benchmark: who did what, and when.

Each peer is free to decode as its framework teaches; those that take plain bytes share this, so that
none of them is slower or faster for its decoding.
"""

from datetime import datetime
from typing import NamedTuple

import orjson

TYPES = frozenset({"track", "page", "screen", "identify", "alias", "group"})


class ShopEvent(NamedTuple):
    """One event: `name` is that of a `track` event, else None."""

    person: str
    ms: int
    name: str | None


def read_event(value: bytes) -> ShopEvent | None:
    """The event in a record's value, None where the record is bad."""
    try:
        event = orjson.loads(value)
        kind = event["type"]
        user_id = event.get("userId")
        person = f"anonymous:{event['anonymousId']}" if user_id is None else user_id
        name = event["event"] if kind == "track" else None
        at = datetime.fromisoformat(event["timestamp"])
        if kind in TYPES and type(person) is str and type(event["messageId"]) is str and at.tzinfo:
            return ShopEvent(person, round(at.timestamp() * 1000), name)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return None
