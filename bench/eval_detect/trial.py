"""One simulated product from its windows to scored incidents, through the merger's own Watch."""

from __future__ import annotations

import random
from collections.abc import Sequence

from msgspec import Struct

from bench.eval_detect.days import Days
from bench.eval_detect.plants import DAY_MS, TURNS, Kind, Place, Plant, plan
from bench.eval_detect.product import CHANNELS, KEYS, START_MS, Product
from bench.eval_detect.score import Scored, score
from stream.core.definition import Definition, Engagement
from stream.core.engagement.watching import Watch
from stream.core.records import Incident


class Trial(Struct, frozen=True, kw_only=True):
    """What to simulate. `people` come in a window on average; without `turns` nothing is planted."""

    seed: int
    days: int = 90
    decline_day: int = 70
    step_ms: int
    people: float
    least: float
    turns: tuple[tuple[Kind, Place], ...] = TURNS


def run(trial: Trial) -> Scored:
    """Simulate, watch, score."""
    step_ms, days = trial.step_ms, trial.days
    product = Product(trial.seed, days=days, step_ms=step_ms, people=trial.people)
    plants: list[Plant] = []
    if trial.turns:
        plants.extend(
            plan(
                random.Random(trial.seed),
                product.amount,
                start_ms=START_MS,
                days=days,
                decline_day=trial.decline_day,
                channels=list(CHANNELS),
                keys=[key.name for key in KEYS],
                step_ms=step_ms,
                least=trial.least,
                turns=trial.turns,
            )
        )
    product.plants = tuple(plants)
    definition = Definition(engagement=Engagement(window_ms=step_ms))
    watched_ms = (days - definition.detection.warm_up_days) * DAY_MS
    amounts = [product.amount(plant.kind, plant.cause, plant.start) for plant in plants]
    return score(
        trial.seed, plants, amounts, _watched(product, definition), step_ms=step_ms, watched_ms=watched_ms
    )


def _watched(product: Product, definition: Definition) -> Sequence[Incident]:
    watch = Watch(definition, step_ms=product.step_ms)
    days = Days()
    records: list[Incident] = []
    day_ms = START_MS
    for start_ms, rows in product.windows():
        if start_ms >= day_ms + DAY_MS:
            records += watch.day(days.report(day_ms))
            day_ms += DAY_MS
        records += watch.window(start_ms, rows).incidents
        days.add(rows)
    records += watch.day(days.report(day_ms))
    return records
