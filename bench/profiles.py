"""How large a person's stored state is, on the simulator's seed 1 after 60 days, and in the extreme cases.

    python bench/profiles.py [--days 60] [--users 1000]

Sizes are those of the changelog's values, in bytes. Writes bench/results/profiles.json.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from stream.core.definition import DAY, Definition
from stream.core.partition import Partition
from stream.core.profile import STATES, decode, encode
from stream.sources import InputFile, Lines
from stream.sources.segment import SegmentFormat

RESULTS = Path(__file__).parent / "results" / "profiles.json"
FOOTFALL = Path(sys.executable).with_name("footfall")
START_MS = 1_767_225_600_000  # 2026-01-01
LONG_VISIT_EVENTS = 100_000
LONG_VISIT_STEP_MS = 800
NOT_PERSONS = (b"\xff", b"\xfe")  # the partition's own record, and what is left of the deleted
LIMITS = {"p50": 400, "p99": 1_500, "hibernating_max": 60, "long_visit_without_recent": 8 * 1024}


class Stored:
    """A partition and the values that its changelog holds after compaction."""

    def __init__(self) -> None:
        self.partition = Partition(Definition())
        self.values: dict[bytes, bytes] = {}
        self._offset = 0

    def process(self, records: list[bytes]) -> None:
        offsets = range(self._offset, self._offset + len(records))
        self.partition.process(records, keys=None, offsets=offsets, arrived_ms=None)
        self._offset = offsets.stop
        self.settle()

    def settle(self) -> None:
        """Takes the changes in, as a compacted topic would."""
        self.partition.take_outputs()
        for key, value in self.partition.take_changes():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value

    def sizes_by_state(self) -> dict[str, list[int]]:
        """State to sorted sizes; `redirect` are anonymous ids that lead to a user."""
        sizes: dict[str, list[int]] = defaultdict(list)
        for key, value in self.values.items():
            if not key.startswith(NOT_PERSONS):
                profile = decode(value)
                state = "redirect" if profile.redirect is not None else STATES[profile.state]
                sizes[state].append(len(value))
        return {state: sorted(found) for state, found in sorted(sizes.items())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--users", type=int, default=1_000)
    given = parser.parse_args()
    stored = Stored()
    for batch in simulated(given.days, given.users):
        stored.process(batch)
    by_state = stored.sizes_by_state()
    everybody = sorted(size for state, sizes in by_state.items() if state != "redirect" for size in sizes)
    assert stored.partition.newest is not None
    stored.partition.advance(stored.partition.newest + 200 * DAY)
    stored.settle()
    hibernating = stored.sizes_by_state()["hibernating"]
    result: dict[str, Any] = {
        "days": given.days,
        "users": given.users,
        "persons": summary(everybody),
        "by_state": {state: summary(sizes) for state, sizes in by_state.items()},
        "hibernating_after_200_silent_days": summary(hibernating),
        "visit_of_100000_events": long_visit(),
        "limits": LIMITS,
    }
    result["within_limits"] = (
        result["persons"]["p50"] <= LIMITS["p50"]
        and result["persons"]["p99"] <= LIMITS["p99"]
        and hibernating[-1] <= LIMITS["hibernating_max"]
        and result["visit_of_100000_events"]["bytes_without_recent"] <= LIMITS["long_visit_without_recent"]
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())


def simulated(days: int, users: int) -> Iterator[list[bytes]]:
    """The simulator's events, seed 1."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        options = ["--seed", "1", "--users", str(users), "--days", str(days)]
        subprocess.run([FOOTFALL, "simulate", *options, "--out", path], check=True)
        with InputFile(str(path)) as file:
            yield from SegmentFormat().records(Lines(file))


def long_visit() -> dict[str, int]:
    """One person, one visit of 100,000 events, 800 ms apart: its profile at the end, and the ids in it."""
    stored = Stored()
    events = []
    for number in range(LONG_VISIT_EVENTS):
        t = START_MS + number * LONG_VISIT_STEP_MS
        name = "Product Added" if number % 10 == 0 else "Product Viewed"
        message_id = f"{number:08x}-0000-4000-8000-000000000000"
        event = {"messageId": message_id, "type": "track", "event": name, "userId": "u-1", "timestamp": t}
        events.append(orjson.dumps(event | {"receivedAt": t}))
    for first in range(0, len(events), 1_000):
        stored.process(events[first : first + 1_000])
    value = stored.values[b"u-1"]
    profile = decode(value)
    assert sum(visit.events for visit in profile.open) == LONG_VISIT_EVENTS
    recent = len(profile.recent)
    profile.recent = []
    return {"bytes": len(value), "recent_events": recent, "bytes_without_recent": len(encode(profile))}


def summary(sizes: list[int]) -> dict[str, int]:
    """Sorted sizes in four numbers."""
    last = len(sizes) - 1
    return {"count": len(sizes), "p50": sizes[last // 2], "p99": sizes[last * 99 // 100], "max": sizes[last]}


if __name__ == "__main__":
    main()
