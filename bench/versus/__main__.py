"""Measure Footfall beside other stream processors: the same events, the same Kafka, one core each, in turn.

    python -m bench.versus                                        all peers, 3 rounds of 2,000,000 events
    python -m bench.versus --peers none                           Footfall alone
    python -m bench.versus --peers quixstreams --events 200000 --rounds 1     to try a peer
    python -m bench.versus --peers flink --without-footfall       the same, without Footfall beside it

Starts Apache Kafka (Java 17 and Maven) on one core, with this program; the measured process, all of it, has
another. The input is generated (seeded; kept in ~/.cache/footfall/bench) and loaded once; each run reads it
from its beginning with a group, topics and state of its own. A slow peer gets a prefix that lasts it about a
minute. What each publishes is compared with an oracle's visits. Peers' environments are made once, in the
same cache.

Writes bench/results/latest.json after every run, prints a table, and ends with 0 if all got through with the
right visits. Ctrl-C ends everything. docs/benchmark.md has how to read the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from rich.console import Console

from bench.input import EVENTS, PARTITIONS, PERSONS, ZIPF, cache_folder
from bench.versus.contest import LEAST, Contest
from bench.versus.job import PEERS, Peer, PeerError, find
from bench.versus.kafka import Kafka
from bench.versus.results import LATEST, Results, commit, machine, now
from bench.versus.said import Said
from bench.versus.table import table
from stream.broker import BrokerError, start_broker, why_missing

SECONDS = 40
FILE_WIDTH = 130
NAMES = ("footfall", *PEERS)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends with 2 where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.versus",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--peers", type=_peers, default=PEERS, help=f"all, none, or some of {','.join(PEERS)} (default: all)"
    )
    parser.add_argument(
        "--events", type=_at_least(LEAST), default=EVENTS, help="records of the input (%(default)s)"
    )
    parser.add_argument("--rounds", type=_at_least(1), default=3, help="runs of each (%(default)s)")
    parser.add_argument(
        "--seconds",
        type=_at_least(1),
        default=SECONDS,
        help="who needs longer for all events, by its own estimate, gets about what it can do in this time: "
        "a half, a quarter … (%(default)s)",
    )
    parser.add_argument("--without-footfall", action="store_true", help="only the peers")
    parser.add_argument("--seed", type=int, default=1, help="of the input (%(default)s)")
    parser.add_argument("--persons", type=_at_least(1), default=PERSONS, help="(%(default)s)")
    parser.add_argument("--partitions", type=_at_least(1), default=PARTITIONS, help="(%(default)s)")
    parser.add_argument("--zipf", type=float, default=ZIPF, help="0: everyone comes as often (%(default)s)")
    parser.add_argument("--out", type=Path, default=LATEST, help="where the results go (%(default)s)")
    given = parser.parse_args(arguments)
    if given.without_footfall and not given.peers:
        parser.error("--without-footfall and no peers: that leaves nothing to measure")
    return given


def _peers(text: str) -> tuple[str, ...]:
    if text in ("", "none"):
        return ()
    names = [*PEERS] if text == "all" else [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"there is no peer {', '.join(unknown)}: take all, none, or some of {', '.join(PEERS)}"
        )
    return tuple(dict.fromkeys(names))


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text.replace("_", "").replace(",", ""))
        if number < least:
            raise argparse.ArgumentTypeError(f"{text} is too few: at least {least:,}")
        return number

    read.__name__ = "whole number"
    return read


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0: all right; 1: somebody failed or was wrong; 2: it can't run here; 130: Ctrl-C."""
    given = options(arguments)
    reason = why_missing()
    if reason is None and len(os.sched_getaffinity(0)) < 2:
        reason = "there is one core only, and the broker and the measured process need one each"
    if reason is not None:
        print(f"The benchmark can't run here: {reason}.", file=sys.stderr)
        return 2
    # It tells of topics that peers have yet to create, and of such that are gone.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        results = asyncio.run(_benchmark(given))
    except KeyboardInterrupt:
        print(f"\nInterrupted; what had been measured is in {given.out}.", file=sys.stderr)
        return 130
    except BrokerError as error:
        print(f"Apache Kafka: {error}", file=sys.stderr)
        return 2
    console = Console()
    if not console.is_terminal:
        console = Console(width=FILE_WIDTH)
    console.print(table(results.rows))
    for row in results.rows:
        for failure in row["failed"][-1:]:
            print(f"\n{row['name']}: {failure}\n(all it said: {cache_folder()}/logs/{row['name']}.log)")
        example = next((run["example"] for run in row["runs"] if run["example"]), None)
        if example:
            print(f"\n{row['name']}: for example {example}")
    print(f"\nWritten to {given.out}")
    return 0 if results.all_right else 1


async def _benchmark(given: argparse.Namespace) -> Results:
    about = {
        "date": now(),
        "commit": commit(),
        "machine": machine(),
        "input": {name: getattr(given, name) for name in ("events", "seed", "persons", "partitions", "zipf")},
    }
    results = Results(about, given.out)
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with Said() as said:
        names = [
            name
            for name in NAMES
            if name in given.peers or (name == "footfall" and not given.without_footfall)
        ]
        peers = await _ready(names, cache, results, said)
        # One for everything else, one for what is measured.
        usable = sorted(os.sched_getaffinity(0))
        ours, measured = usable[-2:-1], usable[-1:]
        with (
            tempfile.TemporaryDirectory(prefix="footfall-versus-", ignore_cleanup_errors=True) as made,
            _on(ours),
        ):
            folder = Path(made)
            said.now("starting Apache Kafka")
            broker = start_broker(kind="kafka", port=0, data=folder / "kafka", progress=said.now)
            async with broker, Kafka(broker.address) as kafka:
                contest = Contest(given, results, said, kafka, folder, cache, measured)
                with _on(usable):
                    await contest.load(peers)
                for number in range(given.rounds):
                    turn = number % max(1, len(peers))
                    for peer in [*peers[turn:], *peers[:turn]]:
                        await contest.run(peer, number + 1)
    return results


async def _ready(names: Sequence[str], cache: Path, results: Results, said: Said) -> list[Peer]:
    """Those of them that can be run."""
    peers = []
    for name in names:
        said.now(f"{name}: making its environment ready")
        try:
            peer = find(name)
            await asyncio.to_thread(peer.prepare, cache, partial(_tell, said, name))
            peers.append(peer)
        except PeerError as error:
            results.fail(name, str(error))
            said.step(f"{name} is left out: {str(error).splitlines()[0]}", style="red")
    return peers


def _tell(said: Said, name: str, text: str) -> None:
    said.now(f"{name}: {text}")


@contextmanager
def _on(cores: Sequence[int]) -> Iterator[None]:
    """This process, all its threads and what it starts meanwhile, on those cores."""
    before = os.sched_getaffinity(0)
    _pin(cores)
    try:
        yield
    finally:
        _pin(before)


def _pin(cores: Sequence[int] | set[int]) -> None:
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread), cores)


if __name__ == "__main__":
    sys.exit(main())
