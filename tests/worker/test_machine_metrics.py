"""A worker's metrics of itself, and of what its merger published, against what stands in Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.agents.topics import CONTROL, ENGAGEMENT, PROFILES, changelog_topic
from stream.core.times import parse_ms
from tests.broker.log import read, write
from tests.engine.process import Process
from tests.worker.stage import DAY_MS, NERVOUS, START_MS, Stage, closing, simulated
from tests.worker.test_worker import get, metrics_address

SOON = 'idle_after = "1h"\ncommit_interval = "50ms"\n'
LIMIT_S = 60.0
OWNED = """
key_event = [{ name = "Order Completed", owner = "checkout" }, { name = "Product Added" }]
"""


class Scrape:
    """What a worker's `/metrics` says."""

    def __init__(self, text: str) -> None:
        self.samples = [
            (sample.name.removeprefix("footfall_"), sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The values of a metric by some of its labels."""
        return {
            tuple(found[label] for label in labels): value
            for sample, found, value in self.samples
            if sample == name
        }

    def total(self, name: str, **labels: str) -> float:
        """The sum of those with these labels."""
        return sum(
            value
            for sample, found, value in self.samples
            if sample == name and labels.items() <= found.items()
        )

    @property
    def has_merger(self) -> bool:
        return bool(self.by("open_incidents", "severity"))


async def scrape(address: str) -> Scrape:
    return Scrape(await get(address))


async def scraped(address: str, condition: Callable[[Scrape], bool]) -> Scrape:
    """The metrics, as soon as the condition holds of them."""
    found = Scrape("")
    try:
        async with asyncio.timeout(LIMIT_S):
            while not condition(found):
                await asyncio.sleep(0.02)
                found = await scrape(address)
    except TimeoutError:
        raise AssertionError(f"in {LIMIT_S} s it came to {found.samples}") from None
    return found


Published = dict[str, list[dict[str, Any]]]


async def published(here: Stage) -> Published:
    """The merger's records, in the order in which they were written: by output."""
    found: Published = {}
    for output in ("engagement", "incidents", "daily"):
        records = await read(here.address, here.settings.output_topic(output))
        in_order = sorted(records, key=lambda record: record.timestamp_ms)
        found[output] = [json.loads(record.value or b"") for record in in_order]
    return found


async def shows(address: str, here: Stage, *whats: Callable[[Scrape, Published], None]) -> None:
    """Wait until the metrics and the topics agree: more may come in between."""
    until = time.monotonic() + LIMIT_S
    await scraped(address, lambda found: found.has_merger and settled(found))
    while True:
        found, records = await scrape(address), await published(here)
        try:
            for what in whats:
                what(found, records)
        except AssertionError:
            if time.monotonic() > until:
                raise
        else:
            return


def the_open_incidents(found: Scrape, published: Published) -> None:
    last = {one["incident_id"]: one for one in published["incidents"] if not one["provisional"]}
    wanted = {name: one for name, one in last.items() if one["status"] != "resolved"}
    assert wanted
    owners = {(name, owner) for name, one in wanted.items() for owner in one["owners"] or [""]}
    assert found.by("incident_open", "incident", "owner") == dict.fromkeys(owners, 1)
    told = {(name, one["sentence"], one["since"]) for name, one in wanted.items()}
    assert found.by("incident_info", "incident", "sentence", "since") == dict.fromkeys(told, 1)
    assert found.total("open_incidents") == len(wanted)


def the_last_day(found: Scrape, published: Published) -> None:
    assert published["daily"]
    last = published["daily"][-1]
    midnight = parse_ms(f"{last['day']}T00:00:00Z")
    assert midnight is not None
    assert found.total("daily_day_timestamp_seconds") == midnight / 1000
    assert found.by("daily_people", "state") == {(s,): n for s, n in last["people_by_state"].items()}
    assert found.by("daily_people_by_tier", "tier") == {(t,): n for t, n in last["people_by_tier"].items()}
    assert found.by("daily_active_gained", "source") == {(s,): n for s, n in last["sources"].items()}
    assert found.by("daily_active_people", "kind", "days")["visitor", "7"] == last["visitors"]["days_7"]
    assert found.total("daily_visits") == last["traffic"]["visits"] > 0
    assert found.total("daily_churn_ratio") == last["churn_rate"]
    assert found.by("daily_phase", "phase") == {(last["phase"],): 1}


def the_last_window(found: Scrape, published: Published) -> None:
    rows = [row for row in published["engagement"] if row["status"] == "final"]
    assert rows
    end = max(row["end"] for row in rows)
    last = {row["series"]: row for row in rows if row["end"] == end}
    assert len(last) > 3
    for metric, key in (("events", "events"), ("people", "people"), ("engaged_people", "engaged")):
        shown = found.by(f"engagement_{metric}", "series", "status")
        assert {series: n for (series, status), n in shown.items() if status == "final"} == {
            series: row[key] for series, row in last.items()
        }
    bands = {
        (series, measure): band for series, row in last.items() for measure, band in row["bands"].items()
    }
    assert bands
    for metric in ("expected", "lower", "upper", "score"):
        shown = found.by(f"engagement_{metric}", "series", "measure")
        assert shown == {where: band[metric] for where, band in bands.items()}
    ends = found.by("engagement_window_end_timestamp_seconds", "status")
    assert ends["final",] == (parse_ms(end) or 0) / 1000


@pytest.mark.kafka
async def test_what_was_published_is_shown_and_still_is_after_kill_9(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    extra = SOON + OWNED + NERVOUS.replace("resolve_after = 1,", "resolve_after = 1000,")
    here = Stage(kafka, topic_name("shown"), tmp_path, partitions=2, extra=extra)
    await here.create_topics()
    await here.write(simulated(users=200, days=8))
    async with here.worker() as worker:
        address = metrics_address(await worker.says("metrics on"))
        await shows(address, here, the_last_window, the_open_incidents, the_last_day)
        await worker.kill()
    forget_stores(here)
    kept = 0
    for name in (PROFILES, ENGAGEMENT, CONTROL):
        kept += len(await read(here.address, changelog_topic(here.settings, name)))
    async with here.worker() as worker:
        address = metrics_address(await worker.says("metrics on"))
        restored = 2 + 1 + 1
        found = await scraped(address, lambda found: found.total("recovery_seconds_count") == restored)
        assert found.total("recovery_records_total") == kept
        assert found.total("restoring_records") == 0
        found = await scraped(address, lambda found: found.has_merger)
        the_open_incidents(found, await published(here))
        the_last_day(found, await published(here))
        # Not known any more, and not to be made up: it comes with the next window.
        assert not found.by("engagement_people", "series", "status")
        await here.write(closing(2, START_MS + 8 * DAY_MS + DAY_MS // 8))
        await shows(address, here, the_last_window, the_open_incidents, the_last_day)
        assert await worker.terminate() == 0


def forget_stores(here: Stage) -> None:
    """So that all is restored from Kafka; the member's name stays."""
    for folder in here.settings.data_dir.glob("*/worker-*/*/"):
        shutil.rmtree(folder)


@pytest.mark.kafka
async def test_two_workers_on_a_host_tell_of_themselves(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("two"), tmp_path, extra=SOON)
    await here.create_topics()
    events = simulated(users=200, days=5)
    await here.write(events)
    async with here.worker() as first, here.worker() as second:
        addresses = [metrics_address(await worker.says("metrics on")) for worker in (first, second)]
        for worker in (first, second):
            await worker.says("Ready")
        await here.works_it_off()
        before = [await scraped(address, settled) for address in addresses]
        # Each event once, by the event's own time and by its arrival.
        applied = sum(found.total("events_total", destination="applied") for found in before)
        assert applied == len(events)
        for name in ("event_latency_seconds", "arrival_latency_seconds"):
            assert sum(found.total(f"{name}_count") for found in before) == applied
        arrival_s = sum(found.total("arrival_latency_seconds_sum") for found in before) / applied
        event_s = sum(found.total("event_latency_seconds_sum") for found in before) / applied
        assert 0 < arrival_s < LIMIT_S
        assert event_s == pytest.approx(time.time() - START_MS / 1000 - 2.5 * 86_400, abs=2.5 * 86_400)
        for worker, found in zip((first, second), before, strict=True):
            resident = resident_bytes(worker)
            assert found.total("process_resident_memory_bytes") == pytest.approx(resident, rel=0.2)
            assert found.by("store_bytes", "partition").keys() == found.by("lag_records", "partition").keys()
            assert all(size > 0 for size in found.by("store_bytes", "partition").values())
            assert found.total("checkpoint_seconds_count") > 0
        assert sum(found.has_merger for found in before) == 1
        assert sum(bool(found.by("daily_visits")) for found in before) == 1
        # The one with the merger goes: the other has all of it, and says how long that took.
        merging = next(number for number, found in enumerate(before) if found.has_merger)
        staying = 1 - merging
        workers = [first, second]
        assert await workers[merging].terminate() == 0
        rebalances = before[staying].total("rebalance_seconds_count") + 1
        after = await scraped(
            addresses[staying], lambda found: found.total("rebalance_seconds_count") == rebalances
        )
        assert after.total("partitions") == 4
        assert after.has_merger
        assert after.by("daily_visits")
        assert after.total("rebalances_total") == before[staying].total("rebalances_total") + 1
        stopped_s = after.total("stopped_seconds_total") - before[staying].total("stopped_seconds_total")
        assert 0 < stopped_s < LIMIT_S
        assert after.total("recovery_records_total") > before[staying].total("recovery_records_total")
        assert await workers[staying].terminate() == 0


@pytest.mark.kafka
async def test_a_pause_makes_the_lag_rise_and_it_falls_again(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("paused"), tmp_path, partitions=2, extra=SOON)
    await here.create_topics()
    events = simulated(users=400, days=10)
    before, during = events[:100], events[100:]
    await here.write(before)
    async with here.worker() as worker:
        address = metrics_address(await worker.says("metrics on"))
        await scraped(address, settled)
        worker.send(signal.SIGSTOP)
        arrived_s = time.time() - WAITED_S
        topic = here.settings.input.topic
        await write(here.address, topic, during, timestamp_ms=int(arrived_s * 1000))
        worker.send(signal.SIGCONT)
        found = await scraped(address, lambda found: longest_wait(found) >= WAITED_S)
        assert longest_wait(found) <= time.time() - arrived_s
        assert found.total("lag_records") > 0
        found = await scraped(address, settled)
        assert found.total("arrival_latency_seconds_count") == len(events)
        assert found.total("arrival_latency_seconds_sum") >= WAITED_S * len(during)
        assert await worker.terminate() == 0


def longest_wait(found: Scrape) -> float:
    return max(found.by("lag_seconds", "partition").values(), default=0)


WAITED_S = 100
"""The records that come during the pause are stamped so long ago, so that nobody has to wait for it."""


async def test_what_is_not_keyed_arrives_in_the_input(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = Stage(tansu, topic_name("unkeyed"), tmp_path, extra=SOON + "input.keyed = false\n")
    await here.create_topics()
    events = simulated(users=50, days=5)
    await write(
        here.address, here.settings.input.topic, events, timestamp_ms=int((time.time() - WAITED_S) * 1000)
    )
    async with here.worker() as worker:
        address = metrics_address(await worker.says("metrics on"))

        def over(found: Scrape) -> bool:
            return found.total("events_total", destination="applied") == len(events) and settled(found)

        found = await scraped(address, over)
        assert found.total("event_latency_seconds_count") == len(events)
        assert found.total("arrival_latency_seconds_count") == len(events)
        assert found.total("arrival_latency_seconds_sum") >= WAITED_S * len(events)
        assert await worker.terminate() == 0


def resident_bytes(worker: Process) -> int:
    pages = Path(f"/proc/{worker.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def settled(found: Scrape) -> bool:
    """All is applied and written, and merged."""
    ages = found.by("checkpoint_age_seconds", "partition")
    lags = found.by("lag_seconds", "partition")
    return (
        bool(ages and lags)
        and not any(ages.values())
        and not any(lags.values())
        and len(lags) == found.total("partitions")
        and found.total("parts_lag_records") == 0
    )
