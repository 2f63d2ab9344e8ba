"""The page about all metrics: what each means, how they add up, and how they are scraped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram, Info

from stream.metrics.declared import Metrics

INTRODUCTION = """\
# Metrics

A worker serves these on `http://<web.host>:<web.port>/metrics` (6066 by default). The page is generated from
`stream/metrics`: `python -m stream.metrics docs/metrics.md`.

## Adding up

Each worker tells of the partitions that it owns, and of nothing else; so what holds for the product is a sum.

- A counter (`…_total`): `sum by (reason) (rate(footfall_dead_letters_total[5m]))`. A worker that starts
  counts from 0, which `rate` and `increase` see through: apply them first, then sum. Whatever values of a
  counter's labels are known beforehand are there at 0, so that the first dead letter is an increase.
- A gauge by partition that counts: `sum by (state) (max by (partition, state) (footfall_people))`. While a
  partition moves, two workers may show it; `max` takes it once. When a worker has died, its partitions are
  missing until others have taken them over: the sum is too low meanwhile, never too high.
- A gauge by partition that says how far behind it is: `max(footfall_lag_seconds)`, the worst.
- A gauge of the merger (engagement, incidents, the daily report): `max by (series, status)
  (footfall_engagement_people)`. One worker has the merger, and only that one shows them.
- A histogram: `histogram_quantile(0.99, sum by (le) (rate(footfall_event_latency_seconds_bucket[5m])))`.

Partitions are numbered anew in each `group`. Give the workers of each group a job of their own, and select it
(`footfall_people{job="footfall"}`), or partition 0 of one group hides that of another.

Labels take values from short lists: numbers of partitions, names of states, reasons. Others are bounded:
`key_event` by the definition, `series` by `metrics.series` (50), `incident` by 50. What users send (names of
events, channels, campaigns) adds no labels beyond that.

## Scraping

Every worker listens on a port of its own. On a host with several, say which, by `--web-port` or
`FOOTFALL_WEB__PORT`, and name them all:

```yaml
scrape_configs:
  - job_name: footfall
    static_configs:
      - targets: ["10.0.0.5:6066", "10.0.0.5:6067", "10.0.0.5:6068"]
```

`web.host` is 127.0.0.1 by default, which a Prometheus on another host does not reach. `--web-port 0` takes a
free port and says so in the log: fit for tests, not for a list of targets. `deploy/prometheus/prometheus.yml`
finds the workers by a name in the DNS instead. Setting the gauges takes less than a millisecond a partition;
nothing is counted that nobody scrapes.
"""


class Section(NamedTuple):
    """A heading of the page, what is to be said there, and the attribute of its first metric."""

    first: str
    heading: str
    text: str


SECTIONS = (
    Section("events", "The stream", "What came of records, since the worker has started."),
    Section(
        "people",
        "Who is there",
        "As of what has been applied; right also after a restart. An id that leads to another person, and "
        "whoever was deleted, is nobody. Active persons are counted as in the daily report: somebody deleted "
        "since then is among them, and who was a visitor and then registered is in both kinds. Today is the "
        "local day of the partition's newest event, or of the time that the others have come to.",
    ),
    Section(
        "parts",
        "Engagement",
        "Windows, incidents and reports of the whole product. Provisional windows are for panels that move; "
        "what they show may still change.",
    ),
    Section(
        "daily_day",
        "The last daily report",
        "The figures of a day that is over: they stand until the next report.",
    ),
    Section("lag", "The machine", "How far behind, how fast, how much."),
    Section("http_requests", "Its pages", "What the worker is asked."),
)


def reference() -> str:
    """docs/metrics.md: every metric with its type, labels and meaning."""
    return "\n".join((INTRODUCTION, *_sections(Metrics())))


def _sections(metrics: Metrics) -> Iterator[str]:
    """Each with its metrics: those that are declared from its first one on, up to the next section's."""
    rows: dict[str, list[str]] = {section.first: [] for section in SECTIONS}
    current: list[str] = []
    for name, metric in vars(metrics).items():
        current = rows.get(name, current)
        if isinstance(metric, Counter | Gauge | Histogram | Info):
            current.append(_row(metric))
    for section in SECTIONS:
        table = "\n".join(("| metric | type | labels | meaning |", "|---|---|---|---|", *rows[section.first]))
        yield f"## {section.heading}\n\n{section.text}\n\n{table}\n"


def _row(metric: Counter | Gauge | Histogram | Info) -> str:
    suffix = {"counter": "_total", "info": "_info"}.get(metric._type, "")
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return f"| `{metric._name}{suffix}` | {metric._type} | {labels} | {metric._documentation} |"
