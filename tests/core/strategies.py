"""Random definitions and logs, dense in what is hard: exact gaps, midnights, lateness, joins, deletions."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from stream.core.definition import DAY, HOUR, MINUTE, Condition, Definition, KeyEvent, TierRule, Void
from tests.reference import LogRecord
from tests.reference.days import days_of
from tests.reference.records import read

# A zone and an instant shortly before something odd happens to its days.
PLACES = [
    ("UTC", "2023-12-30T22:00:00+00:00"),
    ("UTC", "1969-12-31T10:00:00+00:00"),
    ("Europe/Berlin", "2024-03-29T20:00:00+00:00"),
    ("Europe/Berlin", "2024-10-25T20:00:00+00:00"),
    ("Pacific/Apia", "2011-12-28T20:00:00+00:00"),
    ("Asia/Kathmandu", "1985-12-30T12:00:00+00:00"),
    ("America/Sao_Paulo", "2018-11-02T20:00:00+00:00"),
    ("America/St_Johns", "2006-10-27T20:00:00+00:00"),
    ("America/St_Johns", "2006-03-31T20:00:00+00:00"),
    ("Australia/Lord_Howe", "2024-04-05T00:00:00+00:00"),
]
USERS = ["u1", "u2", "ü3"]
ANONYMOUS = ["a1", "a2"]
NAMES = ["Order Completed", "order_paid", "Talk", "Talk", "Rated", "Rated", "Browsed", "Shared"]
DELETION = "Account Deleted"


@dataclass(frozen=True)
class Shape:
    """What may occur in a log."""

    late: bool = False
    disorder: bool = True
    joins: bool = False
    deletions: bool = False
    duplicates: bool = True
    garbage: bool = False
    ignored: bool = True
    voids: bool = True
    forgetting: bool = True
    received: bool = True
    keys: bool = False
    events: int = 40


@dataclass(frozen=True)
class Case:
    """A definition and a log in order of arrival."""

    definition: Definition
    log: list[LogRecord]
    until_ms: int | None

    def in_time_order(self) -> list[LogRecord]:
        """The log without repeats, as if nothing had been delayed. Only for logs without garbage."""
        places: dict[tuple[int, str], LogRecord] = {}
        for record in self.log:
            event = read(self.definition, record.value)
            places.setdefault(event.place, record)
        return [record for _, record in sorted(places.items(), key=lambda item: item[0])]

    def __repr__(self) -> str:
        lines = [f"Case({self.definition}", f"  until_ms={self.until_ms}"]
        return "\n".join(lines + [f"  {record}" for record in self.log]) + ")"


def make_definition(random: Random, shape: Shape) -> Definition:
    """Settings with which much happens within a few days."""
    gap = random.choice([30 * MINUTE, 30 * MINUTE, MINUTE, 3 * HOUR])
    longest = random.choice([DAY, DAY, gap + MINUTE, 2 * gap, 5 * HOUR])
    lateness = random.choice([10 * MINUTE, 10 * MINUTE, 0, MINUTE, gap, 4 * HOUR])
    active = random.choice([1, 2, 3, 7, 30])
    churn = active + random.choice([1, 1, 2, 60])
    return Definition(
        timezone=_zone_of(random)[0],
        aliases={"order_paid": "Order Completed"},
        ignore_events=("Email *",) if shape.ignored else (),
        allowed_lateness_ms=min(lateness, longest - 1),
        visit_gap_ms=gap,
        visit_max_ms=longest,
        key_events=_key_events(random, shape),
        tiers=random.choice([{"low": 1, "medium": 2, "high": 3}, {"low": 2, "medium": 3, "high": 5}]),
        tier_rules=_tier_rules(random),
        active_days=active,
        prospect_days=random.choice([2, 3, 30]) if shape.forgetting else 10_000,
        new_days=random.randint(1, min(churn - 1, 4)),
        churn_days=churn,
        hibernate_days=churn + random.choice([1, 2, 90]),
        known_before=random.choice([None, None, "2024-03-31", "2011-12-31", "2018-11-04"]),
    )


def _zone_of(random: Random) -> tuple[str, str]:
    return random.choice(PLACES)


def _key_events(random: Random, shape: Shape) -> tuple[KeyEvent, ...]:
    found = [
        KeyEvent("Order Completed", 5, value="properties.total"),
        KeyEvent("Order Completed", 5, (Condition("properties.total", ">=", 10),), value="properties.total"),
    ][random.randint(0, 1) :]
    rated = Void("Rated", (Condition("properties.stars", "<=", 1),))
    if random.random() < 0.7:
        found.append(KeyEvent("Talk", 2.5, void=(rated,) if shape.voids else ()))
    if random.random() < 0.5:
        found.append(KeyEvent("Shared", 1, _where(random)))
        found.append(KeyEvent("Shared", 1, _where(random)))
    if random.random() < 0.3:
        found.append(KeyEvent("Page Viewed", 0.5, (Condition("context.channel", "=", "web"),)))
    if random.random() < 0.4:
        found.append(KeyEvent("@return", 1))
    if random.random() < 0.4:
        found.append(KeyEvent("@visit", 3, random.choice(_VISIT_CONDITIONS[: 6 if shape.voids else 5])))
    random.shuffle(found)
    return tuple(found)


_VISIT_CONDITIONS: list[tuple[Condition, ...]] = [
    (Condition("pages", ">=", 2),),
    (Condition("events", ">=", 3),),
    (Condition("duration_s", ">=", 60), Condition("pages", ">", 0)),
    (Condition("nth", ">=", 2), Condition("events", ">=", 2)),
    (Condition("nth", "=", 1),),
    (Condition("passive", "=", False),),
]


def _where(random: Random) -> tuple[Condition, ...]:
    return random.choice(
        [
            (Condition("properties.kind", "=", "gift"),),
            (Condition("properties.kind", "!=", "gift"),),
            (Condition("properties.kind", "in", ("gift", "card")),),
            (Condition("properties.total", "<", 10), Condition("properties.kind", ">", "b")),
            (Condition("properties.deep.er", "=", True),),
            (Condition("traits.plan", "=", "pro"),),
        ]
    )


def _tier_rules(random: Random) -> tuple[TierRule, ...]:
    if random.random() < 0.6:
        return ()
    return (
        TierRule("high", random.choice(["Order Completed", "@visit"]), 2, random.choice([1, 2, 8])),
        TierRule("low", "Order Completed", 1, random.choice([2, 40, 90])),
    )


def make_case(random: Random, shape: Shape) -> Case:
    """A definition and a log of about `shape.events` records."""
    definition = make_definition(random, shape)
    bodies = _Walk(random, shape, definition).bodies()
    arrivals = _arrivals(random, shape, definition, bodies)
    log = [_record(random, shape, body) for body in arrivals]
    if shape.garbage:
        for _ in range(random.randint(0, 6)):
            log.insert(random.randint(0, len(log)), LogRecord(_garbage(random, bodies[0])))
    last = max((body["timestamp"] for body in bodies), default=0)
    until = random.choice([None, last + HOUR, last + 3 * DAY, last + 200 * DAY])
    return Case(definition, log, until)


class _Walk:
    """Makes events one by one, with an eye on what is critical for the person's last one."""

    def __init__(self, random: Random, shape: Shape, definition: Definition) -> None:
        self._random = random
        self._shape = shape
        self._definition = definition
        starts = [begin for zone, begin in PLACES if zone == definition.timezone]
        self._now = int(dt.datetime.fromisoformat(random.choice(starts)).timestamp() * 1000)
        self._pace = random.choice([0.7, 1])
        self._last: dict[str, int] = {}
        self._first: dict[str, int] = {}

    def bodies(self) -> list[dict[str, Any]]:
        """The events' bodies, with integer timestamps, in no certain order."""
        return [self._event(number) for number in range(self._random.randint(1, self._shape.events))]

    def _event(self, number: int) -> dict[str, Any]:
        random = self._random
        user, anonymous = random.choice(USERS), random.choice(ANONYMOUS)
        body: dict[str, Any] = {"messageId": f"{random.randint(0, 9)}-{number:03}"}
        if random.random() < 0.3:
            body["anonymousId"] = anonymous
        else:
            body["userId"] = user
            if random.random() < 0.2:
                body["anonymousId"] = anonymous
        body["timestamp"] = self._time(body.get("userId") or anonymous)
        kind = random.random()
        if kind < 0.3:
            body["type"] = random.choice(["page", "page", "screen"])
        elif kind < 0.4:
            body["type"] = random.choice(["identify", "alias", "group"])
            if body["type"] == "alias":
                body["previousId"] = random.choice(ANONYMOUS)
        else:
            body["type"] = "track"
            body["event"] = self._name()
        if not self._shape.joins and "userId" in body and body["type"] in ("identify", "alias"):
            body.pop("anonymousId", None)
            body.pop("previousId", None)
        self._details(body)
        return body

    def _name(self) -> str:
        chance = self._random.random()
        if self._shape.deletions and chance < 0.06:
            return DELETION
        return "Email Opened" if chance > 0.95 else self._random.choice(NAMES)

    def _time(self, person: str) -> int:
        """A time near this person's last event, near now, near a midnight, or days on."""
        random, definition = self._random, self._definition
        last, first = self._last.get(person, self._now), self._first.get(person, self._now)
        edge = random.choice([0, 0, 1, -1])
        choice = random.random() * self._pace
        if choice < 0.05:
            time = self._now - random.choice([1, MINUTE, definition.allowed_lateness_ms])
        elif choice < 0.25:
            time = last + definition.visit_gap_ms + edge
        elif choice < 0.35:
            time = first + definition.visit_max_ms + edge
        elif choice < 0.55:
            time = self._now + random.choice([0, 1, 1000, MINUTE, 10 * MINUTE, definition.visit_gap_ms // 2])
        elif choice < 0.63:
            time = last + random.choice([5 * MINUTE, definition.visit_gap_ms - 1])
        elif choice < 0.68:
            time = self._now + definition.allowed_lateness_ms + edge
        elif choice < 0.88:
            time = self._midnight_after(max(last, self._now)) + edge
        elif choice < 0.98:
            days = [1, 2, definition.active_days, definition.new_days, definition.prospect_days % 1000]
            time = self._now + random.choice(days) * DAY + random.choice([0, HOUR])
        else:
            days = [definition.churn_days, definition.hibernate_days, definition.prospect_days % 1000, 250]
            time = self._midnight_after(last + (random.choice(days) - 1) * DAY) + random.choice(
                [-1, 0, MINUTE]
            )
        if time - last > definition.visit_gap_ms or time - first > definition.visit_max_ms:
            self._first[person] = time
        self._first.setdefault(person, time)
        self._last[person] = time
        self._now = max(self._now, time)
        return time

    def _midnight_after(self, time: int) -> int:
        days = days_of(self._definition.timezone)
        return days.midnights(after=time, until=time + 3 * DAY)[0][0]

    def _details(self, body: dict[str, Any]) -> None:
        random = self._random
        if random.random() < 0.7:
            body["properties"] = {
                "total": random.choice([0, 9.99, 10, 250.5, "10", True, None]),
                "kind": random.choice(["gift", "card", "a", None]),
                "stars": random.choice([1, 1, 5]),
                "deep": random.choice([{"er": True}, {"er": 1}, "x", None]),
                "path": random.choice(["/p", "/q", 7]),
            }
        if random.random() < 0.4:
            body["context"] = {
                "campaign": random.choice(
                    [None, {"name": "spring", "medium": "push"}, {"source": "x", "medium": "cpc"}]
                ),
                "channel": random.choice([None, "web", "app"]),
                "page": random.choice([None, {"path": "/landing"}, {"path": None}, "x"]),
            }
        if random.random() < 0.3:
            created = dt.datetime.fromtimestamp(body["timestamp"] / 1000, dt.UTC)
            created -= dt.timedelta(days=random.choice([0, 1, 3, 4, 100]))
            body["traits"] = {
                "plan": "pro",
                "createdAt": random.choice(
                    [None, created.date().isoformat(), created.isoformat(), "yesterday", 12.5]
                ),
            }


def _arrivals(
    random: Random, shape: Shape, definition: Definition, bodies: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The order of arrival: by time plus a delay; an event precedes any later deletion."""
    lateness = definition.allowed_lateness_ms
    deletions = sorted(body["timestamp"] for body in bodies if body.get("event") == DELETION)
    placed: list[tuple[int, int, str, dict[str, Any]]] = []
    for body in bodies:
        time = body["timestamp"]
        delay = random.choice([0, 0, random.randint(0, lateness), lateness]) if shape.disorder else 0
        if shape.late and random.random() < 0.15:
            delay += random.choice([1, MINUTE, HOUR, 2 * DAY])
        arrival = min([time + delay, *(each for each in deletions if each >= time)])
        placed.append(
            (arrival, time if arrival in deletions else random.randint(0, 9), body["messageId"], body)
        )
        if shape.duplicates and random.random() < 0.12:
            again = arrival + random.choice([0, 1, lateness // 2, lateness])
            placed.append((again, 10**15, body["messageId"], body))
    placed.sort(key=lambda each: each[:3])
    return [body for *_, body in placed]


def _record(random: Random, shape: Shape, body: dict[str, Any]) -> LogRecord:
    time = body["timestamp"]
    written = {**body, "timestamp": _time_text(random, time)}
    if shape.received or random.random() < 0.5:
        written["receivedAt"] = time
    key, arrived = None, None
    if shape.keys:
        person = body.get("userId") or "anonymous:" + body["anonymousId"]
        key = person.encode() if random.random() < 0.97 else random.choice([b"other", None])
        arrived = time + random.choice([0, MINUTE, -HOUR, -HOUR, -HOUR - 1])
    return LogRecord(json.dumps(written, ensure_ascii=random.random() < 0.5).encode(), key, arrived)


def _time_text(random: Random, time: int) -> int | str:
    """One of the ways to write a time down."""
    if random.random() < 0.3:
        return time
    utc = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=time)
    hours = random.choice([0, 0, 8, -5, 5.75])
    text = utc.astimezone(dt.timezone(dt.timedelta(hours=hours))).isoformat(timespec="milliseconds")
    head, offset = text[:-6], text[-6:]
    if random.random() < 0.2:
        head += "999"
    return head.removesuffix(".000") + ("Z" if hours == 0 and random.random() < 0.7 else offset)


def _garbage(random: Random, body: dict[str, Any]) -> bytes | None:
    """What is no event, or a good one with one field spoiled."""
    spoiled = {**body, "messageId": "g", "receivedAt": body["timestamp"]}
    spoiled[random.choice(list(body))] = random.choice(
        [None, "", 7, 1.5, True, [], {}, "anonymous:u", "2024"]
    )
    return random.choice([None, b"", b"{", b"[]", b"\xff", json.dumps(spoiled).encode()])


# Any JSON value at all, and objects that look like events.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_TIMES = st.sampled_from(
    ["2024-01-01T10:00:00Z", "2024-01-01T10:00:00.5+05:45", "2024-01-01", "2024-W01-1T00:00:00Z", 0, 10**12]
)
NEARLY_EVENTS = st.fixed_dictionaries(
    {
        "messageId": st.text(max_size=3) | JSON,
        "type": st.sampled_from(["track", "page", "screen", "identify", "alias", "group", "x"]) | JSON,
        "timestamp": _TIMES | st.integers(-(10**15), 10**15) | st.datetimes().map(str) | JSON,
    },
    optional={
        "event": st.sampled_from([*NAMES, DELETION, ""]) | JSON,
        "userId": st.sampled_from(["u", "v", "", "anonymous:x"]) | JSON,
        "anonymousId": st.sampled_from(["a", "b", ""]) | JSON,
        "previousId": st.sampled_from(["a", "u", ""]) | JSON,
        "context": st.fixed_dictionaries({}, optional={"campaign": JSON, "channel": JSON, "page": JSON})
        | JSON,
        "properties": st.fixed_dictionaries({}, optional={"total": JSON, "kind": JSON}) | JSON,
        "traits": st.fixed_dictionaries({}, optional={"createdAt": _TIMES | JSON}) | JSON,
        "receivedAt": _TIMES | JSON,
    },
)
