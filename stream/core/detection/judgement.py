"""What a detector says of a value, and how a tail probability becomes a score."""

from __future__ import annotations

import math
from typing import NamedTuple

USUAL_VALUES = 1000.0


class Judgement(NamedTuple):
    """What was expected before the value came, between which bounds, and how unusual it is: 0 to 1.

    `anomaly` is set where the value lies outside the bounds: those are where the score reaches the
    detector's sensitivity.
    """

    expected: float
    lower: float
    upper: float
    score: float
    anomaly: bool


def score_of(probability: float) -> float:
    """The probability that none of a thousand usual values is as unusual as one of this tail probability.

    1e-3 scores 0.37, 1e-4 0.905, 1e-5 0.99, 1e-6 0.999.
    """
    return math.exp(-USUAL_VALUES * probability)


def probability_of(score: float) -> float:
    """The tail probability that has the score, which is in 0 < score < 1."""
    return -math.log(score) / USUAL_VALUES
