"""A simulated product for the panels, and what they must show of it: counted by the naive reference, and
planted by the simulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from stream.core.definition import DAY, HOUR, MINUTE, SHOP, Definition
from stream.simulate.delivery import Faults
from stream.simulate.plants import Viral
from stream.simulate.product import Product
from stream.simulate.simulation import Simulation
from tests import reference
from tests.reference import LogRecord
from tests.reference.records import Event, read
from tests.reference.replay import partition_for
from tests.worker.stage import NERVOUS, START_MS, closing
from tests.worker.stage import Event as Record

PARTITIONS = 4
WINDOW_MS = 6 * HOUR
UNTIL_MS = START_MS + 33 * DAY - 6 * HOUR
"""Up to when the watermarks come: an evening, and the end of a window."""
_KEY_EVENTS = "".join(
    f'[[key_event]]\nname = "{entry.name}"\nweight = {entry.weight}\nowner = "shop@example.com"\n'
    for entry in SHOP
)
SETTINGS = f"""
ignore_events = ["Email *"]
idle_after = "1h"
commit_interval = "100ms"
engagement.window = "{WINDOW_MS // HOUR}h"
{NERVOUS}
{_KEY_EVENTS}
[[goal]]
metric = "active.days_30"
target = 100
date = 2026-12-31
"""
TROUBLE = Faults(late=0.15, disorder=0.5, duplicates=0.1, bad=0.15)


class Simulated(NamedTuple):
    """`early` are people who came half a year before, with every trouble on the way; `main` five weeks of a
    product up to a viral afternoon; `end` moves each partition's watermark to UNTIL_MS."""

    early: list[Record]
    main: list[Record]
    end: list[Record]
    viral: dict[str, float]
    """The volume of the viral afternoon by series, as the simulator planted it."""


def simulated() -> Simulated:
    """The same each time."""
    early = Simulation(
        Product(users=40),
        seed=7,
        start_ms=START_MS - 200 * DAY,
        end_ms=START_MS - 195 * DAY,
        faults=TROUBLE,
        to_topic=True,
    )
    viral = Viral(start_ms=UNTIL_MS - WINDOW_MS, end_ms=UNTIL_MS, factor=15.0)
    main = Simulation(
        Product(users=120), seed=1, start_ms=START_MS, end_ms=UNTIL_MS, plants=[viral], to_topic=True
    )
    came, comes = _records(early), _records(main)
    [planted] = main.truth().plants
    minutes = WINDOW_MS / MINUTE
    volumes = {move.series: move.with_ * minutes for move in planted.moved if move.measure == "volume"}
    return Simulated(came, comes, closing(PARTITIONS, UNTIL_MS), volumes)


def _records(simulation: Simulation) -> list[Record]:
    return [(key, value) for _, records in simulation.slices() for _, key, value in records]


class Truth(NamedTuple):
    """What there is at the end, after `end`: counted, not estimated."""

    events: dict[str, int]
    """Records by destination."""
    dead_letters: dict[str, int]
    late_for_window: int
    key_events: dict[str, int]
    visits: int
    transitions: dict[tuple[str, str], int]
    """By kind and reason."""
    states: dict[str, int]
    """Prospects among them."""
    tiers: dict[str, int]
    active: dict[tuple[str, str], int]
    """Distinct people by kind (registered or visitor) and days (1, 7 or 30)."""
    open_visits: int
    windows: dict[str, dict[str, Any]]
    """The last final window, by series."""
    day: dict[str, Any]
    """The last daily report."""
    prospects_of_day: int


def truth(definition: Definition, log: Sequence[Record], arrived_ms: int) -> Truth:
    """By the reference, which shares no code with Footfall; visitors from the events that it applied."""
    rows = [LogRecord(value, key, arrived_ms) for key, value in log]
    found = reference.run(definition, rows, UNTIL_MS, PARTITIONS, engagement=True)
    applied = [
        read(definition, row.value)
        for row, destination in zip(rows, found.destinations, strict=True)
        if destination == "applied"
    ]
    dead = Counter(where.removeprefix("dead:") for where in found.destinations if where.startswith("dead:"))
    went = Counter("dead_letter" if where.startswith("dead:") else where for where in found.destinations)
    weights = {entry.name for entry in SHOP}
    last = max(window["end"] for window in found.engagement)
    states = Counter(person["state"] for person in found.people)
    states["prospect"] = _prospects(applied, until_ms=midnight_ms(today() + timedelta(days=1)))
    return Truth(
        events=dict(went),
        dead_letters=dict(dead),
        late_for_window=found.late_for_window,
        key_events=dict(Counter(event.name for event in applied if event.name in weights)),
        visits=len(found.visits),
        transitions=dict(Counter((each["kind"], each["reason"]) for each in found.transitions)),
        states=dict(states),
        tiers=dict(Counter(person["tier"] for person in found.people)),
        active=_active(applied),
        open_visits=_there(applied, definition),
        windows={window["series"]: window for window in found.engagement if window["end"] == last},
        day=found.daily[-1],
        prospects_of_day=_prospects(applied, until_ms=midnight_ms(today())),
    )


def _identities(applied: Sequence[Event]) -> Iterator[tuple[Event, str]]:
    """Each event, and whom it counts for when it comes: a joined anonymous id leads to its user."""
    leads: dict[str, str] = {}
    for event in applied:
        yield event, leads.get(event.person, event.person)
        if _joins(event) is not None:
            leads[_joins(event) or ""] = event.person


def _joins(event: Event) -> str | None:
    """The anonymous person that an event joins to its user, where they live on one partition."""
    other = event.joins
    if other is None or partition_for(other, PARTITIONS) != partition_for(event.person, PARTITIONS):
        return None
    return other


def _active(applied: Sequence[Event]) -> dict[tuple[str, str], int]:
    people: dict[tuple[str, str], set[str]] = {}
    for event, identity in _identities(applied):
        kind = "visitor" if identity.startswith("anonymous:") else "registered"
        for days in (1, 7, 30):
            if event.time >= midnight_ms(today() - timedelta(days=days - 1)):
                people.setdefault((kind, str(days)), set()).add(identity)
    return {key: len(found) for key, found in people.items()}


def _there(applied: Sequence[Event], definition: Definition) -> int:
    since_ms = UNTIL_MS - definition.visit_gap_ms
    return len({identity for event, identity in _identities(applied) if event.time >= since_ms})


def _prospects(applied: Sequence[Event], *, until_ms: int) -> int:
    """Anonymous persons with an event in the 30 days up to a midnight, who were not joined until then."""
    until = [event for event in applied if event.time < until_ms]
    joined = {_joins(event) for event in until}
    since_ms = until_ms - 30 * DAY
    return len(
        {
            identity
            for event, identity in _identities(until)
            if identity.startswith("anonymous:") and event.time >= since_ms and identity not in joined
        }
    )


def today() -> date:
    """The day of UNTIL_MS; the last daily report is of the one before."""
    return datetime.fromtimestamp(UNTIL_MS / 1000, UTC).date()


def midnight_ms(day: date) -> int:
    """When it begins, in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
