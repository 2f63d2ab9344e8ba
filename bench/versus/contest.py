"""The inputs, and the runs on them, one after the other."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from aiokafka.errors import KafkaError

from bench.input import cached
from bench.versus.job import GAP_MS, KEY_EVENTS, LATENESS_MS, Job, Peer, PeerError, SlowError
from bench.versus.kafka import Kafka
from bench.versus.oracle import Expected, expected
from bench.versus.results import Results
from bench.versus.run import Limits, run
from bench.versus.said import Said

START_S = 60.0
LEAST = 1_000


class Asked(Protocol):
    """What the command line asks for."""

    events: int
    rounds: int
    seconds: int
    seed: int
    persons: int
    partitions: int
    zipf: float


class Contest:
    """The runs, on a broker with its inputs."""

    def __init__(
        self,
        given: Asked,
        results: Results,
        said: Said,
        kafka: Kafka,
        folder: Path,
        cache: Path,
        cores: Sequence[int],
    ) -> None:
        self._given = given
        self._results = results
        self._said = said
        self._kafka = kafka
        self._folder = folder
        self._cache = cache
        self._cores = cores
        self._wanted: dict[int, Expected] = {}
        self._given_up: set[str] = set()

    async def load(self, peers: Sequence[Peer]) -> None:
        """Write an input of each size that is needed, and have the oracle read it meanwhile."""
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            reading = {
                events: await self._load(pool, events) for events in sorted({*map(self._events, peers)})
            }
            for events, future in reading.items():
                self._said.now(f"the oracle reads {events:,} records")
                wanted = self._wanted[events] = await asyncio.wrap_future(future)
                self._said.step(
                    f"{events:,} records: {sum(wanted.visits.values()):,} visits, {wanted.late:,} late, "
                    f"{wanted.bad:,} bad"
                )
        for peer in peers:
            events = self._events(peer)
            self._results.expect(
                peer.name, events=events, versions=peer.versions, wanted=self._wanted[events]
            )
        self._results.write()

    async def _load(self, pool: Executor, events: int) -> Future[Expected]:
        given = self._given
        made = {
            "seed": given.seed,
            "persons": given.persons,
            "partitions": given.partitions,
            "zipf": given.zipf,
        }
        topic = _input_topic(events)
        await self._kafka.create(topic, given.partitions)
        chunks = cached(events, **made)  # type: ignore[arg-type]
        await self._kafka.load(
            topic, chunks, lambda count: self._said.now(f"loading {count:,} of {events:,} records")
        )
        return pool.submit(oracle, events, made)

    async def run(self, peer: Peer, number: int) -> None:
        """One run, whatever comes of it, and nothing left of it but its result.

        None of somebody who was too slow before: that would take the others' time.
        """
        if peer.name in self._given_up:
            return
        name = f"{peer.name}-{number}"
        events = self._events(peer)
        state = self._folder / name
        state.mkdir()
        job = Job(
            bootstrap=self._kafka.address,
            input_topic=_input_topic(events),
            output_topic=peer.output_topic(f"versus-{name}"),
            partitions=self._given.partitions,
            group=f"versus-{name}",
            state_dir=state,
            key_events=KEY_EVENTS,
            gap_ms=GAP_MS,
            lateness_ms=LATENESS_MS,
        )
        head = f"round {number} of {self._given.rounds}: {peer.name}"
        self._said.now(f"{head} starts")
        before: set[str] = {*map(_input_topic, self._wanted)}
        try:
            before |= await self._kafka.topics()
            await self._kafka.create(job.output_topic, job.partitions)
            done = await run(
                peer,
                job,
                self._kafka,
                self._wanted[events],
                events=events,
                cores=self._cores,
                cache=self._cache,
                watch=lambda read: self._said.now(f"{head}: {read:,} of {events:,} records"),
                limits=Limits(all_s=START_S + 3 * max(events / peer.expected_per_s, 30)),
            )
            self._results.add(done)
            verdict = "right" if done.difference.none else f"{done.difference}"
            self._said.step(
                f"{head}: {done.events_per_s:,.0f} events/s, {done.cpu_s_per_million:.1f} s of CPU a "
                f"million, {done.peak_rss_mib:,.0f} MiB, {done.visits:,} visits: {verdict}"
            )
        except SlowError as error:
            self._given_up.add(peer.name)
            self._results.fail(peer.name, str(error))
            self._said.step(f"{head} is given up: {str(error).splitlines()[0]}", style="red")
        except Exception as error:
            # Whatever one of them does, the others shall be measured.
            reason = str(error) if isinstance(error, PeerError) else repr(error)
            self._results.fail(peer.name, reason)
            self._said.step(f"{head} failed: {reason.splitlines()[0]}", style="red")
        finally:
            with suppress(KafkaError):  # what is left of it takes room, no more
                await self._kafka.delete(await self._kafka.topics() - before)
            shutil.rmtree(state, ignore_errors=True)

    def _events(self, peer: Peer) -> int:
        return share_of(self._given.events, enough=peer.expected_per_s * self._given.seconds)


def share_of(events: int, *, enough: int) -> int:
    """All events, or half, a quarter, an eighth … of them, whichever is nearest to `enough`.

    Few different numbers, for each is a topic to be loaded and read by the oracle.
    """
    halvings = max(0, round(math.log2(events / enough)))
    return max(events >> halvings, LEAST)


def oracle(events: int, made: dict[str, float]) -> Expected:
    """What is in this input. For a process of its own."""
    records = (
        (partition, value)
        for chunk in cached(events, **made)  # type: ignore[arg-type]
        for partition, log in enumerate(chunk)
        for _, value, _ in log
    )
    return expected(records, key_events=KEY_EVENTS, gap_ms=GAP_MS, lateness_ms=LATENESS_MS, max_ms=None)


def _input_topic(events: int) -> str:
    return f"app-events-{events}"
