"""Facts of the core turned into the records that are published, encoded (SPEC 2, 5, 8, 9)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from msgspec import UNSET

from stream.core import records
from stream.core.activity import Activity
from stream.core.definition import MINUTE, TIERS, Definition
from stream.core.events import EntryFields, Invalid, is_long
from stream.core.lifecycle import Change
from stream.core.profile import Visit
from stream.core.records import Kind, Reason
from stream.core.times import format_ms

_VISIT = (
    b'{"schema":"footfall.visit/1","definition":"%b","visit_id":%%b@%%d","person":%%b,"start":"%%b%%b%%b",'
    b'"end":"%%b%%b%%b","duration_s":%%d%%b,"events":%%d,"pages":%%d,"key_events":%%b,%%b,"entry":%%b,"value":%%b}'
)
_TRANSITION = (
    b'{"schema":"footfall.transition/1","definition":"%b","transition_id":%b#%d","person":%b,%b,"at":"%b",'
    b'"cause":%b,"tier":"%b","engaged_visits":%d,"days_in_previous":%b}'
)
_TIERS = [tier.encode() for tier in TIERS]
_NOT_ENGAGED = b'{},"engagement":0,"engaged":false'
_FLAGS = [
    [b'"bounce":%b,"passive":%b' % (bounce, passive) for passive in (b"false", b"true")]
    for bounce in (b"false", b"true")
]
_FRACTIONS = [b"", *(f".{ms:03d}".rstrip("0").encode() for ms in range(1, 1000))]
_SECONDS = [b"%02d." % second for second in range(60)]
_MS = [b"%03dZ" % ms for ms in range(1000)]
_NOWHERE = records.encode(records.Entry(None, None, None))
_CACHED = 1_000
_CACHED_ENTRIES = 10_000

_minutes: dict[int, bytes] = {}
_entries: dict[EntryFields, bytes] = {}

WHOLE_VALUE = 4 * 1024 * 1024
"""Bytes up to which a dead letter carries the value whole: 5.4 MiB in the worst case, as Base64."""
WHOLE_KEY = 256 * 1024
"""The same of a key, which is there twice. A sound event's key is never longer: it is in the value, too."""
BEGINNING = 4 * 1024
"""Bytes of what is not carried whole."""
MESSAGE = 1_000
"""Characters of a dead letter's sentence: it may quote an id."""
ALWAYS_TEXT = 64 * 1024
"""Bytes up to which text is left readable, though Base64 were shorter: a control character becomes six."""


class Output(NamedTuple):
    """One record to publish: topic without prefix, key, JSON."""

    topic: str
    key: bytes | None
    value: bytes


_output = tuple.__new__  # what Output() does, without its call


