"""Reading one record: an event, or the reason why it is none (SPEC 1 and 9)."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import Any

from stream.core.definition import Definition

TYPES = {
    "track": "",
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "alias": "Aliased",
    "group": "Grouped",
}
LARGEST_BYTES = 256 * 1024
FIRST_MS = -62_135_596_800_000
LAST_MS = 253_402_300_799_999
ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
BARE_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Dead(Exception):
    """This record is no event; the argument is the dead letter's reason."""


@dataclass(frozen=True)
class Event:
    """One event: `time` in milliseconds, `name` canonical, `person` as the record itself says."""

    time: int
    id: str
    type: str
    name: str
    person: str
    user: str | None
    joins: str | None
    body: dict[str, Any]

    @property
    def place(self) -> tuple[int, str]:
        """Where the event stands in time order."""
        return self.time, self.id

    @property
    def is_page(self) -> bool:
        return self.type in ("page", "screen")


def look_up(body: object, path: str) -> Any:
    """What stands at a dotted path, or None."""
    for name in path.split("."):
        if not isinstance(body, dict):
            return None
        body = body.get(name)
    return body


def milliseconds(value: object) -> int | None:
    """An ISO 8601 time with an offset, or integer milliseconds, within the years 1 to 9999; else None."""
    if isinstance(value, str):
        match = ISO.fullmatch(value)
        if match is None:
            return None
        *fields, fraction, sign, hours, minutes = match.groups()
        try:
            local = dt.datetime(*map(int, fields))  # type: ignore[arg-type]
        except ValueError:
            return None
        result = (local - dt.datetime(1970, 1, 1)) // dt.timedelta(milliseconds=1)
        result += int(((fraction or "") + "000")[:3])
        if sign is not None:
            if int(hours) > 23 or int(minutes) > 59:
                return None
            offset = (int(hours) * 60 + int(minutes)) * 60_000
            result -= offset if sign == "+" else -offset
    elif isinstance(value, int) and not isinstance(value, bool):
        result = value
    else:
        return None
    return result if FIRST_MS <= result <= LAST_MS else None


def read(definition: Definition, value: bytes | None) -> Event:
    """The event in a record's bytes. Raises Dead with the first reason that applies."""
    if value is None:
        raise Dead("tombstone")
    if len(value) > LARGEST_BYTES:
        raise Dead("too_large")
    body = _json(value)
    if not isinstance(body, dict):
        raise Dead("not_object")
    _check_fields(body)
    time = milliseconds(body["timestamp"])
    if time is None:
        raise Dead("bad_time")
    user, anonymous = body.get("userId"), body.get("anonymousId")
    if "" in (user, anonymous) or (user or "").startswith("anonymous:"):
        raise Dead("no_person")
    if user is not None:
        person = user
    elif anonymous is not None:
        person = "anonymous:" + anonymous
    else:
        raise Dead("no_person")
    kind = body["type"]
    raw_name = body["event"] if kind == "track" else TYPES[kind]
    joins = None
    if user is not None and kind == "identify" and anonymous is not None:
        joins = "anonymous:" + anonymous
    if user is not None and kind == "alias" and body.get("previousId") is not None:
        joins = "anonymous:" + body["previousId"]
    return Event(
        time=time,
        id=body["messageId"],
        type=kind,
        name=definition.aliases.get(raw_name, raw_name),
        person=person,
        user=user,
        joins=joins,
        body=body,
    )


def _json(value: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    def number(digits: str) -> int | float:
        return int(digits) if len(digits) < 1000 else float(digits)

    try:
        body = json.loads(value.decode("utf-8"), parse_constant=refuse, parse_int=number)
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise Dead("not_json") from None
    return body


def _check_fields(body: dict[str, Any]) -> None:
    required = ["messageId", "type", "timestamp"] + ["event"] * (body.get("type") == "track")
    if any(body.get(name) is None for name in required):
        raise Dead("missing_field")
    strings = ["messageId", "type", "userId", "anonymousId", "context.channel"]
    strings += [f"context.campaign.{name}" for name in ("name", "source", "medium")]
    strings += {"track": ["event"], "alias": ["previousId"]}.get(str(body["type"]), [])
    wrong = any(not isinstance(look_up(body, path), str | None) for path in strings)
    wrong |= any(not isinstance(look_up(body, path), dict | None) for path in ("context", "context.campaign"))
    if wrong or not 1 <= len(body["messageId"]) <= 200 or body["type"] not in TYPES:
        raise Dead("bad_type")
