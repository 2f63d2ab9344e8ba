"""The whole log: every record's destination, and what becomes of each partition's persons (SPEC 1, 5, 9)."""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from stream.core.definition import DAY, Definition
from tests.reference.daily import Seen, reports
from tests.reference.days import days_of
from tests.reference.person import Person, Published
from tests.reference.records import Dead, Event, milliseconds, read
from tests.reference.windows import Trace, Windows, merged, trace


class LogRecord(NamedTuple):
    """One record as read: `key` None is an unknown key, `arrived_ms` None means a replay."""

    value: bytes | None
    key: bytes | None = None
    arrived_ms: int | None = None


class Result(NamedTuple):
    """Visits, transitions and registered persons as dicts, without schema and definition.

    `destinations` has one of "dead:<reason>", "ignored", "late", "duplicate", "applied" per record.
    `engagement` has the final windows, `daily` the reports of days; `late_for_window` counts events that only
    their windows did not take.
    """

    visits: list[dict[str, Any]]
    transitions: list[dict[str, Any]]
    people: list[dict[str, Any]]
    destinations: list[str]
    engagement: Sequence[dict[str, Any]] = ()
    daily: Sequence[dict[str, Any]] = ()
    late_for_window: int = 0


def run(
    definition: Definition,
    log: Sequence[LogRecord],
    until_ms: int | None,
    partitions: int = 1,
    *,
    engagement: bool = False,
) -> Result:
    """All that a definition makes of a log, as of `until_ms` or else of the newest applied event.

    Windows and days only if asked for: there are many.
    """
    events = list(_read_all(definition, log))
    destinations = [each if isinstance(each, str) else "" for each in events]
    newest: int | None = None
    published, people = Published(), []
    replays = [_Partition(definition, number, partitions, published) for number in range(partitions)]
    for index, event in enumerate(events):
        if isinstance(event, Event):
            replay = replays[partition_for(event.person, partitions)]
            destinations[index] = replay.arrive(event)
            if destinations[index] == "applied":
                newest = event.time if newest is None else max(newest, event.time)
    for replay in replays:
        replay.advance(newest if until_ms is None else until_ms)
        people += [person.record() for person in replay.people.values() if person.registered]
    return Result(
        published.visits,
        published.transitions,
        sorted(people, key=_person),
        destinations,
        _windows(definition, replays, newest if until_ms is None else until_ms) if engagement else (),
        _days(definition, replays, published) if engagement else (),
        sum(replay.windows.late for replay in replays),
    )


def _windows(
    definition: Definition, replays: Sequence[_Partition], end: int | None
) -> Sequence[dict[str, Any]]:
    closed_by = min(replay.closed_by(end) for replay in replays)
    return merged([replay.windows for replay in replays], definition, closed_by)


def _days(
    definition: Definition, replays: Sequence[_Partition], published: Published
) -> Sequence[dict[str, Any]]:
    for replay in replays:
        for person in replay.people.values():
            person.keep_open_visits()
    watermarks = [replay.watermark for replay in replays]
    end = min(-(2**63) if watermark is None else watermark for watermark in watermarks)
    return reports(definition, published.seen, published.made, published.transitions, end)


def murmur2(key: bytes) -> int:
    """Austin Appleby's MurmurHash2, 32 bits, with the seed that Kafka's Java client uses."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    result = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        result = result * multiplier & mask ^ word
    if key[whole:]:
        result = (result ^ int.from_bytes(key[whole:], "little")) * multiplier & mask
    result = (result ^ result >> 13) * multiplier & mask
    return result ^ result >> 15


def partition_for(person: str, partitions: int) -> int:
    """The partition that Kafka's default partitioner gives a key."""
    return (murmur2(person.encode()) & 0x7FFFFFFF) % partitions


def _person(record: dict[str, Any]) -> str:
    return str(record["person"])


def _read_all(definition: Definition, log: Sequence[LogRecord]) -> list[Event | str]:
    """Per record its event, or the destination of what does not even reach a partition's clock."""
    keys_known = any(record.key is not None for record in log)
    newest: int | None = None
    found: list[Event | str] = []
    for record in log:
        try:
            event = read(definition, record.value)
            if definition.keyed and keys_known and record.key != event.person.encode():
                raise Dead("wrong_key")
            if _in_future(definition, record, event, newest):
                raise Dead("future")
        except Dead as dead:
            found.append(f"dead:{dead.args[0]}")
            continue
        newest = event.time if newest is None else max(newest, event.time)
        ignored = any(fnmatch.fnmatchcase(event.name, pattern) for pattern in definition.ignore_events)
        found.append("ignored" if ignored else event)
    return found


def _in_future(definition: Definition, record: LogRecord, event: Event, newest: int | None) -> bool:
    received = milliseconds(event.body.get("receivedAt"))
    if record.arrived_ms is not None:
        return event.time > record.arrived_ms + definition.max_future_ms
    if received is not None:
        return event.time > received + definition.max_future_ms
    return newest is not None and event.time > newest + DAY


@dataclass
class _Redirect:
    """Events under an anonymous id count for `user`; `day` is that of the last join."""

    user: str
    day: dt.date


