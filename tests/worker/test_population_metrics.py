"""Who is there by several workers' metrics: a real Prometheus adds them up, also when one is killed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from stream.core.times import format_day, parse_ms
from tests.deploy.prometheus import Prometheus, Samples, need_prometheus
from tests.web.serving import Served
from tests.worker.stage import DAY_MS, START_MS, Event, Stage, closing, simulated

DAYS = 33
PARTITIONS = 4
GAP_MS = 30 * 60_000
LATENESS_MS = 10 * 60_000
MIDNIGHT_MS = START_MS + DAYS * DAY_MS
NAMES = ("Order Completed", "Checkout Started", "Product Added", "Product Shared")
HOSTILE = 400

SUMS = {
    "people": "sum by (state) (max by (partition, state) (footfall_people))",
    "tiers": "sum by (tier) (max by (partition, tier) (footfall_people_by_tier))",
    "active": "sum by (kind, days) (max by (partition, kind, days) (footfall_active_people))",
    "visits": "sum(max by (partition) (footfall_open_visits))",
}
KEY_EVENTS = "sum by (key_event) (footfall_key_events_total)"
SHOWN = "count(max by (partition) (footfall_open_visits))"

Figures = dict[str, dict[tuple[str, ...], float]]


async def test_sums_over_workers_are_exact_and_stay_so_when_one_is_killed(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    need_prometheus()
    here = Stage(tansu, topic_name("people"), tmp_path, partitions=PARTITIONS)
    await here.create_topics()
    last = MIDNIGHT_MS - 1 - LATENESS_MS  # the last moment of a day, less the lateness
    events = simulated(users=60, days=DAYS) + hostile(MIDNIGHT_MS - 3_600_000) + closing(PARTITIONS, last)
    await here.write(events)
    with ExitStack() as stack:
        served = [stack.enter_context(Served(here, log=f"worker-{n}.log")) for n in range(3)]
        workers = {worker.address.removeprefix("http://"): worker for worker in served}
        prometheus = stack.enter_context(Prometheus(targets=list(workers)))
        # Everything is over a day later: visits are closed by then, and the report of the day is there.
        replayed = await here.replay(events, tmp_path / "replayed", until_ms=MIDNIGHT_MS + DAY_MS)
        expected = figures_of(replayed, last)
        await asyncio.to_thread(equal, prometheus, expected)
        found = by_label(await asyncio.to_thread(prometheus.query, KEY_EVENTS))
        assert found == occurrences(events)
        await asyncio.to_thread(bounded, prometheus)
        await asyncio.to_thread(one_is_killed, prometheus, workers, expected)


def equal(prometheus: Prometheus, expected: Figures) -> None:
    """Wait until the sums over all workers are these."""
    for name, query in SUMS.items():
        wanted = expected[name]
        prometheus.wait_for(query, lambda found, wanted=wanted: by_label(found) == wanted, within_s=60)


def one_is_killed(prometheus: Prometheus, workers: dict[str, Served], expected: Figures) -> None:
    """The others take over, the sums are the same again, and not for a moment larger."""
    shares = prometheus.query("count by (instance) (footfall_open_visits)")
    assert len(shares) > 1, "one worker had all partitions: nothing was added up"
    killed, killed_at = shares[0][0]["instance"], time.time()
    workers[killed].process.kill()
    prometheus.wait_for(f'up{{instance="{killed}"}}', lambda found: found[0][1] == 0)
    prometheus.wait_for("sum(footfall_partitions)", lambda found: found == [({}, PARTITIONS)], within_s=60)
    equal(prometheus, expected)
    now = time.time()
    for name, query in SUMS.items():
        for labels, values in prometheus.query_range(query, start_s=killed_at, end_s=now):
            most = max(value for _, value in values)
            assert most == expected[name][of(labels)], (name, labels, values)
    ((_, shown),) = prometheus.query_range(SHOWN, start_s=killed_at, end_s=now)
    assert min(value for _, value in shown) < PARTITIONS  # its partitions were missed meanwhile


def bounded(prometheus: Prometheus) -> None:
    """Whatever values events have, there are no more labels than the definition and the settings allow."""
    names = prometheus.query("count(count by (key_event) (footfall_key_events_total))")
    assert names == [({}, len(NAMES))]
    prometheus.wait_for(
        "count(count by (series) (footfall_engagement_people))",
        lambda found: bool(found) and 5 < found[0][1] <= 50,
    )
    ((_, series),) = prometheus.query('count({job="footfall"})')
    assert series < 4_000


def by_label(samples: Samples) -> dict[tuple[str, ...], float]:
    return {of(labels): value for labels, value in samples}


def of(labels: dict[str, str]) -> tuple[str, ...]:
    """The values of labels, in the order of their names."""
    return tuple(labels[name] for name in sorted(labels))


def figures_of(replayed: dict[str, list[bytes]], watermark_ms: int) -> Figures:
    """What a replay of the same events says of the last day, and of the visits that were open then."""
    reports = [orjson.loads(line) for line in replayed["daily"]]
    last_day = format_day(MIDNIGHT_MS // DAY_MS - 1)
    day = next(report for report in reports if report["day"] == last_day)
    ends = [parse_ms(orjson.loads(line)["end"]) or 0 for line in replayed["visits"]]
    return {
        "people": {(state,): count for state, count in day["people_by_state"].items()},
        "tiers": {(tier,): count for tier, count in day["people_by_tier"].items()},
        "active": {
            (name.removeprefix("days_"), kind): count
            for kind, reached in (("registered", day["active"]), ("visitor", day["visitors"]))
            for name, count in reached.items()
        },
        "visits": {(): sum(end + GAP_MS >= watermark_ms for end in ends)},
    }


def occurrences(events: list[Event]) -> dict[tuple[str, ...], float]:
    """Key events by name, as the events have them."""
    bodies: list[dict[str, Any]] = [orjson.loads(value or b"") for _, value in events]
    found = Counter(body["event"] for body in bodies if body.get("event") in NAMES)
    return {(name,): found[name] for name in NAMES}


def hostile(at_ms: int) -> list[Event]:
    """Events of two persons, each with a name, a channel and a campaign that no other has."""
    return [
        (
            f"hostile-{n % 2}".encode(),
            orjson.dumps(
                {
                    "messageId": f"hostile-{n}",
                    "type": "track",
                    "event": f'Name "{n}"\n',
                    "userId": f"hostile-{n % 2}",
                    "timestamp": at_ms + n,
                    "context": {"channel": f"channel {n}", "campaign": {"name": f"campaign {n}"}},
                }
            ),
        )
        for n in range(HOSTILE)
    ]
