"""Kinds of metrics that prometheus-client lacks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client import Gauge, Histogram, Metric


class WeightedHistogram(Histogram):
    """A histogram without labels, of samples that stand for many."""

    def observe_many(self, amount: float, count: int) -> None:
        """The same as `count` observations of `amount`."""
        self._sum.inc(amount * count)
        self._buckets[bisect_left(self._upper_bounds, amount)].inc(count)


class LastKnown(Gauge):
    """A gauge without labels that is not there until it is set, and goes with `clear`."""

    _known = False

    def set(self, value: float) -> None:
        super().set(value)
        self._known = True

    def clear(self) -> None:
        self._known = False

    def collect(self) -> Iterable[Metric]:
        return super().collect() if self._known else ()
