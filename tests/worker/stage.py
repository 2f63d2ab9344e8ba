"""Topics, a configuration and simulated events for a worker of its own, on a real broker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

import msgspec
import orjson

from stream.admin import connect, create
from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from stream.core.records import Person
from stream.core.times import format_ms
from stream.engine.state import OWN_PREFIX
from stream.settings import Settings, load
from stream.simulate.delivery import Delivery, Faults
from stream.simulate.population import Population
from stream.simulate.product import Product
from tests.broker.log import Record, read, write
from tests.engine import offsets
from tests.engine.process import Process

FOOTFALL = (sys.executable, "-c", "from stream.cli import main; main()")
START_MS = 1_767_225_600_000  # 2026-01-01
DAY_MS = 86_400_000
REPLAYED = ("visits", "transitions", "engagement", "incidents", "daily", "late", "dead-letters", "people")
OF_THE_PRODUCT = (("engagement", "window_id"), ("incidents", "record_id"), ("daily", "day"))
"""Outputs of the merger, with the ids of their records."""
# Soon alarmed, so that there are incidents.
NERVOUS = (
    "detection = { sensitivity = 0.3, min_volume = 1, warm_up = 259200, resolve_after = 1, cooldown = 0 }\n"
)
# A window a minute over weeks of simulated time would be more records than there are events.
LONG_WINDOWS = 'engagement.window = "1h"'
NO_FAULTS = Faults()

Event = tuple[bytes | None, bytes | None]
"""Key and value of a record."""


def simulated(
    *, users: int, days: int, seed: int = 1, faults: Faults = NO_FAULTS, start_ms: int = START_MS
) -> list[Event]:
    """The events of a simulated product, as they arrive."""
    population = Population(Product(users=users), seed=seed, start_ms=start_ms)
    delivery = Delivery(faults, seed=seed, to_topic=True)
    slices = delivery.deliver(population.slices(start_ms + days * DAY_MS))
    return [(key, value) for _, records in slices for _, key, value in records]


def closing(partitions: int, at_ms: int) -> list[Event]:
    """An event for each partition, which moves its watermark to `at_ms`: where a replay until then ends."""
    lateness_ms = 10 * 60_000
    events: list[Event] = []
    for number in range(partitions):
        person = next(
            f"last-{n}" for n in count() if partition_for(f"last-{n}".encode(), partitions) == number
        )
        event = {"messageId": person, "type": "track", "event": "Over", "userId": person}
        events.append((person.encode(), orjson.dumps(event | {"timestamp": at_ms + lateness_ms})))
    return events


class Stage:
    """A configuration in `folder` with names of its own, and what a worker with it leaves behind."""

    def __init__(
        self, address: str, name: str, folder: Path, *, partitions: int = 4, extra: str = ""
    ) -> None:
        self.address = address
        self.folder = folder
        self.partitions = partitions
        self.config = folder / "footfall.toml"
        self.config.write_text(
            f'broker = "{address}"\nprefix = "{name}"\ngroup = "{name}"\ndata_dir = "{folder}/data"\n'
            f'input.topic = "{name}-events"\ntopics.partitions = {partitions}\n'
            f"{'' if 'engagement.window' in extra else LONG_WINDOWS}\n{extra}\n"
        )
        self.settings: Settings = load(self.config, {})

    async def create_topics(self) -> None:
        async with connect(self.settings.connection) as admin:
            assert all(outcome.ok for outcome in await create(admin, self.settings))

    async def write(self, events: list[Event]) -> None:
        await write(self.address, self.settings.input.topic, events)

    def worker(self, *options: str) -> Process:
        return Process(*FOOTFALL, "worker", "--config", str(self.config), "--web-port", "0", *options)

    def worker_with(self, extra: str) -> Process:
        """A worker with one more line of configuration."""
        changed = self.config.with_name("changed.toml")
        changed.write_text(f"{self.config.read_text()}\n{extra}\n")
        return Process(*FOOTFALL, "worker", "--config", str(changed), "--web-port", "0")

    async def works_it_off(self) -> None:
        """Wait until the worker has committed everything."""
        await offsets.read_to_the_end(self.address, self.settings.group, self.settings.input.topic)

    async def merges(self, replayed: Mapping[str, Sequence[bytes]], *, limit_s: float = 60.0) -> None:
        """Wait until the merger has published the last window and the last day of what a replay makes."""
        for output, last in (("engagement", last_window(replayed)), ("daily", last_day(replayed))):
            if last is not None:
                topic = self.settings.output_topic(output)
                await read(self.address, topic, until=holding(last), limit_s=limit_s)

    async def published(self, output: str) -> list[tuple[int, bytes]]:
        """Partition and JSON of an output's records, in order."""
        records = await read(self.address, self.settings.output_topic(output))
        return [(record.partition, record.value or b"") for record in records]

    async def people(self) -> list[Person]:
        """Registered persons as the changelog has them, by id."""
        restored = {}
        for record in await read(self.address, f"{self.settings.group}-profiles-changelog"):
            if record.partition not in restored:
                restored[record.partition] = Partition(self.settings.definition, number=record.partition)
            assert record.key is not None
            if record.key.startswith(OWN_PREFIX):
                continue
            restored[record.partition].restore(record.key, record.value)
        for partition in restored.values():
            partition.restored()
        return sorted(
            (person for partition in restored.values() for person in partition.people()),
            key=lambda person: person.person,
        )

    async def replay(self, events: list[Event], out: Path, *, until_ms: int) -> dict[str, list[bytes]]:
        """What `footfall replay --partitions N` makes of the same events: lines by output."""
        source = out.with_suffix(".jsonl")
        source.write_bytes(b"".join((value or b"") + b"\n" for _, value in events))
        partitions = ["--partitions", str(self.partitions)]
        config = ["--config", str(self.config), "--until", format_ms(until_ms)]
        async with Process(
            *FOOTFALL, "replay", str(source), "--out", str(out), *partitions, *config
        ) as replay:
            assert await replay.ends() == 0, replay.output
        return {name: (out / f"{name}.jsonl").read_bytes().splitlines() for name in REPLAYED}


def ordered(lines: list[bytes], key: str) -> list[bytes]:
    """JSON records, sorted by a field: partitions are written in no fixed order among each other."""
    return sorted(lines, key=lambda line: (orjson.loads(line)[key], line))


def last_window(replayed: Mapping[str, Sequence[bytes]]) -> bytes | None:
    """The last final window of `total`."""
    return next((line for line in reversed(replayed["engagement"]) if b'"series":"total"' in line), None)


def last_day(replayed: Mapping[str, Sequence[bytes]]) -> bytes | None:
    return replayed["daily"][-1] if replayed["daily"] else None


def holding(text: bytes) -> Callable[[list[Record]], bool]:
    """Whether one of the records so far has this in it; to be asked about one list as it grows."""
    seen = 0

    def is_there(found: list[Record]) -> bool:
        nonlocal seen
        news, seen = found[seen:], len(found)
        return any(text in (record.value or b"") for record in news)

    return is_there


def final(lines: Sequence[bytes]) -> list[bytes]:
    """Without what was published in advance: records of engagement or incidents."""
    return [
        line for line in lines if b'"status":"provisional"' not in line and b'"provisional":true' not in line
    ]


def encoded(people: list[Person]) -> list[bytes]:
    return [msgspec.json.encode(person) for person in people]
