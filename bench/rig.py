"""What the benches of the worker stand on: Apache Kafka on one core, workers on the other, measured from
outside.

Processor time and memory are the kernel's (/proc) of the worker's process; how far it is are the offsets
that its group has committed. So measuring takes next to nothing of the worker's core: its metrics are asked
for once before and once after, not all the while.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from stream.broker import BrokerError, start_broker
from stream.broker.port import free_port

RESULTS = Path(__file__).parent / "results"
FOOTFALL = (sys.executable, "-c", "from stream.cli import main; main()")
INPUT = "app-events"
MIB = 1024 * 1024
BATCH_BYTES = 512 * 1024
UNDER_WAY = 32
POLL_S = 0.1
STOP_WITHIN_S = 30.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")

Placed = tuple[int, bytes | None, bytes]
"""A record to write: partition, key, value."""
Samples = Mapping[str, float]
"""A worker's metrics: name with labels, and value."""


class BenchError(Exception):
    """What a person can act on: shown without a traceback."""


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A bench's options: `doc` is its module's text, shown by --help as it stands."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def run(bench: Coroutine[Any, Any, None]) -> None:
    """Run a bench to its end. Ctrl-C and SIGTERM stop workers and broker first, and then exit with 130."""
    # A shell starts what it puts into the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        asyncio.run(bench)
    except KeyboardInterrupt:
        sys.exit(130)
    except (BenchError, BrokerError) as error:
        sys.exit(str(error))


