"""Log records for literal tests: one call an event, times in ISO 8601 or milliseconds."""

from __future__ import annotations

import itertools
import json
from typing import Any

from tests.reference.replay import LogRecord

_ids = itertools.count(1)


def track(time: str | int, name: str = "Browsed", **fields: Any) -> LogRecord:
    """A track event of user `u`, received when it happened; fields given as None are left out."""
    return _record({"type": "track", "event": name, "timestamp": time, "userId": "u", **fields})


def page(time: str | int, **fields: Any) -> LogRecord:
    return _record({"type": "page", "timestamp": time, "userId": "u", **fields})


def identify(time: str | int, user: str, anonymous: str | None = None, **fields: Any) -> LogRecord:
    return _record(
        {"type": "identify", "timestamp": time, "userId": user, "anonymousId": anonymous, **fields}
    )


def alias(time: str | int, user: str, previous: str) -> LogRecord:
    return _record({"type": "alias", "timestamp": time, "userId": user, "previousId": previous})


def _record(body: dict[str, Any]) -> LogRecord:
    body.setdefault("messageId", f"m{next(_ids):06}")
    body.setdefault("receivedAt", body["timestamp"])
    return LogRecord(json.dumps({name: value for name, value in body.items() if value is not None}).encode())
