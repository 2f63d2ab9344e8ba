"""Random faults of all kinds on a running stream, for as long as you like; then, what was lost and doubled.

`make soak MINUTES=30 SEED=7`, or `python -m tests.chaos.soak --help`.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from random import Random, SystemRandom

import click
import orjson

from stream.broker import why_missing
from stream.core.times import format_ms, parse_ms
from stream.simulate.delivery import Delivery
from stream.simulate.population import Population
from stream.simulate.product import Product
from tests.broker.log import read
from tests.chaos.cluster import Cluster
from tests.chaos.proxy import Proxy
from tests.chaos.trial import NEVER_IDLE, PARTITIONS, TROUBLE, Flow, Place, Trial, trial
from tests.chaos.troubles import MOST_WORKERS, STUCK_S, Troubles
from tests.engine.process import Process
from tests.worker.stage import DAY_MS, FOOTFALL, REPLAYED, START_MS, Event, closing

CHUNK_S = 0.2
SAY_EVERY_S = 15.0
# Workers that are this far behind are waited for: else a machine that is too slow would never catch up.
FARTHEST_BEHIND = 100_000


def product(users: int, seed: int) -> Iterator[list[Event]]:
    """Events of a simulated product, without end, in slices."""
    population = Population(Product(users=users), seed=seed, start_ms=START_MS)
    delivery = Delivery(TROUBLE, seed=seed, to_topic=True)
    for _, records in delivery.deliver(population.slices(START_MS + 36_500 * DAY_MS)):
        yield [(key, value) for _, key, value in records]


class Stream:
    """Writes events at a rate, to the topic and to `file`, one a line, until it is told to end.

    Whoever holds `held` has them stand still meanwhile, the file complete.
    """

    def __init__(self, here: Trial, file: Path, *, rate: float, users: int, seed: int) -> None:
        self._here = here
        self._file = file
        self._rate = rate
        self._slices = product(users, seed)
        self._newest_ms = START_MS
        self.over = asyncio.Event()
        self.held = asyncio.Lock()
        self.until_ms = 0

    async def run(self) -> None:
        """Returns once the last event, which closes each partition, is written."""
        with self._file.open("wb") as file:
            waiting: list[Event] = []
            chunk = max(1, int(self._rate * CHUNK_S))
            due_at = time.monotonic()
            while not self.over.is_set():
                while len(waiting) < chunk:
                    waiting += next(self._slices)
                async with self.held:
                    await self._append(waiting[:chunk], file.write)
                    file.flush()
                del waiting[:chunk]
                behind = self._here.writer.written - self._here.watch.total
                due_at = max(due_at + CHUNK_S, time.monotonic() - 1.0)
                pause_s = due_at - time.monotonic() if behind < FARTHEST_BEHIND else 1.0
                await asyncio.sleep(max(0.0, pause_s))
            self.until_ms = self._newest_ms + DAY_MS // 2
            await self._append(closing(PARTITIONS, self.until_ms), file.write)

    async def _append(self, events: list[Event], write: Callable[[bytes], object]) -> None:
        await self._here.writer.append(events)
        for _, value in events:
            write((value or b"") + b"\n")
            timestamp = orjson.loads(value or b"")["timestamp"]
            if isinstance(timestamp, str):
                self._newest_ms = max(self._newest_ms, parse_ms(timestamp) or 0)


async def replayed(here: Trial, events: Path, until_ms: int) -> dict[str, list[bytes]]:
    """What `footfall replay` makes of the events that were written."""
    out = here.stage.folder / f"replayed-{here.writer.written}"
    options = ["--partitions", str(PARTITIONS), "--config", str(here.stage.config)]
    options += ["--until", format_ms(until_ms), "--out", str(out)]
    async with Process(*FOOTFALL, "replay", str(events), *options) as replay:
        assert await replay.ends(limit_s=3600.0) == 0, replay.output
    return {name: (out / f"{name}.jsonl").read_bytes().splitlines() for name in REPLAYED}


def settings(rng: Random) -> str:
    """Each soak has its own."""
    return "\n".join(
        (
            f'commit_interval = "{rng.choice((50, 100, 500))}ms"',
            f'store = "{rng.choice(("rocksdb", "rocksdb", "memory"))}"',
            f"store_hot = {rng.choice((1_000, 100_000))}",
            f"standby = {rng.choice((0, 1))}",
        )
    )


@asynccontextmanager
async def stage(folder: Path, extra: str) -> AsyncIterator[tuple[Trial, Cluster, Proxy]]:
    with Cluster(folder / "kafka") as cluster:
        async with (
            Proxy(cluster.proxy_port, cluster.inner_port) as line,
            trial(
                Place(cluster.address, cluster, lambda stem: stem, folder),
                "soak",
                Flow([], 0),
                extra=extra,
                idle_after=NEVER_IDLE,
                bootstrap=cluster.proxied,
            ) as here,
        ):
            yield here, cluster, line


async def soak(
    folder: Path, *, minutes: float, seed: int, rate: float, users: int, compare_every: float
) -> bool:
    """Whether everything was right."""
    rng = Random(seed)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    extra = settings(rng)
    click.echo(extra)
    async with stage(folder, extra) as (here, cluster, line):
        running = Troubles(here, cluster, line, rng)
        for _ in range(rng.randint(1, MOST_WORKERS)):
            await running.start_worker()
        events = Stream(here, folder / "events.jsonl", rate=rate, users=users, seed=seed)
        writing = asyncio.create_task(events.run())
        await running.moves()
        running.say("the stream moves")
        telling = asyncio.create_task(tell(running))
        trouble = make_trouble(running, events, folder / "events.jsonl", compare_every * 60)
        faults = asyncio.create_task(trouble)
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait(
            {writing, faults, stopped}, timeout=minutes * 60, return_when=asyncio.FIRST_COMPLETED
        )
        stopped.cancel()
        # In the middle of a fault or not: it is taken back first.
        failure = await ended(faults)
        running.say("no more faults: the last events, and then everything is to be committed")
        await take_back(running, cluster, line)
        events.over.set()
        await writing
        await here.watch.reaches(here.writer.written, stalled_s=STUCK_S)
        telling.cancel()
        seconds = here.seconds
        wanted = await replayed(here, folder / "events.jsonl", events.until_ms)
        await here.merges(wanted, limit_s=STUCK_S)
        await asyncio.gather(*(worker.ready() for worker in running.running))
        codes = [await worker.leave() for worker in running.running]
        running.say("all committed; comparing with footfall replay")
        report = here.report(f"soak, seed {seed}", await here.compare_with(wanted), seconds)
        click.echo(str(report))
        if failure is not None:
            click.echo(f"the faults ended early: {failure!r}", err=True)
        if not report.right:
            await keep_outputs(here, folder)
        return report.right and failure is None and set(codes) == {0}


async def make_trouble(running: Troubles, events: Stream, file: Path, compare_every_s: float) -> None:
    """One fault after the other; each is over before the next. Ends where a comparison is not right."""
    compare_at = time.monotonic() + compare_every_s
    while True:
        await running.next_fault()
        if compare_every_s and time.monotonic() > compare_at:
            await compare_so_far(running, events, file)
            compare_at = time.monotonic() + compare_every_s


async def compare_so_far(running: Troubles, events: Stream, file: Path) -> None:
    """Raises AssertionError where the topics differ already."""
    here = running.here
    async with events.held:
        await here.watch.reaches(here.writer.written, stalled_s=STUCK_S)
        # A time that all partitions have passed: the watermarks stay where the events have put them.
        wanted = await replayed(here, file, START_MS)
        await here.merges(wanted, limit_s=STUCK_S)
        numbers = await here.compare_with(wanted)
        running.say("compared so far: " + "; ".join(map(str, numbers)))
        assert all(one.right for one in numbers), "see above"


async def tell(running: Troubles) -> None:
    while True:
        await asyncio.sleep(SAY_EVERY_S)
        running.say("")


async def ended(faults: asyncio.Task[None]) -> BaseException | None:
    """End the faults. What had ended them before, if anything."""
    faults.cancel()
    await asyncio.wait([faults])
    return None if faults.cancelled() else faults.exception()


async def take_back(running: Troubles, cluster: Cluster, line: Proxy) -> None:
    line.narrow(None)
    await line.restore()
    for worker in running.here.workers:
        worker.send(signal.SIGCONT)
    if not cluster.runs:
        await cluster.start()


async def keep_outputs(here: Trial, folder: Path) -> None:
    """What was published, beside what should have been, to be looked at."""
    for name in ("visits", "transitions", "engagement", "incidents", "daily", "late", "dead-letters"):
        records = await read(here.stage.address, here.stage.settings.output_topic(name), limit_s=300.0)
        (folder / f"published-{name}.jsonl").write_bytes(
            b"".join((record.value or b"") + b"\n" for record in records)
        )


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--minutes", type=click.FloatRange(min=0.1), default=30.0, show_default=True)
@click.option("--seed", type=int, help="Of the faults and of the events.  [default: another each time]")
@click.option(
    "--rate", type=click.FloatRange(min=1), default=500.0, show_default=True, help="Events a second."
)
@click.option("--users", type=click.IntRange(min=1), default=20_000, show_default=True)
@click.option(
    "--compare-every",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Minutes between comparisons on the way; 0 for none.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="For everything, kept.  [default: a temporary one]"
)
def main(seed: int | None, folder: Path | None, **how: float) -> None:
    """Break things at random, and see whether anything is lost or doubled.

    Starts an Apache Kafka, one to three workers behind a proxy, and a stream of simulated events (1 % late,
    10 % out of order, 2 % twice). Then, one after the other, often before the stream has recovered from
    the last: workers killed (-9), paused, joining and leaving; the broker killed and restarted; the line
    between them silent, cut, or narrow. A worker that ends is started again, as systemd would.

    On the way, at the end, and on Ctrl-C, the topics, read committed, are compared with what
    `footfall replay` says of the same events. Exit code 1 if anything was lost, doubled, different or out
    of order, or if the stream got stuck. The order of the faults can be had again by the seed; their
    timing only nearly.
    """
    missing = why_missing()
    if missing is not None:
        raise click.ClickException(missing)
    logging.basicConfig(level=logging.CRITICAL)
    seed = SystemRandom().randrange(1_000_000) if seed is None else seed
    click.echo(f"seed {seed}, {how['minutes']:g} minutes; Ctrl-C ends it early, with the numbers")
    with ExitStack() as stack:
        if folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="footfall-soak-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(temporary))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            right = asyncio.run(soak(folder, seed=seed, **how))  # type: ignore[arg-type]
        except AssertionError as stuck:
            click.echo(str(stuck), err=True)
            right = False
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
