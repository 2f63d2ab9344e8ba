"""When plants happen: where asked, or by the seed, with quiet before, between and after."""

from __future__ import annotations

from itertools import pairwise

import pytest

from stream.simulate.asked import read
from stream.simulate.placing import WARM_UP_MS, place
from stream.simulate.plants import PLANTS, Plant
from tests.simulate.shop import DAY_MS, HOUR_MS, START_MS

SEEDS = range(1, 21)


def placed(*texts: str, seed: int = 1, days: int | None = 30) -> list[Plant]:
    end_ms = None if days is None else START_MS + days * DAY_MS
    return place([read(text) for text in texts], seed=seed, start_ms=START_MS, end_ms=end_ms)


@pytest.mark.parametrize("days", [28, 30, 31, 60, 365])
@pytest.mark.parametrize("mixture", ["all", "random"])
def test_mixtures_leave_quiet_before_and_between(mixture: str, days: int) -> None:
    for seed in SEEDS:
        plants = placed(mixture, seed=seed, days=days)
        assert plants[0].start_ms >= START_MS + WARM_UP_MS
        assert plants[-1].end_ms <= START_MS + days * DAY_MS
        for one, other in pairwise(plants):
            assert other.start_ms - one.end_ms >= 4 * HOUR_MS


def test_all_is_each_kind_once_in_an_order_of_the_seeds() -> None:
    orders = {tuple(plant.kind for plant in placed("all", seed=seed)) for seed in SEEDS}
    assert len(orders) > 5
    assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(plant.kind for plant in PLANTS))}
    assert {order[-1] for order in orders} == {"decline"}


def test_random_ones_are_more_in_a_longer_run_and_of_every_kind() -> None:
    mixtures = [placed("random", seed=seed, days=90) for seed in SEEDS]
    assert {plant.kind for plants in mixtures for plant in plants} == {plant.kind for plant in PLANTS}
    assert len({tuple(plant.text for plant in plants) for plants in mixtures}) == len(mixtures)
    assert all(2 <= len(plants) <= 16 for plants in mixtures)
    assert len(placed("random", days=365)) > len(placed("random", days=60))


def test_without_a_time_the_seed_chooses_a_busy_one() -> None:
    starts = set()
    for seed in SEEDS:
        [plant] = placed("outage", seed=seed)
        starts.add(plant.start_ms)
        assert START_MS + WARM_UP_MS <= plant.start_ms < plant.end_ms <= START_MS + 30 * DAY_MS
        assert 10 <= plant.start_ms % DAY_MS / HOUR_MS < 20
    assert len(starts) > 10


def test_one_more_moves_no_other() -> None:
    assert set(placed("outage", "viral")) < set(placed("viral", "broken:from=20d", "outage"))


def test_a_decline_lasts_to_the_end() -> None:
    [plant] = placed("decline:from=12d")
    assert (plant.start_ms, plant.end_ms) == (START_MS + 12 * DAY_MS, START_MS + 30 * DAY_MS)


@pytest.mark.parametrize(
    ("text", "days", "said"),
    [
        ("all", 27, "all: needs --days of at least 28"),
        ("random", None, "random: needs --days of at least 28"),
        ("outage", None, r"say when \(from=...\)"),
        ("outage", 1, "too short to choose a time in it"),
        ("decline:from=3d", None, r"say how long \(for=... or to=...\)"),
        ("outage:from=31d", 30, "outside of the run"),
        ("outage:from=2025-12-01", 30, "outside of the run"),
        ("outage:from=3d,to=2d", 30, "to must be after from"),
    ],
)
def test_what_has_no_place_is_refused(text: str, days: int | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        placed(text, days=days)
