"""A Prometheus that watches a product come: two workers, one of them joining late, and every trouble."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from tests.deploy.boards import Asked
from tests.deploy.prometheus import Prometheus, Ranges, Samples
from tests.deploy.truth import (
    PARTITIONS,
    SETTINGS,
    UNTIL_MS,
    Truth,
    midnight_ms,
    simulated,
    today,
    truth,
)
from tests.web.serving import Served, stage
from tests.worker.stage import simulated as events

SHOP, UNKEYED = "shop", "unkeyed"
"""The jobs: the product, and one whose input is not keyed by person."""
VARIABLES = {"job": SHOP, "series": "total", "dimension": "channel", "__rate_interval": "15s"}
LIMIT_S = 60.0

Shown = dict[str, float]
"""Values by the names that the legend gives them."""


class Watched(NamedTuple):
    """A Prometheus that has watched since `began_s`, what there was, and what the simulator had planted."""

    prometheus: Prometheus
    began_s: float
    truth: Truth
    viral: Mapping[str, float]

    def over_time(self, query: Asked, **variables: str) -> Ranges:
        """What a panel would draw, second by second."""
        expression = _with(query.expr, variables)
        return self.prometheus.query_range(expression, start_s=self.began_s, end_s=time.time())

    def now(self, query: Asked, **variables: str) -> Samples:
        """What it has now."""
        return self.prometheus.query(_with(query.expr, variables))

    def total(self, query: Asked, **variables: str) -> Shown:
        """What it shows now, with each counter as it stands instead of how fast it grows.

        A rate over a history that is read in seconds says nothing; what is summed by what, and which labels
        are left out, is the same.
        """
        expression = re.sub(
            r"(?:rate|increase)\((\w+\{[^}]*\})\[\w+\]\)", r"\1", _with(query.expr, variables)
        )
        found = self.prometheus.query(expression.replace("60 * ", ""))
        return {legend(query, labels): value for labels, value in found}


def legend(query: Asked, labels: Mapping[str, str]) -> str:
    """How a series is called. Raises KeyError where it lacks a label that the legend names."""
    return re.sub(r"{{(\w+)}}", lambda match: labels[match[1]], query.legend)


def _with(expression: str, variables: Mapping[str, str]) -> str:
    for name, value in {**VARIABLES, **variables}.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, expression
    return expression


@contextmanager
def watching(broker: str, folder: Path) -> Iterator[Watched]:
    """Everything is read, merged and scraped; the workers still run."""
    shop = stage(broker, folder.name + SHOP, _made(folder / SHOP), partitions=PARTITIONS, extra=SETTINGS)
    unkeyed = stage(
        broker, folder.name + UNKEYED, _made(folder / UNKEYED), extra='input.keyed = false\nidle_after = "1h"'
    )
    first, second = Served(shop), Served(shop, log="second.log")
    other = Served(unkeyed)
    product = simulated()
    log = product.early + product.main + product.end
    with ExitStack() as stack:
        # Meanwhile, on another core.
        counting = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        counted = counting.submit(truth, shop.settings.definition, log, int(time.time() * 1000))
        stack.enter_context(first)
        stack.enter_context(other)
        began_s = time.time()
        _scrape(folder, {SHOP: [first], UNKEYED: [other]})
        prometheus = stack.enter_context(Prometheus(config=_config(folder)))
        _owned(prometheus, PARTITIONS)
        asyncio.run(unkeyed.write(events(users=30, days=2)))
        asyncio.run(shop.write(product.early))
        _read(prometheus, len(product.early))
        _comes_to(prometheus, "max(footfall_checkpoint_age_seconds)", 0)
        # The second one takes over partitions, and restores them.
        stack.enter_context(second)
        _scrape(folder, {SHOP: [first, second], UNKEYED: [other]})
        _owned(prometheus, PARTITIONS // 2, PARTITIONS // 2)
        half = len(product.main) // 2
        asyncio.run(shop.write(product.main[:half]))
        _read(prometheus, len(product.early) + half)
        asyncio.run(second.get("/states"))
        asyncio.run(shop.write(product.main[half:] + product.end))
        _read(prometheus, len(log))
        _merged(prometheus)
        yield Watched(prometheus, began_s, counted.result(), product.viral)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _config(folder: Path) -> Path:
    """Scrapes what `_scrape` says, every second."""
    path = folder / "prometheus.yml"
    targets = {"files": [str(folder / "targets.json")], "refresh_interval": "1s"}
    job = {"job_name": "workers", "file_sd_configs": [targets]}
    # JSON is YAML.
    path.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
    return path


def _scrape(folder: Path, workers: Mapping[str, Sequence[Served]]) -> None:
    """Have these scraped from now on, each as the job that it belongs to."""
    found = [
        {"targets": [one.address.removeprefix("http://") for one in some], "labels": {"job": job}}
        for job, some in workers.items()
    ]
    fresh = folder / "targets.fresh"
    fresh.write_text(json.dumps(found))
    # So that no half of it is read.
    fresh.rename(folder / "targets.json")


def _owned(prometheus: Prometheus, *partitions: int) -> None:
    """Wait until each worker of the shop has so many."""
    prometheus.wait_for(
        'footfall_partitions{job="shop"}',
        lambda found: sorted(value for _, value in found) == list(partitions),
        within_s=LIMIT_S,
    )


def _read(prometheus: Prometheus, records: int) -> None:
    """Wait until both workers together have read so many."""
    _comes_to(prometheus, "sum(footfall_events_total)", records)


def _merged(prometheus: Prometheus) -> None:
    """Wait until the last day and the last window are there, and the one under way for some scrapes."""
    _comes_to(prometheus, "footfall_daily_day_timestamp_seconds", midnight_ms(today()) / 1000 - 86_400)
    window_end = 'footfall_engagement_window_end_timestamp_seconds{status="final"}'
    _comes_to(prometheus, window_end, UNTIL_MS / 1000)
    # What moved the watermarks, one event a partition; provisional windows are published every ten seconds.
    moved = 'footfall_engagement_events{job="shop", series="total", status="provisional"}'
    prometheus.wait_for(f"count_over_time(({moved} == {PARTITIONS})[10s:1s]) > 2", within_s=LIMIT_S)


def _comes_to(prometheus: Prometheus, expression: str, value: float) -> None:
    selected = re.sub(r"(footfall_\w+)(?:\{([^}]*)\})?", r'\1{job="shop", \2}', expression).replace(
        ", }", "}"
    )
    prometheus.wait_for(selected, lambda found: [number for _, number in found] == [value], within_s=LIMIT_S)
