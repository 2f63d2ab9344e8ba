"""When plants happen: as asked, or at times that the seed chooses, with quiet between them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from stream.core.definition import DAY, HOUR, MINUTE
from stream.simulate.asked import Asked, Mixture
from stream.simulate.plants import BadChannel, Broken, Decline, Outage, Plant, Promotion, Viral
from stream.simulate.streams import random_stream

WARM_UP_MS = 8 * DAY
"""Quiet at the beginning, in which a reader learns what is usual."""
LEAST_MIXED_MS = 28 * DAY
_SLOT_MS = 60 * HOUR
_DECLINING = (10 * DAY, 21 * DAY)


def place(asked: Sequence[Asked | Mixture], *, seed: int, start_ms: int, end_ms: int | None) -> list[Plant]:
    """The plants of a run from `start_ms` to `end_ms` (None: without an end), by time.

    Raises ValueError with the plant asked for and what to do where it has no place there.
    """
    plants: list[Plant] = []
    for one in asked:
        if isinstance(one, Mixture):
            plants += _mixture(one, seed=seed, start_ms=start_ms, end_ms=end_ms)
        else:
            plants.append(_placed(one, seed=seed, start_ms=start_ms, end_ms=end_ms))
    return sorted(plants, key=lambda plant: (plant.start_ms, plant.text))


def _placed(asked: Asked, *, seed: int, start_ms: int, end_ms: int | None) -> Plant:
    lasts_ms = asked.length_ms or asked.plant.lasts_ms
    if asked.start is not None:
        from_ms = asked.start.after(start_ms)
    elif end_ms is None:
        raise ValueError(f"{asked.text}: say when (from=...): the run has no end to choose a time before")
    else:
        rng = random_stream(seed, f"plant/{asked.text}")
        from_ms = _chosen(asked, rng, lasts_ms, start_ms=start_ms, end_ms=end_ms)
    if asked.end is not None:
        to_ms: int | None = asked.end.after(start_ms)
    else:
        to_ms = end_ms if lasts_ms is None else from_ms + lasts_ms
    if to_ms is None:
        raise ValueError(f"{asked.text}: say how long (for=... or to=...): the run has no end")
    if to_ms <= from_ms:
        raise ValueError(f"{asked.text}: ends before it begins: to must be after from")
    if to_ms <= start_ms or (end_ms is not None and from_ms >= end_ms):
        raise ValueError(f"{asked.text}: lies outside of the run: see --start and --days")
    return asked.plant(start_ms=from_ms, end_ms=to_ms, **asked.parameters)


def _chosen(asked: Asked, rng: Random, lasts_ms: int | None, *, start_ms: int, end_ms: int) -> int:
    length_ms = end_ms - start_ms
    if lasts_ms is None:
        return end_ms - _declining_ms(length_ms)
    first_ms = start_ms + min(max(WARM_UP_MS, length_ms // 4), length_ms // 2)
    days = (end_ms - lasts_ms - 10 * HOUR - first_ms) // DAY
    if days < 1:
        raise ValueError(f"{asked.text}: the run is too short to choose a time in it: say from=...")
    return first_ms // DAY * DAY + (1 + int(days * rng.random())) * DAY + _busy_ms(rng)


def _busy_ms(rng: Random) -> int:
    """A whole minute of the day when there are people: 10:00 to 20:00."""
    return 10 * HOUR + int(600 * rng.random()) * MINUTE


def _declining_ms(length_ms: int) -> int:
    least_ms, most_ms = _DECLINING
    return min(max(least_ms, length_ms // 4), most_ms, length_ms)


def _mixture(mixture: Mixture, *, seed: int, start_ms: int, end_ms: int | None) -> list[Plant]:
    name = "random" if mixture.random else "all"
    if end_ms is None or end_ms - start_ms < LEAST_MIXED_MS:
        raise ValueError(
            f"{name}: needs --days of at least {LEAST_MIXED_MS // DAY}, for a week and more of quiet "
            "before the first, and days between"
        )
    rng = random_stream(seed, f"plants/{name}")
    length_ms = end_ms - start_ms
    declines = not mixture.random or rng.random() < 0.5
    first_ms = start_ms + max(WARM_UP_MS, length_ms // 4)
    last_ms = end_ms - (_declining_ms(length_ms) if declines else DAY)
    kinds: list[type[Plant]] = [Outage, Viral, Broken, BadChannel, Promotion]
    if mixture.random:
        weeks = (last_ms - first_ms) // (7 * DAY)
        count = max(2, min(int(weeks * (0.7 + 0.8 * rng.random())), (last_ms - first_ms) // _SLOT_MS))
        kinds = [kinds[int(len(kinds) * rng.random())] for _ in range(count)]
    else:
        rng.shuffle(kinds)
    slot_ms = (last_ms - first_ms) // len(kinds)
    plants = [
        _varied(kind, rng, varied=mixture.random, slot_ms=slot_ms, from_ms=first_ms + number * slot_ms)
        for number, kind in enumerate(kinds)
    ]
    if declines:
        rate = 0.02 if not mixture.random else 0.01 * int(2 + 4 * rng.random())
        plants.append(Decline(start_ms=last_ms, end_ms=end_ms, rate=rate))
    return plants


def _varied(kind: type[Plant], rng: Random, *, varied: bool, slot_ms: int, from_ms: int) -> Plant:
    """One plant within its slot, at a busy hour of its first half."""
    days = max(0, slot_ms // 2 // DAY - 1)
    midnight_ms = -(-from_ms // DAY) * DAY
    start_ms = midnight_ms + int((days + 1) * rng.random()) * DAY + _busy_ms(rng)
    lasts_ms = kind.lasts_ms or 0
    random = rng.random
    if kind is Promotion:
        start_ms = start_ms // DAY * DAY
    if not varied:
        return kind(start_ms=start_ms, end_ms=start_ms + lasts_ms)
    end_ms = start_ms + int(lasts_ms * (0.7 + 0.8 * random())) // MINUTE * MINUTE
    if kind is Outage:
        depth = 0.05 * int(10 + 11 * random())
        return Outage(start_ms=start_ms, end_ms=end_ms, depth=round(depth, 2))
    if kind is Viral:
        channel = ("social", "referral", "direct")[int(3 * random())]
        return Viral(start_ms=start_ms, end_ms=end_ms, channel=channel, factor=2.0 + 0.5 * int(7 * random()))
    if kind is Broken:
        event = ("Order Completed", "Checkout Started", "Product Added")[int(3 * random())]
        return Broken(start_ms=start_ms, end_ms=end_ms, event=event)
    if kind is BadChannel:
        channel = ("paid", "social", "organic")[int(3 * random())]
        return BadChannel(start_ms=start_ms, end_ms=end_ms, channel=channel)
    name = ("sale", "free-delivery", "clearance")[int(3 * random())] + f"-{start_ms // DAY % 1000}"
    return Promotion(start_ms=start_ms, end_ms=end_ms, name=name, factor=1.5 + 0.5 * int(4 * random()))
