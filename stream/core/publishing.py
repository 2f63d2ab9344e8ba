"""Facts of the core turned into the records that are published, encoded (SPEC 2, 5, 8, 9)."""

from __future__ import annotations

from base64 import b64encode
from typing import NamedTuple

from stream.core import records
from stream.core.activity import Activity
from stream.core.definition import TIERS, Definition
from stream.core.events import Invalid
from stream.core.lifecycle import Change
from stream.core.profile import Visit
from stream.core.times import format_ms


class Output(NamedTuple):
    """One record to publish: topic without prefix, key, JSON."""

    topic: str
    key: bytes | None
    value: bytes


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
        self._activity = activity
        self._names = activity.vocabulary.keys

    def visit(self, person: str, visit: Visit, *, bounce: bool) -> None:
        """A closed visit."""
        keys: dict[int, int] = {}
        engagement: float = 0
        if visit.hits:
            for on_day in visit.hits.values():
                for key, count in on_day.items():
                    keys[key] = keys.get(key, 0) + count
            weights = self._activity.weights
            engagement = sum(weights.get(key, 0) for key in sorted(keys))
        value: float = 0
        if visit.amounts:
            value = round(sum(visit.amounts[key] for key in sorted(visit.amounts)), 6)
        record = records.Visit(
            definition=self._definition,
            visit_id=f"{person}@{visit.start}",
            person=person,
            start=format_ms(visit.start),
            end=format_ms(visit.last),
            duration_s=_number((visit.last - visit.start) / 1000),
            events=visit.events,
            pages=visit.pages,
            key_events={self._names[key]: keys[key] for key in sorted(keys)},
            engagement=_number(engagement),
            engaged=bool(keys),
            bounce=bounce,
            passive=visit.passive,
            entry=_entry(visit),
            value=_number(value),
        )
        self.outputs.append(Output("visits", person.encode(), records.encode(record)))

    def transition(
        self, person: str, k: int, change: Change, *, at: int, cause: str, tier: int, engaged_visits: int
    ) -> None:
        """The person's k-th change of state or tier, evaluated at `at` ms."""
        record = records.Transition(
            definition=self._definition,
            transition_id=f"{person}#{k}",
            person=person,
            kind=change.kind,
            from_=change.before,
            to=change.after,
            reason=change.reason,
            at=format_ms(at),
            cause=cause,
            tier=TIERS[tier],
            engaged_visits=engaged_visits,
            days_in_previous=change.days,
        )
        self.outputs.append(Output("transitions", person.encode(), records.encode(record)))

    def late(self, source: Source, *, message_id: str, person: str, t: int, watermark: int) -> None:
        """An event that came too late to be applied."""
        record = records.Late(
            definition=self._definition,
            topic=source.topic,
            partition=source.partition,
            offset=source.offset,
            key=None if source.key is None else source.key.decode(errors="replace"),
            message_id=message_id,
            person=person,
            time=format_ms(t),
            watermark=format_ms(watermark),
            value=(source.value or b"").decode(),
        )
        self.outputs.append(Output("late", source.key, records.encode(record)))

    def dead_letter(self, source: Source, invalid: Invalid) -> None:
        """A record that is no event, with its original bytes."""
        key, key_base64 = _text(source.key)
        value, value_base64 = _text(source.value)
        record = records.DeadLetter(
            definition=self._definition,
            topic=source.topic,
            partition=source.partition,
            offset=source.offset,
            reason=invalid.reason,
            message=invalid.message,
            key=key,
            key_base64=key_base64,
            value=value,
            value_base64=value_base64,
        )
        self.outputs.append(Output("dead-letters", source.key, records.encode(record)))


def _entry(visit: Visit) -> records.Entry:
    if visit.entry is None:
        return records.Entry(None, None, None)
    name, source, medium, channel, page = visit.entry
    campaign = None
    if name is not None or source is not None or medium is not None:
        campaign = records.Campaign(name, source, medium)
    return records.Entry(campaign, channel, page)


def _number(value: float) -> float:
    """Whole numbers without a decimal point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(data: bytes | None) -> tuple[str | None, str | None]:
    """Text where it is UTF-8, else base64."""
    if data is None:
        return None, None
    try:
        return data.decode(), None
    except UnicodeDecodeError:
        return None, b64encode(data).decode()
