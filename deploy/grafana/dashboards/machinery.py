"""The lower half of *Operations*: rebalances and recovery, what the workers cost, and the merger."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.dashboards.panels import bars, trend
from deploy.grafana.dashboards.promql import (
    Query,
    by_worker,
    mean,
    of_merger,
    over_partitions,
    per_minute,
    per_second,
    percentile,
    select,
    within,
    worst_partitions,
)


def stops(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Rebalances and recovery"))
    found.with_panel(
        bars(
            "Rebalances",
            "Rebalances that assigned partitions to a worker, in five minutes; none but when workers "
            "come, go or die.",
            "short",
            Query(within("5m", "footfall_rebalances_total"), "rebalances"),
        )
    )
    found.with_panel(
        trend(
            "Standing still",
            "The share of the workers' time in which processing stood still for rebalances; 0, and "
            "seconds after one.",
            "percentunit",
            Query(
                f"{per_second('footfall_stopped_seconds_total')} / count({select('footfall_worker_info')})",
                "standing still",
            ),
            limits={0.05: "red"},
        )
    )
    found.with_panel(
        trend(
            "A rebalance stops for",
            "How long processing stood still for a rebalance, restoring included, over the last hour: the "
            "mean, and of that 95 %; a second or two.",
            "s",
            Query(mean("footfall_rebalance_seconds", over="1h"), "mean"),
            Query(percentile(95, "footfall_rebalance_seconds", over="1h"), "95 %"),
            limits={10: "red"},
        )
    )
    found.with_panel(
        trend(
            "Left to restore",
            "Records still to be read back before processing goes on, over all workers, and those that "
            "standby copies are behind; 0 but after a rebalance.",
            "short",
            Query(f"sum({select('footfall_restoring_records')})", "to restore"),
            Query(f"sum({select('footfall_standby_behind_records')})", "standby copies behind"),
            width=6,
        )
    )
    found.with_panel(
        trend(
            "Recovery reads",
            "Changelog records read a second to restore state; 0 but after a rebalance or a start.",
            "cps",
            Query(per_second("footfall_recovery_records_total"), "records"),
            width=6,
        )
    )
    found.with_panel(
        trend(
            "Restoring a partition takes",
            "Time to restore a partition, over the last hour: the mean, and of that 95 %; seconds, by how "
            "many persons there are.",
            "s",
            Query(mean("footfall_recovery_seconds", over="1h"), "mean"),
            Query(percentile(95, "footfall_recovery_seconds", over="1h"), "95 %"),
            width=6,
        )
    )
    found.with_panel(
        trend(
            "Partitions, by worker",
            "Input partitions of each of ten workers, and copies kept for others; evenly spread.",
            "short",
            Query(by_worker("footfall_partitions"), "{{instance}}"),
            Query(f"sum({select('footfall_standby_partitions')})", "standby copies"),
            width=6,
        )
    )


def resources(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Resources"))
    found.with_panel(
        trend(
            "Memory, by worker",
            "Resident memory of the ten largest workers; level once the hot persons are in, and below "
            "what the host grants.",
            "bytes",
            Query(by_worker("process_resident_memory_bytes"), "{{instance}}"),
        )
    )
    found.with_panel(
        trend(
            "CPU, by worker",
            "Cores used by the ten busiest workers; a worker uses hardly more than one, and at one it is "
            "at its limit.",
            "percentunit",
            Query(
                "topk(10, sum by (instance) "
                f"(rate({select('process_cpu_seconds_total')}[$__rate_interval])))",
                "{{instance}}",
            ),
            limits={0.9: "red"},
        )
    )
    found.with_panel(
        trend(
            "Store size, by partition",
            "Size of the local stores on disk of the ten largest partitions; it grows with the persons, "
            "and is gone with a worker's disk.",
            "bytes",
            Query(worst_partitions("footfall_store_bytes"), "{{partition}}"),
        )
    )
    found.with_panel(
        trend(
            "Profiles held",
            "Profiles of all partitions: registered persons, prospects, and redirects of joined ids; "
            "about as many as there are people.",
            "short",
            Query(over_partitions("footfall_profiles"), "profiles"),
        )
    )
    found.with_panel(
        bars(
            "Requests, by route and status",
            "HTTP requests answered a second, the ten most frequent; scrapes and probes always, pages while "
            "somebody looks.",
            "reqps",
            Query(
                f"topk(10, {per_second('footfall_http_requests_total', 'route', 'status')})",
                "{{route}} {{status}}",
            ),
        )
    )
    found.with_panel(
        trend(
            "Open files, and clients of the page",
            "File descriptors of the worker that has most, and clients that follow `/events`; both level.",
            "short",
            Query(f"max({select('process_open_fds')})", "files"),
            Query(f"sum({select('footfall_event_streams')})", "clients"),
        )
    )


def merger(found: dashboard.Dashboard) -> None:
    found.with_row(dashboard.Row("Merger"))
    found.with_panel(
        trend(
            "Parts not merged, by partition",
            "Parts of windows and days that wait for the merger, in the ten worst partitions; near 0.",
            "short",
            Query(worst_partitions("footfall_parts_lag_records"), "{{partition}}"),
            limits={1000: "red"},
        )
    )
    found.with_panel(
        trend(
            "Age of engagement",
            "Wall clock less the end of the last final window; a window and its lateness, more where "
            "history is read.",
            "s",
            Query(f"max({select('footfall_engagement_age_seconds')})", "age"),
        )
    )
    found.with_panel(
        trend(
            "Parts and windows per minute",
            "Parts merged, and records of engagement published by status; steady, about one final record a "
            "series and window.",
            "cpm",
            Query(per_minute("footfall_parts_total"), "parts"),
            Query(per_minute("footfall_windows_total", "status"), "{{status}}"),
        )
    )
    found.with_panel(
        bars(
            "Incidents opened",
            "Incidents opened in an hour, by severity and direction; a few a week.",
            "short",
            Query(
                within("1h", "footfall_incidents_total", "severity", "direction"),
                "{{severity}} {{direction}}",
            ),
        )
    )
    found.with_panel(
        trend(
            "Daily reports",
            "Daily reports published in 24 hours; 1 when the stream is live, more while history is read.",
            "short",
            Query(within("24h", "footfall_daily_reports_total"), "reports"),
        )
    )
    found.with_panel(
        trend(
            "Incidents shown",
            "Incidents that `/metrics` shows, at most 50, the gravest first; the rest are in the "
            "incidents topic.",
            "short",
            Query(f"count({of_merger('footfall_incident_open', 'incident')}) or vector(0)", "shown"),
        )
    )
