"""From where a value is an anomaly, as a score and as the probability and the deviation that belong to it."""

from __future__ import annotations

import math
from statistics import NormalDist

from msgspec import Struct


class Bar(Struct, array_like=True, frozen=True):
    """`log_rarity` is -ln of the probability on one side, `normal` the deviation of a normal one there."""

    sensitivity: float
    log_rarity: float
    normal: float

    @classmethod
    def at(cls, sensitivity: float, one_sided: float) -> Bar:
        return cls(sensitivity, -math.log(one_sided), -NormalDist().inv_cdf(one_sided))
