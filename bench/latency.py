"""How long it takes from an event's arrival in Kafka until what came of it is committed, at a steady rate.

    python -m bench.latency [--per-second 20000] [--seconds 60] [--commit-interval 500ms]

Starts Apache Kafka (needs Java 17 and Maven) and one worker on a core of its own; the producer writes the
benchmark's input (bench/input.py) at an even pace. An event has arrived when the broker has appended it:
the input topic has LogAppendTime, and the broker tells the producer. Another process reads transitions,
late events and dead letters as any subscriber would, `read_committed`, and notes when it has each: these
name the event that they come of. So what is measured is from log to log, the subscriber's fetch included.
The worker's own histogram (`footfall_arrival_latency_seconds`) is beside it.

The first `--warm-up` seconds are left out. The goal: the 99th percentile at most twice the commit interval.
Writes bench/results/latency.json.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.input import CHUNK, EVENTS, Record, cached
from bench.population import Chunks
from bench.rig import BATCH_BYTES, INPUT, BenchError, Flow, Rig, Samples, Tell, parser, rig, run, write
from stream.settings.durations import parse_duration

TICK_S = 0.02
SETTLE_S = 3.0
GOAL = 2.0
PARTITIONS = 8
WATCHED = ("transitions", "late", "dead-letters")


class Out(msgspec.Struct):
    """What a watched output says of the event that it comes of."""

    cause: str = ""
    partition: int = -1
    offset: int = -1


class Sent(NamedTuple):
    """One partition's batches: the offsets they begin with, and when the broker appended them (ms)."""

    first: list[int]
    appended_ms: list[int]

    def appended(self, offset: int) -> int:
        return self.appended_ms[bisect_right(self.first, offset) - 1]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--per-second", type=int, default=20_000)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--warm-up", type=int, default=15, help="seconds before those")
    options.add_argument("--commit-interval", default="500ms", help="as the setting commit_interval")
    options.add_argument("--rate", type=float, default=1.0, help="the input's, as of bench.input")
    options.add_argument("--watch", nargs=3, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.watch:
        asyncio.run(watch(*given.watch))
        return
    run(bench(given))


async def bench(given: argparse.Namespace) -> None:
    tell = Tell()
    seconds = given.warm_up + given.seconds + round(SETTLE_S)
    events = seconds * given.per_second
    tell.step(f"the input: {events:,} events")
    # The benchmark's own input is in the cache already, and what begins it is a shorter one.
    longer = cached(max(events, EVENTS), partitions=PARTITIONS, rate=given.rate)
    chunks = list(islice(longer, -(-events // CHUNK)))
    async with rig(tell) as running, AsyncExitStack() as stack:
        await running.create_topic(INPUT, PARTITIONS, message_timestamp_type="LogAppendTime")
        flow = await running.flow(f'commit_interval = "{given.commit_interval}"', partitions=PARTITIONS)
        seen = running.folder / "seen"
        async with flow.worker() as worker:
            await worker.ready()
            watching = stack.enter_context(watched(running, flow, seen))
            tell.step(f"{given.per_second:,} events/s for {seconds} s")
            pacing = asyncio.create_task(pace(running, chunks, given.per_second, INPUT))
            await asyncio.sleep(given.warm_up)
            before, cpu_s, busy = await worker.metrics(), worker.cpu_s, busy_s()
            began = time.monotonic()
            from_ms = time.time() * 1000
            await asyncio.sleep(given.seconds)
            after, used_s, busy = await worker.metrics(), worker.cpu_s - cpu_s, busy_s() - busy
            lasted = time.monotonic() - began
            to_ms = time.time() * 1000
            sent = await pacing
            await worker.caught_up()
            rss = worker.status_mib("VmRSS")
        await asyncio.sleep(1)
        watching.send_signal(signal.SIGTERM)
        await asyncio.to_thread(watching.wait, 30)
        tell.step("looking for the events that the outputs come of")
        found = delays(seen, sent, chunks, from_ms, to_ms)
        interval_s = milliseconds(given.commit_interval) / 1000
        everything = sorted(delay for some in found.values() for delay in some)
        result: dict[str, Any] = {
            "per_second": given.per_second,
            "arrived_per_second": round(arrived(sent, chunks, from_ms, to_ms) / lasted),
            "seconds": given.seconds,
            "commit_interval_s": interval_s,
            "outside": {"all": summary(everything)}
            | {name: summary(sorted(some)) for name, some in found.items()},
            "worker_says": quantiles(before, after),
            "times_the_commit_interval": round(percentile(everything, 0.99) / interval_s, 2),
            "goal": GOAL,
            "worker_core_used": round(used_s / lasted, 2),
            "cpu_microseconds_an_event": round(used_s / lasted / given.per_second * 1e6, 1),
            "all_cores_used": round(busy / lasted, 2),
            "worker_rss_mib": round(rss),
        }
    write("latency", result)


async def pace(running: Rig, chunks: Chunks, per_second: int, topic: str = INPUT) -> list[Sent]:
    """Write the input evenly; each partition's share of a tick is one batch."""
    producer = AIOKafkaProducer(
        bootstrap_servers=running.address, acks="all", linger_ms=0, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    partitions = len(chunks[0])
    sent: list[list[tuple[int, asyncio.Future[Any]]]] = [[] for _ in range(partitions)]
    offsets = [0] * partitions
    began, written, late_s = time.monotonic(), 0, 0.0
    try:
        for chunk in chunks:
            size = sum(map(len, chunk))
            ticks = max(1, round(size / per_second / TICK_S))
            for tick in range(ticks):
                due = began + (written + size * tick / ticks) / per_second
                now = time.monotonic()
                late_s = max(late_s, now - due)
                if due > now:
                    await asyncio.sleep(due - now)
                for number, records in enumerate(chunk):
                    some = records[len(records) * tick // ticks : len(records) * (tick + 1) // ticks]
                    if some:
                        future = await send(producer, topic, number, some)
                        sent[number].append((offsets[number], future))
                        offsets[number] += len(some)
            written += size
            running.tell.now(f"{written:,} events written, at most {late_s:.1f} s late")
        await asyncio.gather(*(future for some in sent for _, future in some))
    finally:
        await producer.stop()
    if late_s > 1.0:
        running.tell.step(f"the producer was up to {late_s:.1f} s late: look at arrived_per_second")
    return [
        Sent([first for first, _ in some], [future.result().timestamp for _, future in some]) for some in sent
    ]


async def send(
    producer: AIOKafkaProducer, topic: str, number: int, records: Sequence[Record]
) -> asyncio.Future[Any]:
    """One batch, whole: the pieces are far smaller than the broker's limit."""
    batch = producer.create_batch()
    now_ms = int(time.time() * 1000)
    for record in records:
        if batch.append(key=record.key, value=record.value, timestamp=now_ms) is None:
            raise BenchError("a tick's records do not fit a batch: take fewer per second")
    future: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=number)
    return future


@contextmanager
def watched(running: Rig, flow: Flow, seen: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The subscriber's process; gone in the end, whatever happens."""
    topics = ",".join(f"{flow.name}.{name}" for name in WATCHED)
    argv = [sys.executable, "-m", "bench.latency", "--watch", running.address, topics, str(seen)]
    process = subprocess.Popen(argv)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def watch(address: str, topics: str, seen: str) -> None:
    """Another process: write down what came and when, as the subscriber that has it first would."""
    consumer = AIOKafkaConsumer(
        *topics.split(","),
        bootstrap_servers=address,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await consumer.start()
    came: list[tuple[str, float, bytes]] = []
    try:
        while not stopped.is_set():
            fetched = await consumer.getmany(timeout_ms=200)
            now_ms = time.time() * 1000
            for place, records in fetched.items():
                came += [(place.topic.rpartition(".")[2], now_ms, record.value) for record in records]
    finally:
        await consumer.stop()
    await asyncio.to_thread(Path(seen).write_bytes, msgspec.msgpack.encode(came))


def delays(
    seen: Path, sent: Sequence[Sent], chunks: Chunks, from_ms: float, to_ms: float
) -> dict[str, list[float]]:
    """Seconds from arrival to sight of each output of an event that arrived between these times."""
    came = msgspec.msgpack.decode(seen.read_bytes(), type=list[tuple[str, float, bytes]])
    read = msgspec.json.Decoder(Out).decode
    by_cause: dict[str, list[float]] = {}
    found: dict[str, list[float]] = {name: [] for name in WATCHED}

    def note(name: str, partition: int, offset: int, at_ms: float) -> None:
        appended_ms = sent[partition].appended(offset)
        if from_ms <= appended_ms <= to_ms:
            found[name].append((at_ms - appended_ms) / 1000)

    for name, at_ms, value in came:
        out = read(value)
        if name != "transitions":
            note(name, out.partition, out.offset, at_ms)
        elif out.cause != "day":
            by_cause.setdefault(out.cause, []).append(at_ms)
    offsets = [0] * PARTITIONS
    for chunk in chunks:
        for number, records in enumerate(chunk):
            for offset, record in enumerate(records, offsets[number]):
                at = record.value.find(b'"messageId":"') + 13
                for at_ms in by_cause.pop(record.value[at : record.value.find(b'"', at)].decode(), ()):
                    note("transitions", number, offset, at_ms)
            offsets[number] += len(records)
    if not found["transitions"] or not found["late"]:
        raise BenchError("no outputs came of the events in question: was the worker too slow?")
    return found


def arrived(sent: Sequence[Sent], chunks: Chunks, from_ms: float, to_ms: float) -> int:
    """How many events arrived between these times."""
    ends = [sum(len(chunk[number]) for chunk in chunks) for number in range(PARTITIONS)]
    return sum(
        after - first
        for one, end in zip(sent, ends, strict=True)
        for first, after, at in zip(one.first, [*one.first[1:], end], one.appended_ms, strict=True)
        if from_ms <= at <= to_ms
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def summary(ordered: Sequence[float]) -> dict[str, float]:
    if not ordered:
        return {"count": 0}
    shares = {"p50_s": 0.5, "p90_s": 0.9, "p99_s": 0.99, "p999_s": 0.999, "max_s": 1.0}
    found = {name: round(percentile(ordered, share), 3) for name, share in shares.items()}
    return {"count": len(ordered), **found}


def quantiles(before: Samples, after: Samples) -> dict[str, float]:
    """The worker's own: within a bucket of its histogram, as Prometheus reckons."""
    prefix = 'footfall_arrival_latency_seconds_bucket{le="'
    counted = {
        float(name[len(prefix) :].rstrip('"}')): value - before.get(name, 0.0)
        for name, value in after.items()
        if name.startswith(prefix)
    }
    bounds = sorted(counted)
    every = counted[bounds[-1]]
    found: dict[str, float] = {"count": every}
    for label, share in (("p50_s", 0.5), ("p99_s", 0.99)):
        low, below = 0.0, 0.0
        for bound in bounds:
            if counted[bound] >= share * every:
                part = (share * every - below) / max(counted[bound] - below, 1.0)
                found[label] = round(low + (bound - low) * part, 3) if bound != float("inf") else low
                break
            low, below = bound, counted[bound]
    return found


def milliseconds(duration: str) -> int:
    found = parse_duration(duration)
    if not found:
        raise BenchError(f"{duration} is no duration: write 500ms, 1s or 1m")
    return found


def busy_s() -> float:
    """Processor time of the whole machine, all that is not idle."""
    first = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return (sum(map(int, first[:8])) - int(first[3]) - int(first[4])) / 100


if __name__ == "__main__":
    main()
