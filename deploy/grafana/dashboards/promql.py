"""PromQL for the panels: right for counters of several workers, and gauges that move between them."""

from __future__ import annotations

from typing import NamedTuple

RATE = "$__rate_interval"


class Query(NamedTuple):
    """An expression, and how its series are called: `{{label}}` stands for a label's value."""

    expr: str
    legend: str


def select(metric: str, where: str = "") -> str:
    """The metric of the chosen product; `where` are further matchers, such as `days="1"`."""
    matchers = ", ".join(filter(None, ('job="$job"', where)))
    return f"{metric}{{{matchers}}}"


def over_partitions(metric: str, *by: str, where: str = "") -> str:
    """The sum of a gauge by partition. While one changes hands, two workers show it: it counts once."""
    once = f"max{_by('partition', *by)}({select(metric, where)})"
    return f"sum{_by(*by)}({once})"


def worst_partitions(metric: str, where: str = "") -> str:
    """The ten partitions of which a gauge is highest."""
    return f"topk(10, max by (partition) ({select(metric, where)}))"


def of_merger(metric: str, *by: str, where: str = "") -> str:
    """A gauge that only the worker with the merger has; while that moves, two have it."""
    return f"max{_by(*by)}({select(metric, where)})"


def largest(metric: str, *by: str, where: str = "") -> str:
    """The ten highest of such a gauge."""
    return f"topk(10, {of_merger(metric, *by, where=where)})"


def by_worker(metric: str) -> str:
    """The ten workers of which a gauge is highest."""
    return f"topk(10, max by (instance) ({select(metric)}))"


def per_second(counter: str, *by: str, where: str = "") -> str:
    """How fast a counter grows, over all workers."""
    return f"sum{_by(*by)}(rate({select(counter, where)}[{RATE}]))"


def per_minute(counter: str, *by: str, where: str = "") -> str:
    """The same in a minute."""
    return f"60 * {per_second(counter, *by, where=where)}"


def within(period: str, counter: str, *by: str, where: str = "") -> str:
    """By how much a counter has grown over all workers in a period, such as `1h`."""
    return f"sum{_by(*by)}(increase({select(counter, where)}[{period}]))"


def share(counter: str, whole: str, where: str = "") -> str:
    """How much of what `whole` counts `counter` counts, over all workers; nothing where there is no whole."""
    return f"{per_second(counter, where=where)} / ({per_second(whole)} > 0)"


def percentile(percent: int, histogram: str, over: str = RATE) -> str:
    """A percentile of what a histogram has seen in a period, over all workers."""
    buckets = f"sum by (le) (rate({select(histogram + '_bucket')}[{over}]))"
    return f"histogram_quantile({percent / 100:g}, {buckets})"


def mean(histogram: str, over: str = RATE) -> str:
    """The mean of what a histogram has seen in a period, over all workers."""
    total, count = (f"sum(rate({select(histogram + part)}[{over}]))" for part in ("_sum", "_count"))
    return f"{total} / {count}"


def incidents() -> str:
    """1 for each open incident and owner, with all that is said of it as labels. At most 50 by `/metrics`.

    While the merger moves, two workers may word an incident differently: one of them is taken.
    """
    labels = ("incident", "series", "measure", "direction", "severity", "owner")
    words = of_merger("footfall_incident_info", "incident", "sentence", "causes", "since")
    return (
        f"{of_merger('footfall_incident_open', *labels)} "
        f"* on (incident) group_left (sentence, causes, since) topk by (incident) (1, {words})"
    )


def _by(*labels: str) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""
