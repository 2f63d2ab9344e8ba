"""Every metric that a worker has, with its labels and what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from stream.core.records import DeadReason, Direction, Reason, Severity, WindowStatus
from stream.metrics.kinds import LastKnown, WeightedHistogram

# A `_created` series beside each counter is of no use to Prometheus.
disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_BATCH_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_CHECKPOINT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH_RECORDS = (1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000)
_RECOVERY_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 300.0)
_REBALANCE_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
_LATENCY_SECONDS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0)

_ONLY_MERGER = "Only on the worker that has the merger."


class Metrics:
    """One worker's metrics, in a registry of their own.

    Those by partition are of the partitions it owns, so that sums over all workers count everybody once.
    `before_render` is called before each scrape, to set what is not counted as it happens.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.before_render: Callable[[], None] = lambda: None
        self._of_the_merger: list[Gauge] = []

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"footfall_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"footfall_{name}", meaning, labels, registry=registry)

        def of_merger(name: str, meaning: str, *labels: str) -> Gauge:
            self._of_the_merger.append(gauge(name, f"{meaning} {_ONLY_MERGER}", *labels))
            return self._of_the_merger[-1]

        def last_known(name: str, meaning: str) -> Gauge:
            one = LastKnown(f"footfall_{name}", f"{meaning} {_ONLY_MERGER}", registry=registry)
            self._of_the_merger.append(one)
            return one

        def histogram(name: str, meaning: str, buckets: tuple[float, ...]) -> WeightedHistogram:
            return WeightedHistogram(f"footfall_{name}", meaning, buckets=buckets, registry=registry)

        # -- the stream, and who is in it -----------------------------------------------------------
        self.events = counter(
            "events",
            "Records read, by where each went: applied, late, duplicate, ignored or dead_letter.",
            "destination",
        )
        self.dead_letters = counter("dead_letters", "Records that are no events, by reason.", "reason")
        self.joins = counter(
            "joins",
            "Anonymous persons joined to a user; unjoined where the two live on different partitions.",
            "result",
        )
        self.visits = counter("visits", "Visits closed and published.")
        self.key_events = counter(
            "key_events",
            "Occurrences of key events in applied events; one that is voided later has been counted.",
            "key_event",
        )
        self.transitions = counter(
            "transitions",
            "Transitions published, by kind (lifecycle or tier) and reason.",
            "kind",
            "reason",
        )
        self.late_for_window = counter(
            "late_for_window",
            "Events that came when their window of engagement was closed: they count for their persons only.",
        )
        self.people = gauge(
            "people",
            "Persons by lifecycle state, as of the events applied; prospects are not registered.",
            "partition",
            "state",
        )
        self.people_by_tier = gauge("people_by_tier", "Registered persons by tier.", "partition", "tier")
        self.active_people = gauge(
            "active_people",
            "Distinct persons with an event in the last 1, 7 or 30 local days, today among them; kind is "
            "registered or visitor.",
            "partition",
            "kind",
            "days",
        )
        self.open_visits = gauge("open_visits", "Visits that have not closed: who is there now.", "partition")
        self.profiles = gauge(
            "profiles", "Profiles held, prospects and redirects of joined ids among them.", "partition"
        )

        # -- engagement of the product ----------------------------------------------------------------
        self.parts = counter("parts", f"Parts of windows and days that were merged. {_ONLY_MERGER}")
        self.windows = counter(
            "windows",
            "Records of engagement published, one a window and series: provisional or final.",
            "status",
        )
        self.incidents = counter(
            "incidents",
            "Incidents opened, by direction (spike or drop) and the severity they were opened with.",
            "direction",
            "severity",
        )
        self.daily_reports = counter("daily_reports", "Daily reports published.")
        self.feedback = counter(
            "feedback",
            "Records of the control topic: forwarded to the merger, or refused, as the log says.",
            "result",
        )
        of_window = "of the latest window of a series, final or provisional."
        self.engagement_events = of_merger("engagement_events", f"Events {of_window}", "series", "status")
        self.engagement_people = of_merger(
            "engagement_people", f"Distinct persons {of_window}", "series", "status"
        )
        self.engagement_engaged_people = of_merger(
            "engagement_engaged_people", f"Distinct persons with a key event {of_window}", "series", "status"
        )
        self.engagement_visits = of_merger(
            "engagement_visits", f"Visits begun {of_window}", "series", "status"
        )
        self.engagement_volume = of_merger(
            "engagement_volume", f"Weights of all key-event occurrences {of_window}", "series", "status"
        )
        self.engagement_index_ratio = of_merger(
            "engagement_index_ratio", f"Engaged / people {of_window}", "series", "status"
        )
        self.engagement_expected = of_merger(
            "engagement_expected",
            "What was expected of a measure (people, volume or index) in the latest final window.",
            "series",
            "measure",
        )
        self.engagement_lower = of_merger(
            "engagement_lower", "The lower bound of what was expected.", "series", "measure"
        )
        self.engagement_upper = of_merger(
            "engagement_upper", "The upper bound of what was expected.", "series", "measure"
        )
        self.engagement_score = of_merger(
            "engagement_score", "How unusual the value was: 0 to 1.", "series", "measure"
        )
        self.engagement_window_end = of_merger(
            "engagement_window_end_timestamp_seconds",
            "The end of the latest window, final or provisional, in event time.",
            "status",
        )
        self.engagement_age = of_merger(
            "engagement_age_seconds",
            "Wall clock minus the end of the last window that is final.",
            "partition",
        )
        self.parts_lag = of_merger("parts_lag_records", "Parts that are not merged yet.", "partition")
        self.open_incidents = of_merger(
            "open_incidents", "Open incidents by severity, spikes of an open window too.", "severity"
        )
        self.incident_open = of_merger(
            "incident_open",
            "1 for each open incident and owner (empty: nobody's), the 50 gravest.",
            "incident",
            "series",
            "measure",
            "direction",
            "severity",
            "owner",
        )
        self.incident_info = of_merger(
            "incident_info",
            "1 for each of these incidents: what people are told of it.",
            "incident",
            "sentence",
            "causes",
            "since",
        )

        # -- the last daily report ----------------------------------------------------------------------
        last = "in the last daily report."
        self.daily_day = last_known(
            "daily_day_timestamp_seconds",
            "Midnight UTC of the local date of the last daily report.",
        )
        self.daily_people = of_merger("daily_people", f"Persons by lifecycle state {last}", "state")
        self.daily_people_by_tier = of_merger(
            "daily_people_by_tier", f"Registered persons by tier {last}", "tier"
        )
        self.daily_active_people = of_merger(
            "daily_active_people",
            f"Distinct persons with an event in 1, 7 or 30 days {last}",
            "kind",
            "days",
        )
        self.daily_visits = last_known("daily_visits", f"Visits begun {last}")
        self.daily_pageviews = last_known("daily_pageviews", f"Page views {last}")
        self.daily_bounce_ratio = last_known("daily_bounce_ratio", f"Bounces / visits {last}")
        self.daily_active_gained = of_merger(
            "daily_active_gained",
            f"Persons active through activated, reactivated, resurrected, retained {last}",
            "source",
        )
        self.daily_active_lost = of_merger(
            "daily_active_lost", f"Persons no longer active: lapsed, deleted {last}", "reason"
        )
        self.daily_registrations = last_known("daily_registrations", f"Registrations of 30 days {last}")
        self.daily_churned = last_known("daily_churned_people", f"Persons churned in 30 days {last}")
        self.daily_pseudo_active = last_known("daily_pseudo_active_people", f"Pseudo-active persons {last}")
        self.daily_new_user_ratio = last_known(
            "daily_new_user_ratio", f"Registrations of 30 days / base {last}"
        )
        self.daily_activity_ratio = last_known("daily_activity_ratio", f"Active / base {last}")
        self.daily_retention_ratio = last_known(
            "daily_retention_ratio", f"Persons of the base with an event in 30 days / base {last}"
        )
        self.daily_churn_ratio = last_known("daily_churn_ratio", f"Churned in 30 days / base {last}")
        self.daily_phase = of_merger("daily_phase", f"1 for the phase of the product {last}", "phase")
        self.daily_goal_ratio = of_merger("daily_goal_ratio", f"Value / target of a goal {last}", "metric")

        # -- the machine ----------------------------------------------------------------------------------
        self.lag = gauge(
            "lag_records", "Records of the input partition that are not applied yet.", "partition"
        )
        self.lag_seconds = gauge(
            "lag_seconds",
            "How long ago the oldest record that is not applied yet came to Kafka; 0 where there is none.",
            "partition",
        )
        self.rekeyed_lag = gauge(
            "rekeyed_lag_records",
            "With input.keyed = false: records of the internal topic's partition that are not applied yet.",
            "partition",
        )
        self.waiting = gauge(
            "waiting_records",
            "With input.keyed = false: records that wait for a join with another partition.",
            "partition",
        )
        self.watermark_age = gauge(
            "watermark_age_seconds",
            "Wall clock minus the watermark: how far behind the present the partition's state is.",
            "partition",
        )
        self.event_latency = histogram(
            "event_latency_seconds",
            "From an event's own time until what it changed was committed (sampled, and weighted).",
            _LATENCY_SECONDS,
        )
        self.arrival_latency = histogram(
            "arrival_latency_seconds",
            "From a record's arrival in Kafka until what it changed was committed (sampled, and weighted).",
            _LATENCY_SECONDS,
        )
        self.checkpoint_age = gauge(
            "checkpoint_age_seconds",
            "How long the oldest change that is not in a checkpoint yet has waited; 0 without one.",
            "partition",
        )
        self.batch_records = histogram("batch_records", "Records processed in one go.", _BATCH_RECORDS)
        self.batch_seconds = histogram("batch_seconds", "Time to process them.", _BATCH_SECONDS)
        self.checkpoint_seconds = histogram(
            "checkpoint_seconds",
            "Time from a checkpoint's snapshot until it is durable; processing goes on meanwhile.",
            _CHECKPOINT_SECONDS,
        )
        self.recovery_records = counter("recovery_records", "Changelog records read to restore state.")
        self.recovery_seconds = histogram(
            "recovery_seconds",
            "Time to restore a partition; those of one rebalance are restored together.",
            _RECOVERY_SECONDS,
        )
        self.restoring = gauge(
            "restoring_records",
            "Changelog records left to read before processing goes on; 0 while it does.",
        )
        self.rebalance_seconds = histogram(
            "rebalance_seconds",
            "How long processing stood still for a rebalance, restoring included; not the start.",
            _REBALANCE_SECONDS,
        )
        self.stopped_seconds = counter(
            "stopped_seconds", "Time for which processing has stood still for rebalances."
        )
        self.rebalances = counter(
            "rebalances", "Rebalances that this worker took part in, its first among them."
        )
        self.standby_partitions = gauge(
            "standby_partitions", "Partitions of other workers of which this one keeps a copy."
        )
        self.standby_behind = gauge(
            "standby_behind_records", "Changelog records that these copies have not read yet."
        )
        self.partitions = gauge("partitions", "Input partitions owned.")
        self.store_bytes = gauge(
            "store_bytes", "Size of the partition's local store on disk; none with memory.", "partition"
        )
        self.ready = gauge("ready", "1 while /readyz says so: restored, and within web.ready_within.")
        self.worker = Info(
            "footfall_worker",
            "Constant 1: the worker's version and guarantee, and the hashes of its definitions.",
            registry=registry,
        )
        # process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds …
        ProcessCollector(registry=registry)

        # -- its pages --------------------------------------------------------------------------------------
        self.http_requests = counter(
            "http_requests", "Requests answered, by route and status.", "route", "status"
        )
        self.event_streams = gauge("event_streams", "Clients that follow /events now.")

        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Have every known label there before it counts.

        Prometheus' `increase` does not see the 1 that a series begins with, and so would not see the first
        dead letter, or the only incident of a week.
        """
        for destination in ("applied", "late", "duplicate", "ignored", "dead_letter"):
            self.events.labels(destination)
        for dead in get_args(DeadReason):
            self.dead_letters.labels(dead)
        for result in ("joined", "unjoined"):
            self.joins.labels(result)
        for reason in get_args(Reason):
            self.transitions.labels("tier" if reason.startswith("tier_") else "lifecycle", reason)
        for status in get_args(WindowStatus):
            self.windows.labels(status)
        for direction, severity in product(get_args(Direction), get_args(Severity)):
            self.incidents.labels(direction, severity)
        for result in ("forwarded", "refused"):
            self.feedback.labels(result)

    def expect_key_events(self, names: Iterable[str]) -> None:
        """Have those of the definition there at 0, too."""
        for name in names:
            self.key_events.labels(name)

    def by_partition(self) -> tuple[Gauge, ...]:
        """The gauges that hold for owned partitions only, and go when the partition goes."""
        return (
            self.people,
            self.people_by_tier,
            self.active_people,
            self.open_visits,
            self.profiles,
            self.lag,
            self.lag_seconds,
            self.rekeyed_lag,
            self.waiting,
            self.watermark_age,
            self.checkpoint_age,
            self.store_bytes,
        )

    def of_the_merger(self) -> Sequence[Gauge]:
        """The gauges that only the worker with the merger has."""
        return self._of_the_merger

    def render(self) -> bytes:
        """All metrics as of now, in the Prometheus text format."""
        self.before_render()
        return generate_latest(self.registry)
