"""Every metric of a worker: declared in one place, documented in docs/metrics.md, served on `/metrics`."""

from __future__ import annotations

from stream.metrics.declared import CONTENT_TYPE, Metrics
from stream.metrics.kinds import WeightedHistogram
from stream.metrics.reference import reference

__all__ = ["CONTENT_TYPE", "Metrics", "WeightedHistogram", "reference"]
