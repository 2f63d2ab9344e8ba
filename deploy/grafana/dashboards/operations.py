"""The dashboard *Operations*: whether the workers keep up, commit, recover, and what they cost."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, timeseries

from deploy.grafana.dashboards.frame import board
from deploy.grafana.dashboards.machinery import merger, resources, stops
from deploy.grafana.dashboards.panels import bars, number, trend
from deploy.grafana.dashboards.promql import (
    Query,
    mean,
    over_partitions,
    per_minute,
    per_second,
    percentile,
    select,
    share,
    worst_partitions,
)

EVENTS = "footfall_events_total"


def operations() -> dashboard.Dashboard:
    """Refreshed every ten seconds; shows the last hour."""
    found = board(
        "footfall-operations",
        "Footfall: Operations",
        "Whether the workers keep up, commit, recover, and what they cost.",
        since="now-1h",
        refresh="10s",
    )
    _overview(found)
    _behind(found)
    _throughput(found)
    _refused(found)
    stops(found)
    resources(found)
    merger(found)
    return found


def _overview(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Overview"))
    workers = f"count({select('footfall_worker_info')})"
    found.with_panel(
        number(
            "Workers not ready",
            "Workers that restore or are further behind than `web.ready_within`; normally 0.",
            "short",
            Query(f"{workers} - sum({select('footfall_ready')})", "not ready"),
            limits={1: "red"},
        )
    )
    found.with_panel(
        number(
            "Workers",
            "Workers that Prometheus reaches; as many as were started.",
            "short",
            Query(workers, "workers"),
        )
    )
    found.with_panel(
        number(
            "Behind",
            "How long ago the oldest record that is not applied yet came, in the worst partition; below a "
            "second or two.",
            "s",
            Query(f"max({select('footfall_lag_seconds')})", "seconds"),
            limits={10: "yellow", 60: "red"},
        )
    )
    found.with_panel(
        number(
            "Latency, 95 %",
            "From a record's arrival in Kafka until what it changed was committed; about "
            "`commit_interval` and a little.",
            "s",
            Query(percentile(95, "footfall_arrival_latency_seconds"), "95 %"),
            limits={2.5: "yellow", 10: "red"},
        )
    )
    found.with_panel(
        number(
            "Dead letters",
            "The share of all records read that are no events; normally 0, or what your producers always "
            "send.",
            "percentunit",
            Query(share(EVENTS, EVENTS, where='destination="dead_letter"'), "dead letters"),
            limits={0.001: "yellow", 0.01: "red"},
        )
    )
    found.with_panel(
        number(
            "Partitions owned",
            "Input partitions that workers own; fewer than the topic has means that some are not read.",
            "short",
            Query(f"sum({select('footfall_partitions')})", "partitions"),
        )
    )


def _behind(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Behind"))
    found.with_panel(
        trend(
            "Lag in records, by partition",
            "Records of the ten worst input partitions that are not applied yet; a saw near 0, not a slope.",
            "short",
            Query(worst_partitions("footfall_lag_records"), "{{partition}}"),
        )
    )
    found.with_panel(
        trend(
            "Lag in seconds, by partition",
            "How long the oldest record that is not applied yet has waited, in the ten worst partitions; "
            "below a second or two.",
            "s",
            Query(worst_partitions("footfall_lag_seconds"), "{{partition}}"),
            limits={60: "red"},
        )
    )
    found.with_panel(
        trend(
            "Age of the watermark, by partition",
            "Wall clock less the watermark, in the ten worst partitions; `allowed_lateness` and a little, "
            "more where history is read or nothing comes.",
            "s",
            Query(worst_partitions("footfall_watermark_age_seconds"), "{{partition}}"),
        )
    )
    found.with_panel(
        trend(
            "Age of the checkpoint, by partition",
            "Time since the last checkpoint while there is something to write, in the ten worst partitions; "
            "about `commit_interval`.",
            "s",
            Query(worst_partitions("footfall_checkpoint_age_seconds"), "{{partition}}"),
            limits={30: "red"},
        )
    )
    found.with_panel(
        _percentiles(
            "Checkpoints take",
            "From a checkpoint's snapshot until it is durable in Kafka, while processing goes on; tens of "
            "milliseconds.",
            "footfall_checkpoint_seconds",
        )
    )
    found.with_panel(
        trend(
            "Waiting for other partitions",
            "Only with `input.keyed = false`: records on the internal topic that are not applied yet, and "
            "records that wait for a join; near 0.",
            "short",
            Query(over_partitions("footfall_rekeyed_lag_records"), "not applied"),
            Query(over_partitions("footfall_waiting_records"), "wait for a join"),
        )
    )
    found.with_panel(
        _percentiles(
            "From arrival to committed",
            "From a record's arrival in Kafka until what it changed was committed; about "
            "`commit_interval` and a little.",
            "footfall_arrival_latency_seconds",
            width=12,
        )
    )
    found.with_panel(
        _percentiles(
            "From event time to committed",
            "The same from the event's own time: also what devices and producers hold back; large while "
            "history is read.",
            "footfall_event_latency_seconds",
            width=12,
        )
    )


def _throughput(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Throughput"))
    found.with_panel(
        bars(
            "Records, by where they went",
            "Records read a second, by destination; nearly all are applied.",
            "cps",
            Query(per_second(EVENTS, "destination"), "{{destination}}"),
            colours={
                "applied": "green",
                "ignored": "text",
                "late": "yellow",
                "duplicate": "blue",
                "dead_letter": "red",
            },
        )
    )
    found.with_panel(
        _percentiles(
            "Records in a batch",
            "How many records are processed in one go; full batches (2,000) for long mean that a worker "
            "is at its limit.",
            "footfall_batch_records",
            unit="short",
        )
    )
    found.with_panel(
        trend(
            "A batch takes",
            "The mean time to process a batch, and of that 95 %; milliseconds, and it grows with the batch.",
            "s",
            Query(mean("footfall_batch_seconds"), "mean"),
            Query(percentile(95, "footfall_batch_seconds"), "95 %"),
        )
    )


def _refused(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Put aside"))
    found.with_panel(
        bars(
            "Dead letters, by reason",
            "Records a minute that are no events, the ten most frequent reasons; none, or what your "
            "producers always send.",
            "cpm",
            Query(f"topk(10, {per_minute('footfall_dead_letters_total', 'reason')})", "{{reason}}"),
        )
    )
    found.with_panel(
        trend(
            "Late and duplicate",
            "The shares of the records read that came after the watermark, that had come before, and that "
            "only their window no longer took; each is small and steady.",
            "percentunit",
            Query(share(EVENTS, EVENTS, where='destination="late"'), "late"),
            Query(share(EVENTS, EVENTS, where='destination="duplicate"'), "duplicate"),
            Query(share("footfall_late_for_window_total", EVENTS), "late for window"),
            limits={0.05: "red"},
        )
    )
    found.with_panel(
        trend(
            "Joins of anonymous persons",
            "Anonymous persons joined to a user a minute; unjoined are those on another partition than their "
            "user, which `input.keyed = false` avoids.",
            "cpm",
            Query(per_minute("footfall_joins_total", "result"), "{{result}}"),
        )
    )


def _percentiles(
    title: str, description: str, histogram: str, *, unit: str = "s", width: int = 8
) -> timeseries.Panel:
    """Median, 95 and 99 % of a histogram over all workers."""
    queries = [Query(percentile(percent, histogram), f"{percent} %") for percent in (50, 95, 99)]
    return trend(title, description, unit, *queries, width=width)
