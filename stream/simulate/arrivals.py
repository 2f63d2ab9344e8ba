"""When people come to the product for the first time: at a steady rate, growing, or all at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random
from typing import NamedTuple

from stream.simulate.crowd import Gathering
from stream.simulate.product import Channel
from stream.simulate.schedule import DAY_MS, Schedule
from stream.simulate.streams import exponential

MONTH_MS = 30 * DAY_MS


class Arrivals(NamedTuple):
    """People who come one after the other through one channel; `names` and a number make each one's name."""

    channel: Channel
    names: str
    times_ms: Iterator[int]
    numbers: Iterator[int]
    gathering: Gathering | None = None


def steady(schedule: Schedule, rng: Random, *, start_ms: int, per_day: float) -> Iterator[int]:
    """Times (ms) after `start_ms`, `per_day` on an average day; for ever. `per_day` is above 0."""
    t_ms = start_ms
    while True:
        t_ms = schedule.after(t_ms, exponential(rng) / per_day)
        yield t_ms


def grown(schedule: Schedule, rng: Random, *, start_ms: int, per_day: float, growth: float) -> Iterator[int]:
    """Times (ms) of those whom `growth` brings besides `per_day` steady ones. `growth` is above 0."""
    for month in count():
        month_ms = start_ms + month * MONTH_MS
        most = grown_by(growth, month + 1.0) - 1.0
        for t_ms in steady(schedule, rng, start_ms=month_ms, per_day=per_day * most):
            if t_ms >= month_ms + MONTH_MS:
                break
            if rng.random() * most < grown_by(growth, (t_ms - start_ms) / MONTH_MS) - 1.0:
                yield t_ms


def grown_by(growth: float, months: float) -> float:
    """The factor after so many months of 30 days."""
    return float((1.0 + growth) ** months)
