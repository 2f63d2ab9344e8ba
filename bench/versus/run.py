"""One run: a contestant's process on its core, from its start to what it has published."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from bench.versus.job import Job, Peer, PeerError, SlowError
from bench.versus.kafka import Kafka
from bench.versus.oracle import Difference, Expected, Visit, compare
from bench.versus.steady import Sample, Steady, steady
from bench.versus.tree import peak_mib, used
from stream.broker import ending_with_parent

POLL_S = 0.2
SCRAPE_S = 1.0
SETTLED_S = 10.0
STALLED_S = 60.0
STOP_WITHIN_S = 20.0
WORDS = 15
_PRINTED = re.compile(rb"^progress (\d+)\s*$", re.M)
_TAIL = 4096

Watch = Callable[[int], None]
"""Is told how many records have been read."""


class Limits(Struct, frozen=True):
    """How long a run may take in all, and without any progress (seconds)."""

    all_s: float = 300.0
    stalled_s: float = STALLED_S


class Run(Struct, kw_only=True):
    """What came of one run. `steady` is None where it was too short for it; times count from its start."""

    name: str
    events: int
    read: int
    seconds: float
    first_progress_s: float
    cpu_s: float
    peak_rss_mib: float
    steady: Steady | None
    visits: int
    difference: Difference
    bad: int | None = None
    late: int | None = None

    @property
    def events_per_s(self) -> float:
        """The steady rate; of a run too short for one, that of all of it, start included."""
        return self.steady.events_per_s if self.steady else self.read / self.seconds

    @property
    def cpu_s_per_million(self) -> float:
        """Over the same span."""
        return self.steady.cpu_s_per_million if self.steady else self.cpu_s / self.read * 1e6


class Process:
    """A contestant's process with all its children: one session, on the given cores. A context manager.

    Left, all of it is gone. What it says goes to `log`.
    """

    def __init__(
        self, argv: Sequence[str], environ: dict[str, str], cores: Sequence[int], folder: Path
    ) -> None:
        self._argv = [*argv]
        # Ours would lead a peer's Python to packages that are not its own.
        ours = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
        }
        self._environ = ours | environ
        self._cores = cores
        self._folder = folder
        self.log = folder / "said.log"
        self.peak_mib = 0.0
        self.cpu_s = 0.0
        self._pids: tuple[int, ...] = ()
        self._printed = 0
        self._offset = 0

    def __enter__(self) -> Process:
        dies = ending_with_parent(signal.SIGKILL)

        def prepare() -> None:
            if dies is not None:
                dies()
            os.sched_setaffinity(0, self._cores)

        with self.log.open("wb") as log:
            try:
                self._process = subprocess.Popen(
                    self._argv,
                    env=self._environ,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=prepare,
                )
            except OSError as error:
                raise PeerError(f"{self._argv[0]} can't be started: {error.strerror}") from error
        return self

    def __exit__(self, *raised: object) -> None:
        self.look()
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    @property
    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.poll()

    def look(self) -> None:
        """Bring processor time, memory and its processes up to date."""
        found = used(self._process.pid)
        self._pids = found.pids
        # What ended between two looks takes its time with it, if nobody waits for it.
        self.cpu_s = max(self.cpu_s, found.cpu_s)
        self.peak_mib = max(self.peak_mib, found.rss_mib, *map(peak_mib, found.pids), 0.0)

    def printed(self) -> int:
        """The last `progress N` that it has said."""
        with self.log.open("rb") as log:
            log.seek(self._offset)
            said = log.read()
        whole = said.rfind(b"\n") + 1
        found = _PRINTED.findall(said[:whole])
        if found:
            self._printed = int(found[-1])
        self._offset += whole
        return self._printed

    def stop(self) -> None:
        """SIGTERM to the process itself."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def last_words(self) -> str:
        """The end of what it has said."""
        lines = self.log.read_text(errors="replace")[-_TAIL:].splitlines()
        return "\n".join(line for line in lines if not line.startswith("progress "))[-_TAIL:]


