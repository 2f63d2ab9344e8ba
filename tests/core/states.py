"""State as this version writes it, for later versions to read: `python -m tests.core.states` makes the file.

Each version's file stays as it is for ever. Run this once, when VERSION in stream/core/profile.py was
raised (CONTRIBUTING.md says how), and never over an older one's.
"""

from __future__ import annotations

import gzip
import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import orjson

from stream.core.definition import DAY, Definition
from stream.core.engagement.partials import PARTIALS
from stream.core.keeping import PERSONS_END
from stream.core.partition import Partition
from stream.core.profile import (
    DORMANT,
    PACKED,
    STATES,
    VERSION,
    decode,
    decode_erased,
    decode_progress,
)
from stream.simulate.delivery import Delivery, Faults
from stream.simulate.population import Population
from stream.simulate.product import Product

DATA = Path(__file__).parent / "data"
START_MS = 1_767_225_600_000  # 2026-01-01
DAYS = 230
LATER_MS = START_MS + 420 * DAY

BESIDE = b"\xf6\xf7\xf8"  # first bytes of the keys of what is counted beside the persons

Entry = tuple[bytes, bytes | None]


def fields(key: bytes, value: bytes) -> dict[str, Any]:
    """What is in a changelog record of a person or of the partition, by the names of its fields."""
    kind = decode_progress if key == b"\xff" else decode_erased if key[:1] == b"\xfe" else decode
    plain: dict[str, Any] = json.loads(msgspec.json.encode(msgspec.structs.asdict(kind(value))))
    return plain


def events() -> list[bytes]:
    """A product's events for 230 days, and persons of the kinds that it does not have."""
    population = Population(Product(users=60), seed=7, start_ms=START_MS)
    delivery = Delivery(Faults(disorder=0.1, duplicates=0.02, late=0.01), seed=7, to_topic=False)
    simulated = [
        value
        for _, records in delivery.deliver(population.slices(START_MS + DAYS * DAY))
        for _, _, value in records
        if value is not None
    ]
    end = START_MS + DAYS * DAY

    def event(person: str, at: int, kind: str = "page", **more: object) -> bytes:
        named = {"messageId": f"{person}-{at}-{kind}", "type": kind, "userId": person, "timestamp": at}
        return orjson.dumps({name: value for name, value in (named | more).items() if value is not None})

    def order(person: str, at: int, total: object) -> bytes:
        properties = {"total": total}
        return event(person, at, "track", event="Order Completed", properties=properties)

    campaign = {"campaign": {"name": "spring", "source": "mail", "medium": "email"}, "channel": "web"}
    last = [
        event("visitor", end, userId=None, anonymousId="new-here", context=campaign),
        event("joined", end + 1, "identify", anonymousId="old-one"),
        event("deleted", end + 2),
        event("deleted", end + 3, "track", event="Account Deleted"),
        event("reborn", end + 4),
        event("reborn", end + 5, "track", event="Account Deleted"),
        event("reborn", end + 6),
        event("imported", end + 7, "identify", traits={"createdAt": "2024-02-03"}),
        order('named with a "quote" and ümläut', end + 8, 19.99),
        *(event("busy", end + 1_000 * n, context=campaign) for n in range(150)),
        *(order("busy", end + 150_000 + n, n / 4) for n in range(3)),
    ]
    return [event("joined-before", START_MS, userId=None, anonymousId="old-one"), *simulated, *last]


def written() -> tuple[list[Entry], Partition]:
    """A partition's changelog in the order written, and the partition."""
    partition = Partition(Definition(timezone="Europe/Berlin"), topic="app-events")
    values = events()
    log: list[Entry] = []
    for part in range(4):
        some = values[len(values) * part // 4 : len(values) * (part + 1) // 4]
        partition.process(some, keys=None, offsets=range(len(some)), arrived_ms=None)
        partition.take_outputs()
        log += partition.take_changes()
    return log, partition


def afterwards(partition: Partition) -> list[dict[str, Any]]:
    """What the partition publishes of each person until half a year later, without the definition's hash."""
    partition.advance(LATER_MS)
    found = [plain(output.value) for output in partition.take_outputs() if output.topic != PARTIALS]
    return sorted(found, key=lambda record: str(record["person"]))


def people(partition: Partition) -> list[dict[str, Any]]:
    """The registered persons, without the definition's hash."""
    return [plain(msgspec.json.encode(person)) for person in partition.people()]


def plain(record: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(record)
    del found["definition"]
    return found


def write() -> None:
    log, partition = written()
    lines = [
        {
            "key": b64encode(key).decode(),
            "value": None if value is None else b64encode(value).decode(),
            "fields": None if value is None or key[0] in BESIDE else fields(key, value),
        }
        for key, value in log
    ]
    file = DATA / f"state-{VERSION}.json.gz"
    if file.exists():
        sys.exit(f"{file} is there already, and has to stay as the version wrote it")
    values = [value for key, value in log if value is not None and key < PERSONS_END]
    assert {STATES[decode(value).state] for value in values} >= set(STATES) - {"deleted"}
    assert any(value[0] & DORMANT for value in values)
    assert any(value[0] & PACKED for value in values)
    assert any(value is None for _, value in log)
    DATA.mkdir(exist_ok=True)
    state = {"changelog": lines, "people": people(partition), "afterwards": afterwards(partition)}
    file.write_bytes(gzip.compress(orjson.dumps(state), mtime=0))


if __name__ == "__main__":
    write()
