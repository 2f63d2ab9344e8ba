"""Everything the core can publish, from simulated and from handmade logs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from click.testing import CliRunner

from stream.cli import main
from stream.core import records
from stream.core.definition import Definition
from stream.core.engagement.merger import PROVISIONAL_EVERY_MS, Merger
from stream.core.engagement.partials import PARTIALS
from stream.core.events import MAX_BYTES
from stream.core.partition import Partition
from stream.settings import read
from tests.docs.examples import read_examples

ROOT = Path(__file__).parents[2]
HOUR = 3_600_000
# A window a minute, for a year to come, would be many.
LONG_WINDOWS = {"engagement": {"window": "1d", "dimensions": []}}
NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


def simulated_events(folder: Path) -> list[bytes]:
    """Two months of a small product, with every kind of trouble."""
    path = folder / "events.jsonl"
    options = "--users 60 --days 60 --late 0.01 --disorder 0.1 --duplicates 0.02 --bad 0.02 --out"
    done = CliRunner().invoke(main, ["simulate", *options.split(), str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return path.read_bytes().splitlines()


def documented_logs() -> Iterator[tuple[list[bytes], Definition]]:
    """The logs of docs/numbers.md with their settings: one for each reason of a transition, and more."""
    for example in read_examples((ROOT / "docs/numbers.md").read_text(encoding="utf-8")):
        files = dict(step for step in example.steps if len(step) == 2)
        settings = read(LONG_WINDOWS | tomllib.loads(files.get("footfall.toml", "")), {})
        yield files["events.jsonl"].encode().splitlines(), settings.definition


def published(values: Sequence[bytes], definition: Definition) -> tuple[Partition, list[bytes]]:
    """A replay to a year after the last event: its partition, and all records, persons and explanations."""
    partition = Partition(definition, topic="app-events")
    merger = Merger(definition, sources=1)
    found: list[bytes] = []
    for number, start in enumerate(range(0, len(values), 500)):
        batch = values[start : start + 500]
        offsets = range(start, start + len(batch))
        partition.process(batch, keys=None, offsets=offsets, arrived_ms=None)
        found += everything(partition, merger)
        merger.process(partition.provisional_parts())
        merger.provisional(number * PROVISIONAL_EVERY_MS)
    partition.advance((partition.newest or 0) + 365 * 24 * HOUR)
    return partition, found + everything(partition, merger)


def everything(partition: Partition, merger: Merger) -> list[bytes]:
    """What has been published since last asked, and what the partition says of its persons now."""
    people = list(partition.people())
    explained = [partition.explain(person.person) for person in people]
    outputs = partition.take_outputs()
    merger.process([output.value for output in outputs if output.topic == PARTIALS])
    while merger.work():
        continue
    return [
        *(output.value for output in outputs if output.topic != PARTIALS),
        *(output.value for output in merger.take_outputs()),
        *(records.encode(person) for person in people),
        *(records.encode(explanation) for explanation in explained if explanation is not None),
    ]


def refused() -> list[bytes]:
    """Dead letters that only a topic can hold: with keys, without values, of bytes that are no text."""
    event = {"messageId": "m", "type": "page", "userId": "ada", "timestamp": NOON}
    early = {**event, "timestamp": NOON + 2 * HOUR}
    values = [None, b"x" * (MAX_BYTES + 1), b"\xff", json.dumps(event).encode(), json.dumps(early).encode()]
    keys = [b"ada", None, b"\xff\xfe", b"bob", b"ada"]
    partition = Partition(Definition(), topic="app-events", number=3)
    partition.process(values, keys=keys, offsets=range(7, 12), arrived_ms=[NOON] * 5)
    assert partition.counts.dead == {
        "tombstone": 1,
        "too_large": 1,
        "not_json": 1,
        "wrong_key": 1,
        "future": 1,
    }
    return everything(partition, Merger(Definition(), sources=4))
