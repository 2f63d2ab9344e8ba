"""How a worker's cost grows: with persons, partitions, key events, series, lateness, commit interval, rate.

    python -m bench.growth [--only SWEEP …] [--rounds 2] [--events 120000]
    python -m bench.growth --plots      draw docs/img/growth-*.svg from the results, and fit the formula
    python -m bench.growth --check      one run that is not among the sweeps, against the formula

Starts Apache Kafka (needs Java 17 and Maven); each point is a worker of its own, pinned to a core, on the
benchmark's input (bench/input.py), and differs from the others of its sweep in one thing. All points of a
sweep are measured in turns, `--rounds` times, and the least counts. What is measured is the kernel's
processor time of the process, from when it is ready until everything is committed and merged. `rate` and
`commit-interval` are sweeps of a stream with an even pace, as operation is; the others work off what waits,
as after an outage.

The formula is a sum over what is done: events, key events, batches, checkpoints of a partition, rows (a
series in a window), and seconds in which a worker is there. Its prices are fitted over all points (least
squares of relative errors). Writes bench/results/growth.json, a sweep at a time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from bench.curves import Curve, draw
from bench.grown import samples
from bench.input import DAY_MS, START_MS, Record, cached
from bench.latency import pace
from bench.population import Chunks, coming, grow, placed, stands
from bench.rig import RESULTS, BenchError, Flow, Rig, Tell, Worker, machine, parser, rig, run, total

IMAGES = Path(__file__).parent.parent / "docs" / "img"
WRITTEN = RESULTS / "growth.json"
PARTITIONS = 8
TOPICS = ("visits", "transitions", "late", "dead-letters", "engagement", "daily", "incidents")
PACED_S = 12
TRACKED = (b"Product Viewed", b"Products Searched", b"Product Added", b"Product Shared")
SHOP = ("Order Completed", "Checkout Started", "Product Added", "Product Shared")

Change = Callable[[bytes, bytes], bytes]
"""From a record's key and value, another value."""


class Point(NamedTuple):
    """A worker's settings and its input. `per_second` 0: all of it waits."""

    x: float
    settings: str = ""
    partitions: int = PARTITIONS
    change: Change | None = None
    per_second: int = 0


def _key_events(names: Sequence[str]) -> str:
    return "".join(f'\n[[key_event]]\nname = "{name}"\n' for name in names)


def _renamed(count: int) -> Change:
    """Half of the track events are of `count` names, evenly: as many key events then, of all sizes."""
    old = b'"event":"Product Viewed"'

    def change(key: bytes, value: bytes) -> bytes:
        return value.replace(old, b'"event":"Step %d"' % (crc32(value) % count)) if old in value else value

    return change


def _channels(count: int) -> Change:
    """Channels by the person: `count` of them, evenly."""

    def change(key: bytes, value: bytes) -> bytes:
        at = value.find(b'"channel":"') + 11
        if at < 11:
            return value
        return b"%bch%d%b" % (value[:at], sum(key) % count, value[value.find(b'"', at) :])

    return change


def _steps(count: int) -> list[str]:
    return [f"Step {number}" for number in range(count)]


