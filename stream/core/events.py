"""Segment-spec records read into events, or refused with a reason and a sentence (SPEC 1, 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NoReturn, get_args

import msgspec
from msgspec import Meta, Struct

from stream.core.records import DeadReason
from stream.core.times import parse_ms, seconds, tails, within_years

MAX_BYTES = 256 * 1024
MAX_MESSAGE_ID = 200
MAX_DEPTH = 500  # msgspec goes on for as long as Python's stack lasts, which depends on the caller
_LONG = 2 * MAX_DEPTH  # bytes: what is shorter cannot be deeper
ANONYMOUS = "anonymous:"

NAMES = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "alias": "Aliased",
    "group": "Grouped",
}
EventType = Literal["track", "page", "screen", "identify", "alias", "group"]
TYPES = frozenset(get_args(EventType))


Id = Annotated[str, Meta(min_length=1)]
MessageId = Annotated[str, Meta(min_length=1, max_length=MAX_MESSAGE_ID)]


class Campaign(Struct, gc=False):
    """The UTM triple as read."""

    name: str | None = None
    source: str | None = None
    medium: str | None = None


class Page(Struct, gc=False):
    """The part of `context.page` and of `properties` that names a page."""

    path: str | None = None


class Context(Struct, gc=False):
    """The part of `context` that every event needs."""

    channel: str | None = None
    page: Page | None = None
    campaign: Campaign | None = None


class Wire(Struct, gc=False, kw_only=True, rename="camel"):
    """The fields that every event needs; everything else is skipped undecoded.

    They stand in the order in which they usually come: that is the order in which they are looked for.
    """

    type: EventType
    event: str | None = None
    message_id: MessageId | None = None
    timestamp: int | str | None = None
    received_at: int | str | None = None
    anonymous_id: Id | None = None
    user_id: Id | None = None
    properties: Page | None = None
    context: Context | None = None
    previous_id: str | None = None


class Invalid(Exception):
    """A record that is no event: the dead letter's reason, and a sentence that names the field."""

    def __init__(self, reason: DeadReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


EntryFields = tuple[str | None, str | None, str | None, str | None, str | None]
"""campaign name, source and medium, channel, page"""

_PAGES = ("page", "screen")
_MOST_ENTRIES = 20_000
LONG_ENTRY = 1_000  # characters
_entries: dict[EntryFields, EntryFields] = {}

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")

_decode = msgspec.json.Decoder(Wire).decode
_second_of, _tail_of = seconds.get, tails.get
_decode_any = msgspec.json.Decoder().decode


def read(value: bytes | None) -> tuple[Wire, int, str]:
    """The event in a record, its time in ms since 1970 and its person. Raises Invalid."""
    if value is None:
        raise Invalid("tombstone", "the record has no value")
    try:
        if len(value) > _LONG:
            _check_long(value)
        if not value.isascii():
            value.decode()  # msgspec skips unknown fields without checking their UTF-8
        wire = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_slowly(value)
    text = wire.timestamp
    if isinstance(text, str):
        second, tail = _second_of(text[:19]), _tail_of(text[19:])
        t = parse_ms(text) if second is None or tail is None else second + tail
    else:
        t = within_years(text)
    person = wire.user_id
    if person is None:
        if wire.anonymous_id is None:
            return _read_slowly(value)
        person = ANONYMOUS + wire.anonymous_id
    elif person[0] == "a" and person.startswith(ANONYMOUS):
        return _read_slowly(value)
    if t is None or wire.message_id is None or (wire.event is None and wire.type == "track"):
        return _read_slowly(value)
    return wire, t, person


def entry_of(wire: Wire) -> EntryFields | None:
    """Campaign name, source and medium, channel and page of an event; None where it has none of them.

    Equal ones are the same object, as long as there are not too many: they are kept with the events, and
    what each event has of its own has to be found in memory, and freed, one by one.
    """
    context = wire.context
    if context is None:
        if wire.properties is None or wire.type not in _PAGES:
            return None
        entry: EntryFields = None, None, None, None, wire.properties.path
    else:
        page, campaign = context.page, context.campaign
        path = None if page is None else page.path
        if path is None and wire.properties is not None and wire.type in _PAGES:
            path = wire.properties.path
        if campaign is None:
            entry = None, None, None, context.channel, path
        else:
            entry = campaign.name, campaign.source, campaign.medium, context.channel, path
    known = _entries.get(entry)
    if known is None:
        if is_long(entry):
            return entry
        if len(_entries) >= _MOST_ENTRIES:
            _entries.clear()
        known = _entries[entry] = entry
    return known


def is_long(texts: Iterable[str | None]) -> bool:
    """Whether an entry, or part of it, is too long to be remembered: events must not fill the memory."""
    return sum(len(text) for text in texts if text is not None) > LONG_ENTRY


def received_ms(wire: Wire) -> int | None:
    """`receivedAt` in ms since 1970; None where it is absent or no time."""
    received = wire.received_at
    return parse_ms(received) if isinstance(received, str) else within_years(received)


def decode_whole(value: bytes) -> dict[str, Any]:
    """The record as plain objects, for conditions on any path; empty where it cannot be read."""
    try:
        whole = _decode_any(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return whole if isinstance(whole, dict) else {}


def _check_long(value: bytes) -> None:
    if len(value) > MAX_BYTES:
        raise Invalid("too_large", f"the record has {len(value):,} bytes, more than {MAX_BYTES:,}")
    value.decode()
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", value)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise Invalid("not_json", f"not JSON: nested more than {MAX_DEPTH} deep")


def _bad_time(timestamp: object) -> NoReturn:
    raise Invalid(
        "bad_time",
        f"timestamp: expected ISO 8601 with an offset or milliseconds since 1970, got {_shown(timestamp)}",
    )


def _person_of(wire: Wire) -> str:
    user, anonymous = wire.user_id, wire.anonymous_id
    if user is not None and user.startswith(ANONYMOUS):
        message = f"userId: may not begin with `{ANONYMOUS}`, got {_shown(user)}"
    elif user == "" or anonymous == "":
        message = f"{'userId' if user == '' else 'anonymousId'}: may not be empty"
    elif user is not None:
        return user
    elif anonymous is not None:
        return ANONYMOUS + anonymous
    else:
        message = "userId, anonymousId: at least one is required"
    raise Invalid("no_person", message)


def _read_slowly(value: bytes) -> tuple[Wire, int, str]:
    """Field by field, for what was refused so far: the first broken rule, or a sound event.

    Sound are events with an odd value in a field that their type does not use.
    """
    try:
        whole = _decode_any(value)
        value.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("not_json", f"not JSON: {error}") from None
    if not isinstance(whole, dict):
        raise Invalid("not_object", f"expected a JSON object, got {_kind(whole)}")
    kind: Any = whole.get("type")
    required = ("messageId", "type", "timestamp") + (("event",) if kind == "track" else ())
    for name in required:
        if whole.get(name) is None:
            raise Invalid("missing_field", f"{name}: required, but absent")
    message_id = _text(whole, "messageId")
    if not 0 < len(message_id or "") <= MAX_MESSAGE_ID:
        raise Invalid("bad_type", f"messageId: expected 1 to {MAX_MESSAGE_ID} characters")
    if kind not in get_args(EventType):
        raise Invalid("bad_type", f"type: expected one of {', '.join(sorted(TYPES))}, got {_shown(kind)}")
    wire = Wire(
        message_id=message_id,
        type=kind,
        user_id=_text(whole, "userId"),
        anonymous_id=_text(whole, "anonymousId"),
        event=_text(whole, "event") if kind == "track" else None,
        previous_id=_text(whole, "previousId") if kind == "alias" else None,
        context=_context(whole),
    )
    properties = whole.get("properties")
    if isinstance(properties, dict):
        path = properties.get("path")
        wire.properties = Page(path if isinstance(path, str) else None)
    received = whole.get("receivedAt")
    if isinstance(received, int | str) and not isinstance(received, bool):
        wire.received_at = received
    timestamp, t = whole["timestamp"], None
    if isinstance(timestamp, str):
        t = parse_ms(timestamp)
    elif isinstance(timestamp, int) and not isinstance(timestamp, bool):
        t = within_years(timestamp)
    if t is None:
        _bad_time(timestamp)
    wire.timestamp = timestamp
    return wire, t, _person_of(wire)


def _context(whole: dict[str, Any]) -> Context | None:
    context = _object(whole, "context", "context")
    if context is None:
        return None
    campaign = _object(context, "campaign", "context.campaign")
    page = context.get("page")
    path = page.get("path") if isinstance(page, dict) else None
    prefix = "context.campaign."
    return Context(
        campaign=None
        if campaign is None
        else Campaign(*(_text(campaign, name, prefix + name) for name in ("name", "source", "medium"))),
        channel=_text(context, "channel", "context.channel"),
        page=Page(path if isinstance(path, str) else None),
    )


def _text(whole: dict[str, Any], name: str, path: str | None = None) -> str | None:
    value = whole.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Invalid("bad_type", f"{path or name}: expected a string, got {_shown(value)}")


def _object(whole: dict[str, Any], name: str, path: str) -> dict[str, Any] | None:
    value = whole.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise Invalid("bad_type", f"{path}: expected an object, got {_shown(value)}")


def _kind(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "a boolean"
    kinds: dict[type, str] = {str: "a string", list: "an array", dict: "an object"}
    return kinds.get(type(value), "a number")


def _shown(value: object) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    return _kind(value)
