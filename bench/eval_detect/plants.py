"""What is planted into a simulated product: the truth that incidents are compared with.

Kinds and causes are those of the truth that `footfall simulate --truth` writes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

Kind = Literal["outage", "viral", "broken", "bad-channel", "promotion", "decline"]

DAY_MS = 86_400_000
MINUTE_MS = 60_000
LASTS_MS: dict[Kind, int] = {
    "outage": 30 * MINUTE_MS,
    "viral": 60 * MINUTE_MS,
    "broken": 90 * MINUTE_MS,
    "bad-channel": 120 * MINUTE_MS,
    "promotion": 360 * MINUTE_MS,
}
FACTOR: dict[Kind, float] = {"outage": 0.5, "viral": 2.0, "broken": 0.0, "bad-channel": 0.3, "promotion": 1.0}
DECLINE_A_DAY = 0.02


class Plant(Struct, frozen=True):
    """One thing that is planted from `start` to before `end`, ms since 1970, in one series or everywhere.

    `cause` is the series, None for everything alike. `factor` multiplies the rate of what happens there: of
    a channel gone bad, of key events among people who still come; of a decline, every day anew; of a
    promotion, it is the promoted volume as a share of the organic one.
    """

    kind: Kind
    cause: str | None
    start: int
    end: int
    factor: float


Place = Literal["everything", "channel", "key event", "with a viral spike"]

TURNS: tuple[tuple[Kind, Place], ...] = (
    ("outage", "everything"),
    ("viral", "channel"),
    ("outage", "key event"),
    ("broken", "key event"),
    ("promotion", "everything"),
    ("outage", "channel"),
    ("viral", "everything"),
    ("bad-channel", "channel"),
    ("promotion", "with a viral spike"),
)
OUTAGES: tuple[tuple[Kind, Place], ...] = (("outage", "key event"), ("outage", "channel"))
FIRST_DAY = 12
"""Nothing is planted before: warm-up, and some of a second week."""
APART_DAYS = 3

Amount = Callable[[Kind, str | None, int], float]
"""How much a window usually has of what a plant of this kind and cause changes, at a time."""


def plan(
    rng: random.Random,
    amount: Amount,
    *,
    start_ms: int,
    days: int,
    channels: Sequence[str],
    keys: Sequence[str],
    decline_day: int,
    step_ms: int,
    least: float,
    turns: Sequence[tuple[Kind, Place]] = TURNS,
) -> Iterator[Plant]:
    """One plant every three days, in turns; from `decline_day` to the end, a slow decline of everything.

    Time of day, channel and key event are drawn until a window there and then usually has `least` of what is
    to change: less cannot be told from chance in three windows.
    """
    turn = rng.randrange(len(turns))
    for day in range(FIRST_DAY, min(decline_day, days - 1), APART_DAYS):
        kind, place = turns[turn % len(turns)]
        turn += 1
        while True:
            start = start_ms + day * DAY_MS + rng.randrange(0, DAY_MS, step_ms)
            cause = None
            if place == "channel":
                cause = f"channel:{rng.choice(channels)}"
            elif place == "key event":
                cause = f"key:{rng.choice(keys)}"
            if amount(kind, cause, start) >= least:
                break
        yield Plant(kind, cause, start, start + LASTS_MS[kind], FACTOR[kind])
        if place == "with a viral spike":
            middle = start + LASTS_MS[kind] // 2
            yield Plant("viral", None, middle, middle + LASTS_MS["viral"], FACTOR["viral"])
    if days > decline_day:
        start = start_ms + decline_day * DAY_MS
        yield Plant("decline", None, start, start_ms + days * DAY_MS, 1 - DECLINE_A_DAY)