class Tell:
    """Says on standard error what is going on: what begins, and, on a terminal, how far it is."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._live = sys.stderr.isatty()
        self._open = False

    def step(self, text: str) -> None:
        """Something else begins."""
        self._end()
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", file=sys.stderr, flush=True)

    def now(self, text: str) -> None:
        """How far it is; for a terminal only."""
        if self._live:
            print(
                f"\r{time.monotonic() - self._began:6.1f} s  {text}\033[K",
                end="",
                file=sys.stderr,
                flush=True,
            )
            self._open = True

    def _end(self) -> None:
        if self._open:
            print(file=sys.stderr)
            self._open = False


class Rig:
    """Kafka, running. `broker_cores` are this process's and the broker's, `worker_cores` the workers'."""

    def __init__(self, address: str, folder: Path, tell: Tell, cores: Sequence[int]) -> None:
        self.address = address
        self.folder = folder
        self.tell = tell
        self.worker_cores = cores
        self.admin = AIOKafkaAdminClient(bootstrap_servers=address)
        self._numbers = itertools.count(1)

    def next_name(self) -> str:
        """A name that nothing has yet."""
        return f"flow{next(self._numbers)}"

    async def flow(
        self, settings: str = "", *, topic: str = INPUT, partitions: int = 8, name: str | None = None
    ) -> Flow:
        """A group of its own, with topics of its own, that reads `topic`; `settings` are lines of TOML.

        What is not in a section has to come first in `settings`.
        """
        name = name or self.next_name()
        folder = self.folder / name
        folder.mkdir()
        config = folder / "footfall.toml"
        config.write_text(
            f'broker = "{self.address}"\ngroup = "{name}"\nprefix = "{name}"\ndata_dir = "{folder}/data"\n'
            f'input.topic = "{topic}"\ntopics.partitions = {partitions}\n{settings}\n'
        )
        creating = await asyncio.create_subprocess_exec(
            *FOOTFALL,
            "topics",
            "create",
            "--config",
            str(config),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await creating.communicate()
        if creating.returncode:
            raise BenchError(f"the topics could not be created:\n{said.decode()}")
        return Flow(self, name, topic, config)

    async def create_topic(self, name: str, partitions: int, **configs: str) -> None:
        """A topic of the bench's own; `configs` with underscores for the dots."""
        named = {key.replace("_", "."): value for key, value in configs.items()}
        await self.admin.create_topics([NewTopic(name, partitions, 1, topic_configs=named)])

    async def fill(self, topic: str, records: Iterable[Placed], *, what: str = "") -> int:
        """Write records as fast as the broker takes them, in order within a partition; returns how many."""
        producer = AIOKafkaProducer(bootstrap_servers=self.address, acks="all", max_batch_size=BATCH_BYTES)
        await producer.start()
        batches: dict[int, Any] = {}
        now_ms = int(time.time() * 1000)
        waiting: set[asyncio.Future[Any]] = set()
        count = 0
        try:
            for partition, key, value in records:
                batch = batches.get(partition)
                if batch is None:
                    batch = batches[partition] = producer.create_batch()
                if batch.append(key=key, value=value, timestamp=now_ms) is None:
                    waiting.add(await producer.send_batch(batch, topic, partition=partition))
                    batch = batches[partition] = producer.create_batch()
                    batch.append(key=key, value=value, timestamp=now_ms)
                    if len(waiting) >= UNDER_WAY:
                        await asyncio.gather(*waiting)
                        waiting.clear()
                        self.tell.now(f"{what or topic}: {count:,} records written")
                count += 1
            for partition, batch in batches.items():
                waiting.add(await producer.send_batch(batch, topic, partition=partition))
            await asyncio.gather(*waiting)
        finally:
            await producer.stop()
        return count

    async def ends(self, topic: str) -> dict[int, int]:
        """The next offset of each partition of a topic."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.address)
        await consumer.start()
        try:
            numbers = await _partitions(self.admin, topic)
            found = await consumer.end_offsets([TopicPartition(topic, number) for number in numbers])
            return {place.partition: offset for place, offset in found.items()}
        finally:
            await consumer.stop()

    async def count(self, topic: str) -> int:
        """How many offsets a topic has, the ends of transactions among them."""
        return sum((await self.ends(topic)).values())

    async def members(self, group: str) -> set[str]:
        """The ids of the members of a group: each join has a new one."""
        replies = await self.admin.describe_consumer_groups([group])
        return {one[0] for reply in replies for found in reply.groups for one in found[5]}

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """The group's committed offset of each partition."""
        found = await self.admin.list_consumer_group_offsets(group)
        return {place.partition: one.offset for place, one in found.items() if place.topic == topic}

    def log_bytes(self, topic: str) -> int:
        """Bytes that a topic's partitions take on the broker's disk: segments without their indexes."""
        return sum(log.stat().st_size for log in self.folder.glob(f"kafka/log/{topic}-[0-9]*/*.log"))


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    found = await admin.describe_topics([topic])
    return [partition["partition"] for partition in found[0]["partitions"]]


class Flow:
    """One group's configuration and topics, for its workers."""

    def __init__(self, rig: Rig, name: str, topic: str, config: Path) -> None:
        self.rig = rig
        self.name = name
        self.topic = topic
        self.config = config
        self.data = config.parent / "data"
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def worker(
        self, *, limit_mib: int | None = None, cores: Sequence[int] | None = None
    ) -> AsyncIterator[Worker]:
        """A worker's process, just started; stopped in the end, killed where something has failed.

        `limit_mib` bounds its private memory (RLIMIT_DATA). Raises BenchError where it does not end well.
        """
        log = self.config.parent / f"worker{next(self._numbers)}.log"
        port = free_port()
        cores = self.rig.worker_cores if cores is None else cores

        def prepare() -> None:
            os.sched_setaffinity(0, cores)
            if limit_mib is not None:
                resource.setrlimit(resource.RLIMIT_DATA, (limit_mib * MIB, limit_mib * MIB))

        arguments = ["worker", "--config", str(self.config), "--web-port", str(port), "--log-format", "json"]
        with log.open("wb") as file:
            began = time.monotonic()
            process = subprocess.Popen(  # noqa: ASYNC220
                [*FOOTFALL, *arguments], stdin=subprocess.DEVNULL, stderr=file, preexec_fn=prepare
            )
        worker = Worker(process, self, port, log, began)
        try:
            yield worker
            await worker.stop()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    async def position(self) -> int:
        """How many records of the input are committed."""
        return sum((await self.rig.committed(self.name, self.topic)).values())


class Worker:
    """A running worker. `began` is when it was started (monotonic); `used` is known when it has ended."""

    def __init__(
        self, process: subprocess.Popen[bytes], flow: Flow, port: int, log: Path, began: float
    ) -> None:
        self.process = process
        self.flow = flow
        self.port = port
        self.log = log
        self.began = began
        self._ended_as_wanted = False

    @property
    def cpu_s(self) -> float:
        """Processor time of the process up to now, user and system, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def status_mib(self, name: str) -> float:
        """A line of /proc/<pid>/status that is in kB: VmRSS, VmHWM (the peak of it), RssAnon."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        raise BenchError(f"no {name} of process {self.process.pid}")

    def forget_peak(self) -> None:
        """Have VmHWM begin anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def said(self, text: str) -> float | None:
        """When the log first said something that begins with `text` (wall clock, s); None: not yet."""
        for line in self.log.read_bytes().splitlines():
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if record["message"].startswith(text):
                return datetime.fromisoformat(record["time"]).timestamp()
        return None

    async def metrics(self) -> Samples:
        """What /metrics says; nothing before it answers."""
        return await asyncio.to_thread(scrape, self.port)

    async def until(
        self,
        done: Callable[[], Coroutine[Any, Any, bool]],
        what: str,
        *,
        within_s: float = 300.0,
        poll_s: float = POLL_S,
    ) -> float:
        """Wait until `done`; returns the seconds since the worker's start.

        Raises BenchError where the worker ends, or this takes longer than `within_s` from now.
        """
        deadline = time.monotonic() + within_s
        while not await done():
            if self.process.poll() is not None:
                raise BenchError(f"the worker ended before {what}:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise BenchError(f"the worker was not {what} within {within_s:.0f} s:\n{self.last_words()}")
            await asyncio.sleep(poll_s)
        return time.monotonic() - self.began

    async def ready(self, *, within_s: float = 300.0) -> float:
        """Wait until it has its partitions, with their state; returns the seconds since the start."""

        async def said() -> bool:
            return self.said("Ready") is not None

        return await self.until(said, "ready", within_s=within_s)

    async def owns(self, partitions: int, *, within_s: float = 60.0) -> float:
        """Wait until it owns so many partitions."""

        async def owned() -> bool:
            return (await self.metrics()).get("footfall_partitions") == partitions

        return await self.until(owned, f"the owner of {partitions} partitions", within_s=within_s)

    async def caught_up(self, *, within_s: float = 300.0) -> float:
        """Wait until all of the input is committed, and merged; returns the seconds since the start."""
        flow = self.flow
        end = sum((await flow.rig.ends(flow.topic)).values())

        async def committed() -> bool:
            position = await flow.position()
            flow.rig.tell.now(
                f"{flow.name}: {position:,} of {end:,} records committed, {self.status_mib('VmRSS'):.0f} MiB"
            )
            return position >= end

        await self.until(committed, "through with its input", within_s=within_s)

        async def merged() -> bool:
            found = await self.metrics()
            return found.get("footfall_parts_lag_records", 0.0) == 0.0

        return await self.until(merged, "through with merging", within_s=within_s)

    async def stop(self) -> None:
        """SIGTERM, and wait. Raises BenchError where it fails."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        for _ in range(int(STOP_WITHIN_S / POLL_S)):
            if self.process.poll() is not None:
                break
            await asyncio.sleep(POLL_S)
        if self.process.returncode != 0 and not self._ended_as_wanted:
            raise BenchError(f"the worker ended with {self.process.returncode}:\n{self.last_words()}")

    def ended_as_wanted(self) -> None:
        """It was killed on purpose."""
        self._ended_as_wanted = True

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:]


