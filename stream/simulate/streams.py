"""Random streams named by what they are for, so that a new feature draws from its own and moves no other."""

from __future__ import annotations

import math
from hashlib import blake2b
from random import Random


def digest(seed: int, name: str) -> str:
    """48 hex digits that depend on the seed and the name only."""
    return blake2b(f"{seed}/{name}".encode(), digest_size=24).hexdigest()


def random_stream(seed: int, name: str) -> Random:
    """The stream of one name: the same numbers whatever else is drawn elsewhere."""
    return Random(int(digest(seed, name)[:16], 16))


def exponential(rng: Random) -> float:
    """A waiting time with mean 1."""
    return -math.log(1.0 - rng.random())


def lognormal(rng: Random, *, median: float, sigma: float) -> float:
    """A positive number, half of the time below `median`."""
    radius = math.sqrt(2.0 * exponential(rng))
    return median * math.exp(sigma * radius * math.cos(2.0 * math.pi * rng.random()))


def uuid_shaped(digits: str) -> str:
    """32 hex digits as a version-4 UUID; 29 of the digits survive, among them the last 12."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