class _Partition:
    """One partition: its clock, and the persons whose ids belong to it."""

    def __init__(self, definition: Definition, number: int, partitions: int, published: Published) -> None:
        self.people: dict[str, Person] = {}
        self._definition = definition
        self._days = days_of(definition.timezone)
        self._number, self._partitions = number, partitions
        self._published = published
        self._redirects: dict[str, _Redirect] = {}
        self._erased: dict[str, Event] = {}  # by anonymous id, its or its user's deletion
        self.windows = Windows(definition)
        self._watermark: int | None = None
        self._newest: int | None = None
        self._seen: set[tuple[str, int, str]] = set()
        self._counted: set[tuple[str, tuple[int, str]]] = set()

    def arrive(self, event: Event) -> str:
        """Work off one arrival, and say where it went."""
        if self._watermark is not None and event.time < self._watermark:
            return "late"
        self._raise_watermark(event.time - self._definition.allowed_lateness_ms)
        self._newest = event.time if self._newest is None else max(self._newest, event.time)
        assert self._watermark is not None
        identity = self._resolve(event.person, self._watermark)
        self._catch_up(identity, self._watermark)
        places = {(each, *event.place) for each in (event.person, identity)}
        if places & self._seen:
            return "duplicate"
        identity = self._resolve(event.person, event.time)
        self._seen |= {(each, *event.place) for each in (event.person, identity)}
        self._apply(event, identity)
        return "applied"

    def advance(self, watermark: int | None) -> None:
        """Move the watermark and bring every person up to it."""
        if watermark is not None:
            self._raise_watermark(watermark)
        for identity in list(self.people):
            if self._watermark is not None:
                self._catch_up(identity, self._watermark)

    def closed_by(self, end: int | None) -> int:
        """Up to when windows are closed at the end of the log, where the watermark goes to `end`."""
        own = None if self._newest is None else self._newest - self._definition.engagement.lateness_ms
        return max((each for each in (own, end) if each is not None), default=-(2**63))

    def _raise_watermark(self, watermark: int) -> None:
        if self._watermark is None or watermark > self._watermark:
            self._watermark = watermark

    def _catch_up(self, identity: str, time: int) -> None:
        """Close the person's visits by the watermark, and evaluate their midnights up to `time`."""
        if identity in self.people:
            self.people[identity].close_visits(self._watermark)
            if not self.people[identity].live_until(time):
                del self.people[identity]

    def _resolve(self, identity: str, time: int) -> str:
        """Whom an id stands for; a redirect ends with its user, or `hibernate_days` after the join."""
        redirect = self._redirects.get(identity)
        if redirect is None:
            return identity
        age = (self._days.reached(time) - redirect.day).days
        if self.people[redirect.user].life.state == "deleted" or age >= self._definition.hibernate_days:
            del self._redirects[identity]
            return identity
        return redirect.user

    def _apply(self, event: Event, identity: str) -> None:
        self._catch_up(identity, event.time)
        deletion = self._erased.get(event.person)
        if deletion is not None and event.place <= deletion.place:
            return
        if identity not in self.people:
            self.people[identity] = Person(identity, self._definition, self._days, self._published)
        person = self.people[identity]
        if person.erased(event):
            return
        tier = person.life.tier
        person.reach(event.time)
        if (identity, event.place) not in self._counted:
            self._counted.add((identity, event.place))
            self._published.seen.append(Seen(identity, person.life_number, event))
        if event.name in self._definition.deletion_events:
            self.windows.add(event, identity, tier, self._clock, {})
            self.windows.settle(identity)
            self._delete(person, event)
            return
        if event.joins is not None:
            self._join(person, event)
        person.add(event)
        self.windows.add(event, identity, tier, self._clock, self._trace(person))
        if person.life.state in (None, "prospect", "deleted"):
            if event.user is not None:
                person.register(event.id)
            elif person.life.state is None:
                person.life.state = "prospect"
        person.evaluate(event.id)

    @property
    def watermark(self) -> int | None:
        return self._watermark

    @property
    def _clock(self) -> int:
        """The greatest time of an applied event: windows have a lateness of their own."""
        assert self._newest is not None
        return self._newest

    def _trace(self, person: Person) -> Trace:
        return trace(person.life.open, len(person.life.closed), self._definition)

    def _delete(self, person: Person, event: Event) -> None:
        if person.registered or event.user is not None:
            person.delete(event)
        else:
            self._erased[person.id] = event
            del self.people[person.id]
            for later in person.life.open:
                if later.place > event.place:
                    self._apply(later, person.id)
        for anonymous, redirect in list(self._redirects.items()):
            if redirect.user == person.id:
                self._erased[anonymous] = event
                del self._redirects[anonymous]

    def _join(self, person: Person, event: Event) -> None:
        other = event.joins
        assert other is not None
        elsewhere = partition_for(other, self._partitions) != self._number
        a_user = event.type == "alias" and other.removeprefix("anonymous:") in self.people
        if elsewhere or a_user:
            return
        assert self._watermark is not None
        self._catch_up(other, max(event.time, self._watermark))
        day = self._days.reached(event.time)
        if self._resolve(other, event.time) != other:
            redirect = self._redirects[other]
            if redirect.user == person.id:
                redirect.day = max(redirect.day, day)
            return
        if other in self.people:
            person.take_over(self.people.pop(other))
            self.windows.settle(person.id)
            self.windows.settle(other)
            self._seen |= {(person.id, time, key) for who, time, key in self._seen if who == other}
        self._redirects[other] = _Redirect(person.id, day)