SWEEPS: Mapping[str, tuple[str, str, list[Point]]] = {
    "rate": (
        "Events a second, at an even pace",
        "events/s",
        [Point(rate, per_second=rate) for rate in (1_000, 2_500, 5_000, 10_000, 20_000)],
    ),
    "commit-interval": (
        "Commit interval, at 4,000 events/s",
        "ms",
        [Point(ms, f'commit_interval = "{ms}ms"', per_second=4_000) for ms in (100, 200, 500, 1_000, 3_000)],
    ),
    "partitions": (
        "Partitions of the input",
        "partitions",
        [Point(count, partitions=count) for count in (1, 4, 8, 16, 32)],
    ),
    "key-events": (
        "Key events defined, a third of the events between them",
        "key events",
        [Point(n, _key_events(_steps(n)), change=_renamed(n)) for n in (1, 4, 16, 64, 200)],
    ),
    "key-share": (
        "Share of events that are key events",
        "% of events",
        [
            Point(0, _key_events(["Nothing"])),
            Point(2, _key_events(["Order Completed"])),
            Point(15, _key_events(SHOP)),
            Point(35, _key_events([*SHOP, "Product Viewed"])),
            Point(40, _key_events([*SHOP, "Product Viewed", "Products Searched"])),
        ],
    ),
    "series": (
        "Series (values of a dimension), windows of a minute",
        "values",
        [
            Point(n, 'engagement.dimensions = ["channel"]\nengagement.max_values = 1000', change=_channels(n))
            for n in (1, 10, 50, 150, 400)
        ],
    ),
    "lateness": (
        "Allowed lateness",
        "minutes",
        [Point(m, f'allowed_lateness = "{m}m"') for m in (0, 1, 10, 60, 360)],
    ),
}
PERSONS = (50_000, 500_000, 5_000_000)
LIMIT_MIB = 2_048
"""Of private memory for each worker of the sweep over persons."""
CHECK = Point(
    0,
    'commit_interval = "1s"\nengagement.dimensions = ["channel", "tier"]\n' + _key_events(["Product Added"]),
    partitions=12,
    change=_channels(40),
    per_second=8_000,
)
PRICES = ("events", "key_events", "batches", "checkpoints", "rows", "seconds")
ALL = (*SWEEPS, "persons")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", action="append", choices=ALL, metavar="SWEEP", help=", ".join(ALL))
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--events", type=int, default=120_000, help="of each point that is not paced")
    options.add_argument(
        "--persons", type=int, action="append", help=f"points of the sweep over persons: {PERSONS}"
    )
    options.add_argument("--plots", action="store_true", help="only draw and fit what is there")
    options.add_argument("--check", action="store_true", help="only the run that checks the formula")
    given = options.parse_args()
    if given.plots:
        plots()
    elif given.check:
        run(check(given))
    else:
        run(bench(given))


async def bench(given: argparse.Namespace) -> None:
    for name in given.only or ALL:
        tell = Tell()
        if name == "persons":
            found = await over_persons(given, tell)
        else:
            found = await sweep(given, name, tell)
        stored = read()
        stored["machine"] = machine()
        stored.setdefault("sweeps", {})[name] = found
        store(stored)
        print(orjson.dumps({name: found}, option=orjson.OPT_INDENT_2).decode())
    plots()


async def sweep(given: argparse.Namespace, name: str, tell: Tell) -> list[dict[str, float]]:
    points = SWEEPS[name][2]
    measured: dict[float, list[dict[str, float]]] = {point.x: [] for point in points}
    async with rig(tell) as running:
        for number in range(given.rounds):
            for point in points if number % 2 == 0 else points[::-1]:
                cost = await measure(running, point, given.events)
                tell.step(f"{name} {point.x:g}, round {number + 1}: {cost['cpu_us']:.1f} µs an event")
                measured[point.x].append(cost)
    if name == "key-share":
        # Beforehand, the share of each name was but a guess.
        measured = {
            round(100 * costs[0]["key_events"] / costs[0]["events"], 1): costs for costs in measured.values()
        }
    return [
        {"x": x, **min(costs, key=lambda cost: cost["cpu_us"]), "all_cpu_us": [c["cpu_us"] for c in costs]}
        for x, costs in measured.items()
    ]


async def measure(running: Rig, point: Point, events: int) -> dict[str, float]:
    """One worker on one input, from when it is ready until all is committed."""
    if point.per_second:
        events = point.per_second * PACED_S
    chunks = changed(cached(events, partitions=point.partitions), point.change)
    name = running.next_name()
    await running.create_topic(name, point.partitions)
    flow = await running.flow(point.settings, topic=name, partitions=point.partitions)
    async with flow.worker() as worker:
        await worker.owns(point.partitions)
        return await cost_of(flow, [worker], chunks, point.per_second)


