"""Scores and the probabilities they stand for."""

from __future__ import annotations

import pytest

from stream.core.detection.judgement import probability_of, score_of


@pytest.mark.parametrize(
    ("probability", "score"), [(1e-3, 0.368), (1e-4, 0.905), (1e-5, 0.990), (1e-6, 0.999)]
)
def test_a_score_is_the_chance_that_a_thousand_usual_values_have_none_so_unusual(
    probability: float, score: float
) -> None:
    assert score_of(probability) == pytest.approx(score, abs=5e-4)
    assert probability_of(score_of(probability)) == pytest.approx(probability)


def test_certainty_scores_nothing_and_the_impossible_one() -> None:
    assert score_of(1.0) < 1e-300
    assert score_of(0.0) == 1.0
