"""Small streams of Segment events for the replay's tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def event(number: int, person: str, at_ms: int, name: str = "Order Completed", **more: Any) -> bytes:
    """A track event, `at_ms` after the start; its receivedAt is its time."""
    t = START_MS + at_ms
    fields = {
        "messageId": f"m{number:06d}",
        "type": "track",
        "event": name,
        "userId": person,
        "timestamp": t,
        "receivedAt": t,
    }
    return orjson.dumps({key: value for key, value in (fields | more).items() if value is not None})


def product(days: int = 40, persons: int = 30) -> list[bytes]:
    """Some weeks of a product: persons with visits of three events, each every few days, in time order."""
    timed = []
    number = 0
    for day in range(days):
        for person in range(persons):
            if day % (person % 7 + 1) == 0 and day < 5 + person:
                for step in range(3):
                    at_ms = day * DAY + person * 20 * MINUTE + step * 3 * MINUTE
                    name = "Order Completed" if step == 2 and person % 3 else "Product Viewed"
                    timed.append((at_ms, number, person, name))
                    number += 1
    return [event(number, f"u-{person}", at_ms, name) for at_ms, number, person, name in sorted(timed)]


def write(path: Path, events: list[bytes]) -> str:
    path.write_bytes(b"".join(value + b"\n" for value in events))
    return str(path)


def contents(folder: Path) -> dict[str, bytes]:
    """File name to content."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / f"{name}.jsonl").read_bytes().splitlines()]
