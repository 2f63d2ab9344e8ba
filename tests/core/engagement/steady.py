"""A small steady product for tests: rows of windows with a daily and weekly rhythm and believable noise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from stream.core.definition import DAY, HOUR, MINUTE
from stream.core.engagement.rows import Row

STEP = 15 * MINUTE
MONDAY = 1_767_571_200_000  # 2026-01-05
WEIGHT = 5.0
ENGAGED = 0.2

Change = Callable[[int, str, float], float]
"""What becomes of the people of a channel in the window that begins at a time."""


def unchanged(_start_ms: int, _channel: str, people: float) -> float:
    return people


def rhythm(start_ms: int) -> float:
    """Least at 3 in the morning, up to a quarter less on weekends; 1 on average of a weekday."""
    hours = (start_ms / HOUR - 2 * 24) % (7 * 24)  # since Saturday began: 1970 began on a Thursday
    weekend = min(max(min(hours + 6, 54 - hours) / 12, 0.0), 1.0)
    return (1 - 0.25 * weekend) * (1 - 0.6 * math.cos((start_ms % DAY / HOUR - 3) / 24 * math.tau))


def windows(
    days: float, channels: dict[str, float], *, change: Change = unchanged, seed: int = 1
) -> Iterator[tuple[int, dict[str, Row]]]:
    """Windows of `total` and its channels, with so many people a window, one key event of every fifth."""
    rng = random.Random(seed)
    for start_ms in range(MONDAY, MONDAY + int(days * DAY), STEP):
        rows: dict[str, Row] = {}
        for name, people in channels.items():
            came = poisson(rng, change(start_ms, name, people * rhythm(start_ms)))
            rows[f"channel:{name}"] = row(came, sum(rng.random() < ENGAGED for _ in range(came)))
        rows["total"] = row(
            sum(one.people for one in rows.values()), sum(one.engaged for one in rows.values())
        )
        rows["key:Order Completed"] = row(rows["total"].engaged, rows["total"].engaged)
        yield start_ms, rows


def row(people: int, engaged: int, *, promoted: float = 0.0) -> Row:
    """Of people of whom so many have had one key event."""
    return Row(
        events=3 * people,
        pageviews=2 * people,
        people=people,
        visits=people // 2,
        engaged=engaged,
        key_events={"Order Completed": engaged} if engaged else {},
        volume=WEIGHT * engaged,
        index=engaged / people if people else 0.0,
        promoted=promoted,
        promoted_people=int(promoted),
    )


def poisson(rng: random.Random, mean: float) -> int:
    """Normal from 50 on."""
    if mean >= 50:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    count, product, limit = 0, rng.random(), math.exp(-mean)
    while product > limit:
        count, product = count + 1, product * rng.random()
    return count
