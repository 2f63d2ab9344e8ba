"""The steady rate of a run: from samples of how far it was and what it had used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

FROM = 0.1
TO = 0.95


class Sample(NamedTuple):
    """At one moment: seconds since the process was started, records read, processor time of its tree."""

    at_s: float
    records: int
    cpu_s: float


class Steady(NamedTuple):
    """Over the span between two samples: `from_s` to `to_s`, in which so many `records` were read."""

    events_per_s: float
    cpu_s_per_million: float
    from_s: float
    to_s: float
    records: int


def steady(samples: Sequence[Sample], total: int) -> Steady | None:
    """The rate between a tenth and nineteen twentieths of `total`: without start, warming up, and end.

    Progress is seen in steps, one a commit: only samples at which it was seen to have grown count. Where few
    steps lie in that span, as in short runs, from the first step to the last; None where there is but one.
    """
    steps = [
        sample
        for before, sample in zip([Sample(0.0, 0, 0.0), *samples], samples, strict=False)
        if sample.records > before.records
    ]
    inner = [step for step in steps if FROM * total <= step.records <= TO * total]
    if len(inner) < 4:
        inner = steps
    if len(inner) < 2:
        return None
    first, last = inner[0], inner[-1]
    records = last.records - first.records
    return Steady(
        records / (last.at_s - first.at_s),
        (last.cpu_s - first.cpu_s) / records * 1e6,
        first.at_s,
        last.at_s,
        records,
    )