def changed(chunks: Iterator[list[list[Record]]], change: Change | None) -> Chunks:
    if change is None:
        return list(chunks)
    return [
        [[one._replace(value=change(one.key, one.value)) for one in some] for some in chunk]
        for chunk in chunks
    ]


async def cost_of(
    flow: Flow, workers: Sequence[Worker], chunks: Chunks, per_second: int = 0
) -> dict[str, float]:
    """Write the input, wait until it is committed, and say what was done and what it took."""
    running, worker = flow.rig, workers[0]
    topics = [f"{flow.name}.{name}" for name in TOPICS]
    topics += [f"{flow.name}-{name}" for name in ("profiles-changelog", "engagement-changelog", "partials")]
    bytes_before = {topic: running.log_bytes(topic) for topic in topics}
    rows_before = await running.count(f"{flow.name}.engagement")
    before, cpu_s, began = await worker.metrics(), worker.cpu_s, time.monotonic()
    if per_second:
        await pace(running, chunks, per_second, flow.topic)
        events = sum(len(some) for chunk in chunks for some in chunk)
    else:
        events = await running.fill(flow.topic, placed(chunks))
    await worker.caught_up()
    used_s, seconds, after = worker.cpu_s - cpu_s, time.monotonic() - began, await worker.metrics()

    def more(name: str) -> float:
        return total(after, name) - total(before, name)

    # A topic's records with the marks that end its transactions, which are few beside them.
    rows = await running.count(f"{flow.name}.engagement") - rows_before
    written = {topic: running.log_bytes(topic) - bytes_before[topic] for topic in topics}
    return {
        "cpu_us": round(used_s / events * 1e6, 2),
        "cpu_s": round(used_s, 3),
        "seconds": round(seconds, 2),
        "events": events,
        "key_events": more("footfall_key_events_total"),
        "visits": more("footfall_visits_total"),
        "batches": more("footfall_batch_records_count"),
        "checkpoints": more("footfall_checkpoint_seconds_count"),
        "rows": rows,
        "rss_mib": round(worker.status_mib("VmRSS")),
        **{
            f"{topic.removeprefix(flow.name)[1:]}_bytes_an_event": round(size / events, 1)
            for topic, size in written.items()
            if size
        },
    }


async def over_persons(given: argparse.Namespace, tell: Tell) -> list[dict[str, float]]:
    """The same number of events of populations of several sizes: workers at the same time, fed in turns."""
    sizes = given.persons or PERSONS
    ways = {"zipf": (1.0, START_MS), "evenly": (0.0, START_MS + 5 * DAY_MS)}
    tell.step("the input, and samples of persons")
    inputs = {
        (size, way): coming(given.events, size, zipf, start_ms)
        for size in sizes
        for way, (zipf, start_ms) in ways.items()
    }
    found = samples()
    results: dict[int, dict[str, Any]] = {size: {"x": size} for size in sizes}
    async with rig(tell) as running, AsyncExitStack() as stack:
        workers: dict[int, Worker] = {}
        for size in sizes:
            name = running.next_name()
            await running.create_topic(name, PARTITIONS)
            flow = await running.flow(topic=name, partitions=PARTITIONS)
            await grow(flow, found, size, [inputs[size, way] for way in ways])
            tell.step(f"a worker restores {size:,} persons")
            workers[size] = await stack.enter_async_context(flow.worker(limit_mib=LIMIT_MIB))
            ready_s = await workers[size].ready(within_s=1_200.0)
            results[size] |= {"ready_after_s": round(ready_s, 1), "restored": await stands(workers[size])}
        for way in ways:
            costs: dict[int, list[float]] = {size: [] for size in sizes}
            for number in range(given.rounds):
                for size in sizes:
                    chunks = inputs[size, way]
                    part = chunks[
                        len(chunks) * number // given.rounds : len(chunks) * (number + 1) // given.rounds
                    ]
                    cost = await cost_of(workers[size].flow, [workers[size]], part)
                    tell.step(f"{size:,} persons, {way}: {cost['cpu_us']:.1f} µs an event")
                    costs[size].append(cost["cpu_us"])
                    results[size]["rss_mib"] = cost["rss_mib"]
            for size in sizes:
                results[size][way] = {
                    "cpu_us": min(costs[size]),
                    "all_cpu_us": costs[size],
                    "times_the_smallest": round(min(costs[size]) / min(costs[sizes[0]]), 3),
                }
        for size in sizes:
            store = sum(file.stat().st_size for file in workers[size].flow.data.rglob("*") if file.is_file())
            results[size]["disk_bytes_a_person"] = round(store / size)
            results[size]["peak_rss_mib"] = round(workers[size].status_mib("VmHWM"))
    return list(results.values())