class Source(NamedTuple):
    """Where a record was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Publisher:
    """Collects outputs in the order in which they come about."""

    def __init__(self, definition: Definition, activity: Activity) -> None:
        self.outputs: list[Output] = []
        self._definition = definition.hash()
        self._definition_bytes = self._definition.encode()
        self._transition = _TRANSITION.replace(b"%b", self._definition_bytes, 1)
        self._visit = _VISIT % self._definition_bytes
        self._activity = activity
        self._names = activity.vocabulary.keys
        self._moves: dict[tuple[Kind, str | None, str, Reason], bytes] = {}
        self._written: dict[tuple[tuple[int, int], ...], bytes] = {}

    def visit(self, person: str, visit: Visit, *, bounce: bool) -> None:
        """A closed visit: a `records.Visit`, written directly because there are so many of them."""
        start, last, entry = visit.start, visit.last, visit.entry
        quoted = records.encode(person)
        begun, began = divmod(start, MINUTE)
        ended, end = divmod(last, MINUTE)
        seconds, ms = divmod(last - start, 1000)
        value = self._visit % (
            quoted[:-1],
            start,
            quoted,
            _minutes.get(begun) or _minute(begun),
            _SECONDS[began // 1000],
            _MS[began % 1000],
            _minutes.get(ended) or _minute(ended),
            _SECONDS[end // 1000],
            _MS[end % 1000],
            seconds,
            _FRACTIONS[ms],
            visit.events,
            visit.pages,
            self._engagement(visit.hits) if visit.hits else _NOT_ENGAGED,
            _FLAGS[bounce][visit.passive],
            _NOWHERE if entry is None else _entries.get(entry) or _entry(entry),
            _amount(visit.amounts) if visit.amounts else b"0",
        )
        self.outputs.append(_output(Output, ("visits", person.encode(), value)))

    def _engagement(self, hits: dict[int, dict[int, int]]) -> bytes:
        """A visit's key events and their weight, as JSON: much the same ones come again and again."""
        keys = _occurrences(hits)
        counts = tuple(keys.items())
        written = self._written.get(counts)
        if written is None:
            if len(self._written) >= _CACHED:
                self._written.clear()
            weights = self._activity.weights
            written = self._written[counts] = b'%b,"engagement":%b,"engaged":true' % (
                records.encode({self._names[key]: keys[key] for key in sorted(keys)}),
                _number(sum(weights.get(key, 0) for key in sorted(keys))),
            )
        return written

    def transitions(
        self,
        person: str,
        changes: Sequence[Change],
        *,
        k: int,
        at: int,
        cause: str,
        tier: int,
        engaged_visits: int,
    ) -> None:
        """Changes of state or tier, evaluated at `at` ms, of which the last is the person's k-th.

        Each is a `records.Transition`, written directly like the visits.
        """
        key, quoted = person.encode(), records.encode(person)
        time, caused = format_ms(at).encode(), records.encode(cause)
        k -= len(changes)
        for kind, before, after, reason, days in changes:
            k += 1
            move = self._moves.get((kind, before, after, reason))
            if move is None:
                move = self._moves[kind, before, after, reason] = _move(kind, before, after, reason)
            value = self._transition % (
                quoted[:-1],
                k,
                quoted,
                move,
                time,
                caused,
                _TIERS[tier],
                engaged_visits,
                b"null" if days is None else b"%d" % days,
            )
            self.outputs.append(_output(Output, ("transitions", key, value)))

    def late(self, source: Source, *, message_id: str, person: str, t: int, watermark: int) -> None:
        """An event that came too late to be applied; it is not `too_large`, but its key may be."""
        key = source.key
        if key is not None and len(key) > WHOLE_KEY:
            key = key[:BEGINNING]
        record = records.Late(
            definition=self._definition,
            topic=source.topic,
            partition=source.partition,
            offset=source.offset,
            key=None if key is None else key.decode(errors="replace"),
            message_id=message_id,
            person=person,
            time=format_ms(t),
            watermark=format_ms(watermark),
            value=(source.value or b"").decode(),
        )
        self.outputs.append(Output("late", key, records.encode(record)))

    def dead_letter(self, source: Source, invalid: Invalid) -> None:
        """A record that is no event, with its original bytes, or their beginning where they are too many."""
        key, key_is_whole = _carried(source.key, WHOLE_KEY)
        value, value_is_whole = _carried(source.value, WHOLE_VALUE)
        key_text, key_base64 = _text(key, whole=key_is_whole)
        value_text, value_base64 = _text(value, whole=value_is_whole)
        record = records.DeadLetter(
            definition=self._definition,
            topic=source.topic,
            partition=source.partition,
            offset=source.offset,
            reason=invalid.reason,
            message=_shortened(invalid.message),
            key=key_text,
            key_base64=key_base64,
            value=value_text,
            value_base64=value_base64,
            truncated=UNSET
            if key_is_whole and value_is_whole
            else records.Truncated(*_identity(source.key), *_identity(source.value)),
        )
        self.outputs.append(Output("dead-letters", key, records.encode(record)))


def _occurrences(hits: dict[int, dict[int, int]]) -> dict[int, int]:
    if len(hits) == 1:
        [on_day] = hits.values()
        return on_day
    keys: dict[int, int] = {}
    for on_day in hits.values():
        for key, count in on_day.items():
            keys[key] = keys.get(key, 0) + count
    return keys


def _move(kind: Kind, before: str | None, after: str, reason: Reason) -> bytes:
    """What changed in a transition, as JSON: there are few of them."""
    members = {"kind": kind, "from": before, "to": after, "reason": reason}
    return records.encode(members)[1:-1]


def _entry(entry: EntryFields) -> bytes:
    """As JSON, and remembered, if it is not too long."""
    name, source, medium, channel, page = entry
    campaign = None
    if name is not None or source is not None or medium is not None:
        campaign = records.Campaign(name, source, medium)
    written = records.encode(records.Entry(campaign, channel, page))
    if not is_long(entry):
        if len(_entries) >= _CACHED_ENTRIES:
            _entries.clear()
        _entries[entry] = written
    return written


def _minute(minute: int) -> bytes:
    """The beginning of a time in this minute since 1970, and remembered."""
    if len(_minutes) >= _CACHED:
        _minutes.clear()
    written = _minutes[minute] = format_ms(minute * MINUTE)[:17].encode()
    return written


def _amount(amounts: dict[int, float]) -> bytes:
    return _number(round(sum(amounts[key] for key in sorted(amounts)), 6))


def _number(value: float) -> bytes:
    """As JSON, whole numbers without a decimal point."""
    return b"%d" % value if abs(value) < 1e15 and value == int(value) else records.encode(value)


def _carried(data: bytes | None, whole: int) -> tuple[bytes | None, bool]:
    """What a dead letter carries of it, and whether that is all."""
    if data is None or len(data) <= whole:
        return data, True
    return data[:BEGINNING], False


def _identity(data: bytes | None) -> tuple[int | None, str | None]:
    return (None, None) if data is None else (len(data), sha256(data).hexdigest())


def _text(data: bytes | None, *, whole: bool) -> tuple[str | None, str | None]:
    """Text where it is UTF-8, else base64, also of much text that is shorter so."""
    if data is None:
        return None, None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if whole or error.start < len(data) - 3:
            return None, b64encode(data).decode()
        text = data[: error.start].decode()  # cut within a character
    if len(data) > ALWAYS_TEXT and len(records.encode(text)) - 2 > (len(data) + 2) // 3 * 4:
        return None, b64encode(data).decode()
    return text, None


def _shortened(message: str) -> str:
    return message if len(message) <= MESSAGE else message[: MESSAGE - 3] + "..."