async def run(
    peer: Peer,
    job: Job,
    kafka: Kafka,
    wanted: Expected,
    *,
    events: int,
    cores: Sequence[int],
    cache: Path,
    watch: Watch = lambda _: None,
    limits: Limits = Limits(),  # noqa: B008
) -> Run:
    """Run `peer` over all of `job`'s input, and compare what it has published with what is `wanted`.

    Raises PeerError where it ends, SlowError where it stalls or is not through in time.
    """
    argv, environ = await asyncio.to_thread(peer.command, cache, job)
    began_s = time.monotonic()
    with Process(argv, environ, cores, job.state_dir) as process:
        scraping = asyncio.create_task(_scrape(peer.metrics(job)))
        try:
            samples = await _follow(process, job, kafka, events, began_s, watch, limits)
            await _settle(process, job, kafka, sum(wanted.visits.values()))
            seconds = time.monotonic() - began_s
            process.look()
            cpu_s = process.cpu_s
            process.stop()
            deadline_s = time.monotonic() + STOP_WITHIN_S
            while process.code is None and time.monotonic() < deadline_s:
                process.look()
                await asyncio.sleep(POLL_S)
        except PeerError as error:
            raise type(error)(f"{error}\n{process.last_words()}") from error
        finally:
            scraping.cancel()
            _keep(process.log, cache, peer.name)
    got = Counter([visit_of(value) async for value in kafka.values(job.output_topic)])
    side = {what: [1 async for _ in kafka.values(topic)] for what, topic in peer.side_topics(job).items()}
    return Run(
        name=peer.name,
        events=events,
        read=samples[-1].records,
        seconds=round(seconds, 2),
        first_progress_s=round(next(sample.at_s for sample in samples if sample.records), 2),
        cpu_s=round(cpu_s, 2),
        peak_rss_mib=round(process.peak_mib, 1),
        steady=steady(samples, events),
        visits=sum(got.values()),
        difference=compare(wanted.visits, got),
        bad=len(side["bad"]) if "bad" in side else None,
        late=len(side["late"]) if "late" in side else None,
    )


async def _follow(
    process: Process,
    job: Job,
    kafka: Kafka,
    events: int,
    began_s: float,
    watch: Watch,
    limits: Limits,
) -> list[Sample]:
    """Samples until all is read."""
    samples = [Sample(0.0, 0, 0.0)]
    grew_s = began_s
    while samples[-1].records < events:
        read = await kafka.committed(job.group, job.input_topic) or process.printed()
        process.look()
        now_s = time.monotonic()
        if read > samples[-1].records:
            grew_s = now_s
            watch(read)
        samples.append(Sample(now_s - began_s, max(read, samples[-1].records), process.cpu_s))
        done = f"{samples[-1].records:,} of {events:,} records"
        if process.code is not None and read < events:
            raise PeerError(f"it ended with {process.code} after {done}")
        if now_s - grew_s > limits.stalled_s:
            raise SlowError(f"no progress for {limits.stalled_s:.0f} s after {done}")
        if now_s - began_s > limits.all_s:
            raise SlowError(f"only {done} in {limits.all_s:.0f} s")
        await asyncio.sleep(POLL_S)
    return samples


async def _settle(process: Process, job: Job, kafka: Kafka, wanted: int) -> None:
    """Wait until as much is published as there is to publish, or nothing new comes."""
    end = -1
    since_s = time.monotonic()
    while process.code is None:
        now = await kafka.end(job.output_topic)
        if now >= wanted:
            return
        if now > end:
            end, since_s = now, time.monotonic()
        elif time.monotonic() - since_s > SETTLED_S:
            return
        process.look()
        await asyncio.sleep(POLL_S)


async def _scrape(address: str | None) -> None:
    while address is not None:
        with suppress(OSError):
            await asyncio.to_thread(_fetch, address)
        await asyncio.sleep(SCRAPE_S)


def _fetch(address: str) -> None:
    with urllib.request.urlopen(address, timeout=10) as answer:
        answer.read()


def _keep(log: Path, cache: Path, name: str) -> None:
    """Keep what it said last, for whoever wants to know more."""
    folder = cache / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        shutil.copyfile(log, folder / f"{name}.log")


def visit_of(value: bytes) -> Visit:
    """A published visit: a peer's, whose times are ms, or Footfall's, whose times are ISO 8601."""
    try:
        read = json.loads(value)
        key_events = tuple(sorted((name, count) for name, count in read["key_events"].items() if count))
        return Visit(read["person"], _ms(read["start"]), _ms(read["end"]), read["events"], key_events)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PeerError(f"what it published is no visit ({error!r}): {value[:200]!r}") from error


def _ms(time: int | str) -> int:
    if isinstance(time, str):
        return round(datetime.fromisoformat(time).timestamp() * 1000)
    return time
