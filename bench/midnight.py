"""How long the longest pause is when a million persons are due at one midnight.

    python bench/midnight.py [--persons 1000000]

Once in memory, once with a local store (a dict here, so that the core's own share is measured). Events go on
meanwhile, in batches of 500. Also by a jump of the watermark over a day with as many open visits; and how
long restoring takes. Times are processor seconds of one core. Writes bench/results/midnight.json.
"""

from __future__ import annotations

import argparse
import gc
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from stream.core.activity import Vocabulary
from stream.core.definition import DAY, HOUR, MINUTE, Definition
from stream.core.due import MOST_DUE
from stream.core.partition import Partition
from stream.core.profile import ACTIVE, PROGRESS_KEY, Profile, Progress, Visit, encode, encode_progress

RESULTS = Path(__file__).parent / "results" / "midnight.json"
DAY_NUMBER = 20_454
NOW = DAY_NUMBER * DAY - HOUR  # an hour before the midnight at which all are due
BATCH = 500
COMMIT_EVERY = 20
HOT = 100_000
LIMIT_S = 0.1
Changes = Iterable[tuple[bytes, bytes | None]]


class SortedStore:
    """A local store in memory: a dict, and its keys in order."""

    def __init__(self) -> None:
        self._content: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._dead: set[bytes] = set()  # deleted, and still among the keys
        self.get = self._content.get

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        keys, dead, at = self._keys, self._dead, bisect_left(self._keys, start)
        while at < len(keys) and keys[at] < end:
            if keys[at] not in dead:
                yield keys[at]
            at += 1

    def write(self, changes: Changes) -> None:
        """What a checkpoint has changed."""
        content, dead, added = self._content, self._dead, []
        for key, value in changes:
            if value is None:
                if content.pop(key, None) is not None:
                    dead.add(key)
                continue
            if key not in content:
                if key in dead:
                    dead.remove(key)
                else:
                    added.append(key)
            content[key] = value
        if added:
            self._keys += sorted(added)
            self._keys.sort()

    def fill(self, changes: Changes) -> None:
        """All at once."""
        self._content.update((key, value) for key, value in changes if value is not None)
        self._keys = sorted(self._content)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=1_000_000)
    given = parser.parse_args()
    gc.set_threshold(20_000, 5, 1_000)
    result: dict[str, Any] = {"persons": given.persons, "most_due": MOST_DUE, "limit_seconds": LIMIT_S}
    for what, profile, until in (
        ("midnight", due_at_midnight, NOW + 2 * HOUR),
        ("open_visits_and_a_jump_of_a_day", with_an_open_visit, NOW + DAY),
    ):
        for where in ("memory", "store"):
            measured = measure(given.persons, profile, until, SortedStore() if where == "store" else None)
            result[f"{what}, {where}"] = measured
            print(what, where, orjson.dumps(measured).decode(), flush=True)
    result["within_limit"] = all(
        measured["longest_call_ms"] < LIMIT_S * 1000
        for measured in result.values()
        if isinstance(measured, dict)
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")


def due_at_midnight() -> Profile:
    """Engaged 30 days ago, once: falls silent at the midnight."""
    engaged_on = DAY_NUMBER - 30
    return Profile(
        state=ACTIVE,
        tier=1,
        k=3,
        registered=engaged_on,
        was_active=True,
        was_engaged=True,
        last=engaged_on * DAY + HOUR,
        last_day=engaged_on,
        last_end=engaged_on * DAY + HOUR,
        lifecycle_day=engaged_on,
        tier_day=engaged_on,
        due=DAY_NUMBER,
        visits=4,
        engaged={engaged_on: 1},
        counts={engaged_on: {0: 2}},
    )


def with_an_open_visit() -> Profile:
    """In the middle of an engaged visit, and due at the midnight of next month."""
    p = due_at_midnight()
    p.last, p.last_day, p.due = NOW - MINUTE, DAY_NUMBER - 1, DAY_NUMBER + 29
    p.open = [
        Visit(NOW - 20 * MINUTE, p.last, p.last_day, 5, (None, None, None, "web", "/"), False, 8, 3, {}, {})
    ]
    p.recent = [(NOW - number * MINUTE, f"message-{number}", 0, None, None) for number in range(8, 0, -1)]
    p.engaged = {p.last_day: 1}
    return p


def measure(
    persons: int, make: Callable[[], Profile], until: int, store: SortedStore | None
) -> dict[str, float]:
    """Restore the persons, let time pass, and work off what is due while events go on."""
    encoded = encode(make())
    changelog: list[tuple[bytes, bytes]] = [(b"user-%08d" % number, encoded) for number in range(persons)]
    progress = Progress(NOW, NOW, Vocabulary(["Order Completed"]), persons, 0)
    changelog.append((PROGRESS_KEY, encode_progress(progress)))
    partition = Partition(Definition(), store=store, hot_limit=HOT, most_due=MOST_DUE)
    gc.collect()
    gc.freeze()
    local: list[tuple[bytes, bytes | None]] = []
    began = time.process_time()
    for start in range(0, len(changelog), 2_000):
        for key, value in changelog[start : start + 2_000]:
            partition.restore(key, value)
        local += partition.take_local()
    restored_s = time.process_time() - began
    if store is not None:
        store.fill([*changelog, *local])
    del local
    began = time.process_time()
    partition.restored()
    taken_up_s = time.process_time() - began
    del changelog
    gc.collect()
    gc.freeze()
    longest, calls, number, began = 0.0, 0, 0, time.process_time()
    aside = 0.0
    more = True
    while more:
        for call in (busy_with(partition, until, number), partition.work):
            call_began = time.process_time()
            call()
            longest = max(longest, time.process_time() - call_began)
        calls, number = calls + 2, number + BATCH
        more = partition.work()
        if calls % COMMIT_EVERY == 0:
            partition.take_outputs()
            changes = [*partition.take_changes(), *partition.take_local()]
            aside_began = time.process_time()
            if store is not None:
                store.write(changes)
            aside += time.process_time() - aside_began
            partition.written()
    seconds = time.process_time() - began - aside
    found = partition.counts.visits + partition.counts.transitions.total()
    assert found >= persons, found
    return {
        "restore_microseconds_each": round(restored_s / persons * 1e6, 2),
        "restored_seconds": round(taken_up_s, 2),
        "calls": calls,
        "longest_call_ms": round(longest * 1000, 1),
        "seconds": round(seconds, 1),
        "microseconds_each": round(seconds / persons * 1e6, 1),
    }


def busy_with(partition: Partition, until: int, first: int) -> Callable[[], None]:
    """A batch of events of other persons, the first of which moves the watermark to `until`."""
    t = until + partition.definition.allowed_lateness_ms
    values = [
        b'{"messageId":"m%d","type":"page","userId":"other-%d","timestamp":%d}' % (n, n % 1_000, t + n)
        for n in range(first, first + BATCH)
    ]
    offsets = range(first, first + BATCH)
    return lambda: partition.process(values, keys=None, offsets=offsets, arrived_ms=[t + first] * BATCH)


if __name__ == "__main__":
    main()