def scrape(port: int) -> dict[str, float]:
    """The metrics of the worker at this port; none before it serves them."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if not x.startswith("#"))}


def total(samples: Samples, name: str) -> float:
    """The sum of a metric over its labels."""
    return sum(value for key, value in samples.items() if key == name or key.startswith(name + "{"))


@asynccontextmanager
async def rig(tell: Tell | None = None, *, worker_cores: Sequence[int] | None = None) -> AsyncIterator[Rig]:
    """Start Kafka; everything is gone in the end. The first core is the workers', the others the broker's."""
    tell = tell or Tell()
    usable = sorted(os.sched_getaffinity(0))
    workers = list(worker_cores) if worker_cores is not None else usable[:1]
    rest = [core for core in usable if core not in workers] or usable
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-bench-")))
        os.sched_setaffinity(0, rest)  # the broker's threads inherit it
        stack.callback(os.sched_setaffinity, 0, usable)
        tell.step(f"starting Apache Kafka on core {rest}; workers run on {workers}")
        broker = await stack.enter_async_context(
            start_broker(kind="kafka", port=0, data=folder / "kafka", progress=tell.step)
        )
        running = Rig(broker.address, folder, tell, workers)
        await running.admin.start()
        stack.push_async_callback(running.admin.close)
        await _coordinated(running.admin)
        yield running


async def _coordinated(admin: AIOKafkaAdminClient) -> None:
    """Wait until the broker keeps groups' offsets: it makes their topic when it is first asked."""
    deadline = time.monotonic() + STOP_WITHIN_S
    while True:
        try:
            await admin.find_coordinator("bench")
            return
        except KafkaError as error:
            if time.monotonic() > deadline:
                raise BenchError(f"the broker does not keep offsets: {error}") from error
            await asyncio.sleep(POLL_S)


def machine() -> dict[str, object]:
    """What a figure was measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    packages = ("footfall", "faust-streaming", "aiokafka", "msgspec", "orjson", "rocksdict")
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3, 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def write(name: str, result: Mapping[str, object]) -> None:
    """Write bench/results/<name>.json, and show it."""
    RESULTS.mkdir(exist_ok=True)
    data = orjson.dumps(
        {**result, "machine": machine()}, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    )
    (RESULTS / f"{name}.json").write_bytes(data + b"\n")
    print(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())