# -- the formula ----------------------------------------------------------------------------------


def fit(points: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Prices in µs of processor time: least squares of the points' relative errors; none below zero."""
    import numpy

    names = list(PRICES)
    while True:
        rows = numpy.array([[point[name] / point["cpu_s"] for name in names] for point in points])
        prices, *_ = numpy.linalg.lstsq(rows, numpy.ones(len(points)), rcond=None)
        if (prices >= 0).all():
            break
        names.pop(int(prices.argmin()))
    found = dict.fromkeys(PRICES, 0.0)
    return found | {name: round(float(price) * 1e6, 2) for name, price in zip(names, prices, strict=True)}


def predicted_s(prices: Mapping[str, float], done: Mapping[str, float]) -> float:
    """Processor time by the formula."""
    return sum(prices[name] * done[name] for name in PRICES) / 1e6


async def check(given: argparse.Namespace) -> None:
    """A run with other partitions, interval, series and pace than any sweep, to which nothing was fitted."""
    stored = read()
    if "prices_us" not in stored:
        raise BenchError("there is no formula yet: run the sweeps first")
    async with rig() as running:
        found = await measure(running, CHECK, given.events)
    expected_s = predicted_s(stored["prices_us"], found)
    stored["check"] = {
        "settings": CHECK.settings,
        "partitions": CHECK.partitions,
        "per_second": CHECK.per_second,
        **found,
        "measured_cores": round(found["cpu_s"] / found["seconds"], 3),
        "predicted_cores": round(expected_s / found["seconds"], 3),
        "predicted_to_measured": round(expected_s / found["cpu_s"], 3),
    }
    store(stored)
    print(orjson.dumps(stored["check"], option=orjson.OPT_INDENT_2).decode())


def plots() -> None:
    """Draw what is there, and fit the formula to it."""
    stored = read()
    sweeps = stored.get("sweeps", {})
    for name, (title, unit, _) in SWEEPS.items():
        if name in sweeps:
            curve = Curve("", [(point["x"], point["cpu_us"]) for point in sweeps[name]])
            picture(name, title, unit, [curve])
    if "persons" in sweeps:
        curves = [
            Curve(way, [(point["x"], point[way]["cpu_us"]) for point in sweeps["persons"]])
            for way in ("zipf", "evenly")
        ]
        picture("persons", "Persons known, local store, 100,000 kept hot", "persons", curves)
    points = [point for name in SWEEPS if name != "lateness" for point in sweeps.get(name, ())]
    if len(points) > 2 * len(PRICES):
        prices = fit(points)
        errors = [predicted_s(prices, point) / point["cpu_s"] - 1 for point in points]
        stored["prices_us"] = prices
        stored["fit"] = {
            "points": len(points),
            "mean_error": round(sum(map(abs, errors)) / len(errors), 3),
            "largest_error": round(max(map(abs, errors)), 3),
        }
        store(stored)
        print(orjson.dumps({"prices_us": prices, "fit": stored["fit"]}, option=orjson.OPT_INDENT_2).decode())


def picture(name: str, title: str, unit: str, curves: Sequence[Curve]) -> None:
    path = IMAGES / f"growth-{name}.svg"
    path.write_bytes(draw(curves, title=title, across=unit, up="µs of processor time an event"))


def read() -> dict[str, Any]:
    return orjson.loads(WRITTEN.read_bytes()) if WRITTEN.exists() else {}


def store(results: Mapping[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    WRITTEN.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
