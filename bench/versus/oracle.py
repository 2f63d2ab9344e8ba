"""Which visits are in an input: written from the definition alone, with nothing of Footfall's in it.

A person's events in the order of their times, cut where the next one comes more than the gap after the one
before. Slow and simple on purpose.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

TYPES = {"track", "page", "screen", "identify", "alias", "group"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class Visit(NamedTuple):
    """A closed visit. Times in ms since 1970; key events by name, in the order of their names."""

    person: str
    start_ms: int
    end_ms: int
    events: int
    key_events: tuple[tuple[str, int], ...]


class Expected(NamedTuple):
    """What there is to find in an input. `visits` are the closed ones."""

    visits: Counter[Visit]
    bad: int
    late: int


class Event(NamedTuple):
    """A sound event; `name` only of a `track`."""

    ms: int
    id: str
    person: str
    name: str


def event_of(value: bytes | None) -> Event | None:
    """The event in a record's value; None where there is none."""
    if value is None:
        return None
    try:
        read = json.loads(value)
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    if not isinstance(read, dict) or read.get("type") not in TYPES:
        return None
    ms = time_of(read.get("timestamp"))
    person = person_of(read.get("userId"), read.get("anonymousId"))
    message = read.get("messageId")
    name = read.get("event") if read["type"] == "track" else ""
    if ms is None or person is None or not isinstance(message, str) or not isinstance(name, str):
        return None
    return Event(ms, message, person, name) if 1 <= len(message) <= 200 else None


def person_of(user: Any, anonymous: Any) -> str | None:
    """Whose event it is; None where the ids, each a text or absent, name nobody."""
    if not all(each is None or (isinstance(each, str) and each) for each in (user, anonymous)):
        return None
    if user is not None:
        return None if user.startswith("anonymous:") else str(user)
    return None if anonymous is None else f"anonymous:{anonymous}"


def time_of(told: Any) -> int | None:
    """Milliseconds since 1970; None where that is no time, or one without an offset."""
    if isinstance(told, int) and not isinstance(told, bool):
        return told
    try:
        time = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return None
    return None if time.tzinfo is None else (time - _EPOCH) // _MS


def expected(
    records: Iterable[tuple[int, bytes | None]],
    *,
    key_events: Collection[str],
    gap_ms: int,
    lateness_ms: int,
    max_ms: int | None = None,
) -> Expected:
    """What is in `records`, each a partition and a value, in their order within each partition.

    Late is what is more than `lateness_ms` older than the newest event before it in its partition. A visit
    is closed when the newest event but that lateness is more than the gap after it. With `max_ms` a visit is
    cut, too, before an event that is later than so long after its first.
    """
    newest_ms: dict[int, int] = {}
    of_person: dict[tuple[int, str], list[tuple[int, str, str]]] = defaultdict(list)
    bad = late = 0
    for partition, value in records:
        event = event_of(value)
        if event is None:
            bad += 1
            continue
        newest = newest_ms.setdefault(partition, event.ms)
        if event.ms < newest - lateness_ms:
            late += 1
            continue
        newest_ms[partition] = max(newest, event.ms)
        of_person[partition, event.person].append((event.ms, event.id, event.name))
    visits: Counter[Visit] = Counter()
    for (partition, person), events in of_person.items():
        for visit in cut(sorted(set(events)), gap_ms=gap_ms, max_ms=max_ms):
            end_ms = visit[-1][0]
            if newest_ms[partition] - lateness_ms > end_ms + gap_ms:
                names = Counter(name for _, _, name in visit if name in key_events)
                counted = tuple(sorted(names.items()))
                visits[Visit(person, visit[0][0], end_ms, len(visit), counted)] += 1
    return Expected(visits, bad, late)


def cut(
    events: list[tuple[int, str, str]], *, gap_ms: int, max_ms: int | None
) -> Iterator[list[tuple[int, str, str]]]:
    """One person's events, which begin with their times and are in order, visit by visit."""
    visit: list[tuple[int, str, str]] = []
    for event in events:
        over = visit and (
            event[0] - visit[-1][0] > gap_ms or (max_ms is not None and event[0] - visit[0][0] > max_ms)
        )
        if over:
            yield visit
            visit = []
        visit.append(event)
    if visit:
        yield visit


class Difference(NamedTuple):
    """How what was published differs from what was expected, in visits; and an example in words."""

    missing: int
    extra: int
    repeated: int
    example: str = ""

    @property
    def none(self) -> bool:
        """Whether it is right, and once each."""
        return not (self.missing or self.extra or self.repeated)


def compare(wanted: Counter[Visit], got: Counter[Visit]) -> Difference:
    """As multisets. What is published again, the same in all, is `repeated`, neither missing nor extra."""
    missing = sum(max(0, count - got[visit]) for visit, count in wanted.items())
    extra = sum(count for visit, count in got.items() if visit not in wanted)
    repeated = sum(max(0, count - wanted[visit]) for visit, count in got.items() if visit in wanted)
    lost = next((visit for visit in wanted if visit not in got), None)
    odd = next(
        (visit for visit in got if visit not in wanted and (not lost or visit.person == lost.person)), None
    )
    odd = odd or next((visit for visit in got if visit not in wanted), None)
    words = [f"missing {lost}"] if lost else []
    words += [f"extra {odd}"] if odd else []
    return Difference(missing, extra, repeated, "; ".join(words))
