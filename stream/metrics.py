"""Every metric that a worker has: declared here, documented in docs/metrics.md, served on `/metrics`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

# A `_created` series beside each counter is of no use to Prometheus.
disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_BATCH_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_CHECKPOINT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_RECORDS = (1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000)
_RECOVERY_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 300.0)

_REBALANCE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)


class Metrics:
    """One worker's metrics, in a registry of their own. Those by partition are of the partitions it owns.

    `before_render` is called before each scrape, to set what is not counted as it happens.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.before_render: Callable[[], None] = lambda: None
        self.events = Counter(
            "footfall_events",
            "Records read, by where each went: applied, late, duplicate, ignored or dead_letter.",
            ["destination"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "footfall_dead_letters", "Records that are no events, by reason.", ["reason"], registry=registry
        )
        self.joins = Counter(
            "footfall_joins",
            "Anonymous persons joined to a user; unjoined where the two live on different partitions.",
            ["result"],
            registry=registry,
        )
        self.visits = Counter("footfall_visits", "Visits closed and published.", registry=registry)
        self.transitions = Counter(
            "footfall_transitions",
            "Transitions published, by kind (lifecycle or tier) and reason.",
            ["kind", "reason"],
            registry=registry,
        )
        self.late_for_window = Counter(
            "footfall_late_for_window",
            "Events that came when their window of engagement was closed: they count for their persons only.",
            registry=registry,
        )
        self.parts = Counter(
            "footfall_parts",
            "Parts of windows and days that were merged: on the worker that has the merger.",
            registry=registry,
        )
        self.windows = Counter(
            "footfall_windows",
            "Records of engagement published, one a window and series: provisional or final.",
            ["status"],
            registry=registry,
        )
        self.incidents = Counter(
            "footfall_incidents",
            "Incidents opened, by direction (spike or drop) and the severity they were opened with.",
            ["direction", "severity"],
            registry=registry,
        )
        self.daily_reports = Counter("footfall_daily_reports", "Daily reports published.", registry=registry)
        self.feedback = Counter(
            "footfall_feedback",
            "Records of the control topic: forwarded to the merger, or refused, as the log says.",
            ["result"],
            registry=registry,
        )
        self.open_incidents = Gauge(
            "footfall_open_incidents",
            "Incidents that are open, by severity; only on the worker that has the merger.",
            ["severity"],
            registry=registry,
        )
        self.engagement_age = Gauge(
            "footfall_engagement_age_seconds",
            "Wall clock minus the end of the last window that is final; only on the worker that has the "
            "merger.",
            ["partition"],
            registry=registry,
        )
        self.parts_lag = Gauge(
            "footfall_parts_lag_records",
            "Parts that are not merged yet; only on the worker that has the merger.",
            ["partition"],
            registry=registry,
        )
        self.persons = Gauge(
            "footfall_persons",
            "Profiles held, prospects and redirects of joined ids among them.",
            ["partition"],
            registry=registry,
        )
        self.lag = Gauge(
            "footfall_lag_records",
            "Records of the input partition that are not applied yet.",
            ["partition"],
            registry=registry,
        )
        self.rekeyed_lag = Gauge(
            "footfall_rekeyed_lag_records",
            "With input.keyed = false: records of the internal topic's partition that are not applied yet.",
            ["partition"],
            registry=registry,
        )
        self.waiting = Gauge(
            "footfall_waiting_records",
            "With input.keyed = false: records that wait for a join with another partition.",
            ["partition"],
            registry=registry,
        )
        self.watermark_age = Gauge(
            "footfall_watermark_age_seconds",
            "Wall clock minus the watermark: how far behind the present the partition's state is.",
            ["partition"],
            registry=registry,
        )
        self.checkpoint_age = Gauge(
            "footfall_checkpoint_age_seconds",
            "Time since the partition's last checkpoint, while there is something to write; else 0.",
            ["partition"],
            registry=registry,
        )
        self.batch_records = Histogram(
            "footfall_batch_records",
            "Records processed in one go.",
            buckets=_BATCH_RECORDS,
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "footfall_batch_seconds",
            "Time to process them.",
            buckets=_BATCH_SECONDS,
            registry=registry,
        )
        self.checkpoint_seconds = Histogram(
            "footfall_checkpoint_seconds",
            "Time from a checkpoint's snapshot until it is durable; processing goes on meanwhile.",
            buckets=_CHECKPOINT_SECONDS,
            registry=registry,
        )
        self.recovery_records = Counter(
            "footfall_recovery_records",
            "Changelog records read to restore state.",
            registry=registry,
        )
        self.recovery_seconds = Histogram(
            "footfall_recovery_seconds",
            "Time to restore a partition; those of one rebalance are restored together.",
            buckets=_RECOVERY_SECONDS,
            registry=registry,
        )
        self.restoring = Gauge(
            "footfall_restoring_records",
            "Changelog records left to read before processing goes on; 0 while it does.",
            registry=registry,
        )
        self.rebalance_seconds = Histogram(
            "footfall_rebalance_seconds",
            "How long processing stood still for a rebalance, restoring included; not the start.",
            buckets=_REBALANCE_SECONDS,
            registry=registry,
        )
        self.stopped_seconds = Counter(
            "footfall_stopped_seconds",
            "Time for which processing has stood still for rebalances.",
            registry=registry,
        )
        self.rebalances = Counter(
            "footfall_rebalances", "Rebalances that assigned partitions to this worker.", registry=registry
        )
        self.standby_partitions = Gauge(
            "footfall_standby_partitions",
            "Partitions of other workers of which this one keeps a copy.",
            registry=registry,
        )
        self.standby_behind = Gauge(
            "footfall_standby_behind_records",
            "Changelog records that these copies have not read yet.",
            registry=registry,
        )
        self.partitions = Gauge("footfall_partitions", "Input partitions owned.", registry=registry)
        self.worker = Info(
            "footfall_worker",
            "Constant 1: the worker's version and guarantee, and the hashes of its definitions.",
            registry=registry,
        )

    def by_partition(self) -> tuple[Gauge, ...]:
        """The gauges that hold for owned partitions only, and go when the partition goes."""
        return (
            self.persons,
            self.lag,
            self.rekeyed_lag,
            self.waiting,
            self.watermark_age,
            self.checkpoint_age,
        )

    def of_the_merger(self) -> tuple[Gauge, ...]:
        """The gauges that only the worker with the merger has."""
        return (self.open_incidents, self.engagement_age, self.parts_lag)

    def render(self) -> bytes:
        """All metrics as of now, in the Prometheus text format."""
        self.before_render()
        return generate_latest(self.registry)


def reference() -> str:
    """docs/metrics.md: every metric with its type, labels and meaning."""
    return "\n".join(_reference_lines(Metrics())) + "\n"


def _reference_lines(metrics: Metrics) -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield "A worker serves these on `http://<web.host>:<web.port>/metrics` (6066 by default), and `/livez`"
    yield "beside it: 200 while the worker runs, 503 once it has failed and is about to end."
    yield "This page is generated from `stream/metrics.py`: `python -m stream.metrics docs/metrics.md`."
    yield ""
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram | Info):
            suffix = {"counter": "_total", "info": "_info"}.get(metric._type, "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            name = f"{metric._name}{suffix}"
            yield f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference())
