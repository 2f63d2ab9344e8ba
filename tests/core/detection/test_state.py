"""A detector's state: going on from it at any point is as if nothing had happened."""

from __future__ import annotations

import random

import pytest

from stream.core.detection import Detector, Kind

MINUTE_MS = 60_000
STATE_BYTES = 4096


def sample(kind: Kind, rng: random.Random) -> float:
    if kind == "ratio":
        return rng.random() / 10
    return float(rng.randrange(50)) if kind == "count" else rng.gauss(0, 1)


@pytest.mark.parametrize("kind", ["count", "ratio", "value"])
def test_restored_at_any_point_gives_the_same_as_unbroken(kind: Kind) -> None:
    rng = random.Random(1)
    unbroken, broken = Detector(MINUTE_MS, kind=kind), Detector(MINUTE_MS, kind=kind)
    for i in range(5_000):
        value = None if rng.random() < 0.01 else sample(kind, rng)
        if i < 100 or i % 97 == 0:
            broken = Detector.restore(broken.state())
        assert broken.update(i * MINUTE_MS, value) == unbroken.update(i * MINUTE_MS, value)
    assert broken.state() == unbroken.state()


def test_state_stays_below_4_kib_over_three_weeks() -> None:
    detector, rng = Detector(MINUTE_MS, kind="count"), random.Random(2)
    for i in range(21 * 1440):
        detector.update(i * MINUTE_MS, 1e9 * rng.random())
    assert len(detector.state()) < STATE_BYTES


def test_judging_learns_nothing() -> None:
    detector = Detector(MINUTE_MS, kind="count")
    for i in range(100):
        detector.update(i * MINUTE_MS, 20 + i % 3)
    before = detector.state()
    judged = detector.judge(100 * MINUTE_MS, 500)
    assert detector.state() == before
    assert detector.update(100 * MINUTE_MS, 500) == judged


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x91\x01"])
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a detector's state"):
        Detector.restore(data)
