"""The figures of a series in a window, from sums."""

from __future__ import annotations

from stream.core.definition import Definition, KeyEvent
from stream.core.engagement.partials import Sums
from stream.core.engagement.rows import EMPTY, dimension_of, row_of, weights_of

DEFINITION = Definition(key_events=(KeyEvent("Order", 0.1), KeyEvent("Share", 0.2), KeyEvent("Ask", 0.3)))
WEIGHTS = weights_of(DEFINITION)


def test_volume_is_the_sum_of_weights_over_occurrences() -> None:
    assert row_of(Sums(key_events={"Share": 2, "Order": 1}), WEIGHTS).volume == 0.5


def test_volume_does_not_depend_on_the_order_of_names() -> None:
    counts = {"Order": 7, "Share": 11, "Ask": 13}
    backwards = dict(reversed(counts.items()))
    row = row_of(Sums(key_events=counts, promoted_key_events=counts), WEIGHTS)
    assert row == row_of(Sums(key_events=backwards, promoted_key_events=backwards), WEIGHTS)
    assert row.promoted == row.volume == 6.8
    assert list(row.key_events) == ["Ask", "Order", "Share"]


def test_index_is_engaged_by_people_and_0_without_people() -> None:
    assert row_of(Sums(people=4, engaged=1), WEIGHTS).index == 0.25
    assert row_of(Sums(), WEIGHTS) == EMPTY


def test_a_promotion_is_seen_but_no_volume() -> None:
    row = row_of(Sums(promoted_key_events={"Order": 10}, promoted_people=3), WEIGHTS)
    assert (row.volume, row.promoted, row.promoted_people, row.is_seen()) == (0, 1.0, 3, True)
    assert not EMPTY.is_seen()


def test_total_and_key_events_are_no_dimension() -> None:
    names = ["total", "key:Order", "channel:web", "properties.country:a:b"]
    assert [dimension_of(name) for name in names] == [None, None, "channel", "properties.country"]
