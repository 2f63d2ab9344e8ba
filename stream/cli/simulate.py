"""`footfall simulate`: a product's synthetic users, to a file or a topic."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

import click

from stream.cli.configuration import config_option, load_settings
from stream.engine.security import Security
from stream.simulate.asked import read_share
from stream.simulate.delivery import Faults
from stream.simulate.options import Options, WrongOptions
from stream.simulate.progress import Progress
from stream.simulate.run import WriteError, Writer, run
from stream.simulate.simulation import Simulation

SHARE = click.FloatRange(0, 1)


class Growth(click.ParamType):
    """`10%` or `0.1`, also below 0."""

    name = "growth"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        share = read_share(text.removeprefix("-"))
        if share is None or text == "-100%":
            self.fail(f'got "{text}"; takes what is added in 30 days, such as 10% or -2.5%', param, ctx)
        return -share if text.startswith("-") else share


_CLOSE_WITHIN_S = 10


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed and options: same bytes.")
@click.option(
    "--days",
    type=click.FloatRange(0, min_open=True),
    help="Length in days of event time; with --live the history before now.  [default: 30, with --live 0]",
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="First day.  [default: 2026-01-01; for a topic so that the last day was yesterday]",
)
@click.option(
    "--users",
    type=click.IntRange(1),
    default=1_000,
    show_default=True,
    help="Registered users on the first day; newcomers a day are 3 % of it. About 1.4 events a day each.",
)
@click.option("--events", type=click.IntRange(1), metavar="N", help="Stop after N events, whatever the day.")
@click.option("--anonymous", type=SHARE, metavar="SHARE", help="Newcomers who never sign up.  [default: 0.7]")
@click.option(
    "--growth",
    type=Growth(),
    metavar="SHARE",
    help="How much newcomers a day grow a month, such as 10% or -5%.  [default: 2%]",
)
@click.option("--bots", type=SHARE, default=0.0, metavar="SHARE", help="Events of robots that view pages.")
@click.option(
    "--plant",
    "plants",
    multiple=True,
    metavar="PLANT",
    help="What befalls the product, see below; may be given several times.",
)
@click.option(
    "--truth",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what was planted, when, and what it moved, as JSON.",
)
@click.option("--late", type=SHARE, default=0.0, metavar="SHARE", help="Events later than 10 minutes.")
@click.option("--disorder", type=SHARE, default=0.0, metavar="SHARE", help="Events out of order, not late.")
@click.option("--duplicates", type=SHARE, default=0.0, metavar="SHARE", help="Records that are repeats.")
@click.option("--bad", type=SHARE, default=0.0, metavar="SHARE", help="Records that are dead letters.")
@click.option(
    "--out", metavar="FILE", help="JSON Lines; .gz and .zst compress.  [default: -, standard output]"
)
@click.option("--broker", metavar="ADDR", help="Write to a topic on this Kafka broker, keyed by person.")
@config_option
@click.option("--topic", metavar="T", help="The topic, which must exist.  [default: app-events]")
@click.option(
    "--compression",
    type=click.Choice(["none", "gzip"]),
    default="none",
    show_default=True,
    help="Of a topic's records: an eighth of the broker's memory, for twice the processor time.",
)
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), metavar="N", help="At most N events a second."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help="Event time passes X times as fast as real time, with --live until it has reached the present.  "
    "[default: as fast as possible]",
)
@click.option("--live", is_flag=True, help="Events happen now, and go on until Ctrl-C.")
def command(
    *,
    config: Path | None,
    start: datetime | None,
    late: float,
    disorder: float,
    duplicates: float,
    bad: float,
    **given: object,
) -> None:
    """A shop's synthetic users: newcomers, visits, purchases, lapses, as Segment-spec events.

    \b
    Sixty days in a file, the same for everybody who runs this:
        footfall simulate --seed 1 --days 60 --out events.jsonl.zst
    A million events of a larger product, with every kind of trouble:
        footfall simulate --users 50000 --events 1000000 --late 0.01 --disorder 0.1 \\
                          --duplicates 0.02 --bad 0.001 --out trouble.jsonl
    A month into a topic within 12 minutes (3,600 times real time):
        footfall simulate --broker localhost:9092 --speed 3600
    Two months of history at once, then live traffic until Ctrl-C:
        footfall simulate --broker localhost:9092 --days 60 --live
    The same, but a day passes in 2 seconds until the present is reached:
        footfall simulate --broker localhost:9092 --days 60 --speed 43200 --live
    A broker that wants to know who we are, as `[security]` in footfall.toml or --config says:
        footfall simulate --broker kafka:9093 --config footfall.toml
    A steady load:
        footfall simulate --broker localhost:9092 --users 100000 --rate 5000
    A month with an outage and a sale, and the truth about it:
        footfall simulate --plant outage:from=2026-01-20T14:00,for=30m,depth=50% \\
                          --plant promotion:name=winter,from=22d,for=2d \\
                          --truth truth.json --out events.jsonl
    Two months of whatever may happen, at times that the seed chooses:
        footfall simulate --days 60 --plant random --truth truth.json --out events.jsonl

    \b
    PLANT is a kind, or a kind and options (defaults in brackets):
        outage       events are lost: depth [50%], channel [all], for [30m]
        viral        more visits through a channel: factor [2], channel [social], for [2h]
        decline      fewer visits each day: rate [2%], channel [all], for [to the end]
        broken       an event is not sent any more: event ["Order Completed"], share [100%], for [12h]
        bad-channel  a channel's visits end after one page: channel [paid], share [100%], for [12h]
        promotion    a sale, with its [[campaign]] in the truth: name [sale], channel, factor [2], for [1d]
        all          each kind once, with quiet between; needs 28 days
        random       a mixture of kinds, strengths and lengths; needs 28 days
    Each takes from=TIME, and for=DURATION or to=TIME. TIME is 2026-01-20T14:00 (UTC), or a duration since
    the start (19d14h). Without from the seed chooses a time.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it has to say, WriteError says
    faults = Faults(late=late, disorder=disorder, duplicates=duplicates, bad=bad)
    # Of the configuration only how the broker is talked to.
    security = load_settings(config).security if given["broker"] else Security()
    day = start.date() if start else None
    options = Options(start=day, faults=faults, security=security, **given)  # type: ignore[arg-type]
    try:
        options.check()
        code = asyncio.run(_simulate(options))
    except WrongOptions as error:
        raise click.UsageError(str(error)) from None
    except WriteError as error:
        raise click.ClickException(str(error)) from None
    except BrokenPipeError:
        # The reader (`head`) has had enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    except OSError as error:
        raise click.ClickException(f"--out {options.out}: {error.strerror or error}") from None
    if code:
        sys.exit(code)


async def _simulate(options: Options) -> int:
    """Runs to the end or to a signal; the exit code: 0, or 130 after Ctrl-C."""
    now_ms = int(time.time() * 1000)
    start_ms, end_ms = options.period(now_ms)
    simulation = options.simulation(start_ms, end_ms)
    # Now what is planned, at the end what it did: a file that cannot be written fails before the work.
    _write_truth(simulation, options.truth)
    stop, signals = _stop_on_signals()
    writer = await options.writer()
    progress = Progress(sys.stderr, start_ms=start_ms, end_ms=end_ms, limit=options.events)
    try:
        written = await run(
            simulation.slices(),
            writer,
            options.pace(start_ms, now_ms),
            stop=stop,
            limit=options.events,
            report=progress.report,
        )
    finally:
        _write_truth(simulation, options.truth)
        await _close(writer)
    progress.finish(written, "  stopped" if signals else "")
    return 130 if signal.SIGINT in signals and not options.live else 0


def _write_truth(simulation: Simulation, path: Path | None) -> None:
    if path is None:
        return
    try:
        simulation.truth().write(path)
    except OSError as error:
        raise click.ClickException(f"--truth {path}: {error.strerror or error}") from None


async def _close(writer: Writer) -> None:
    try:
        await asyncio.wait_for(writer.close(), _CLOSE_WITHIN_S)
    except TimeoutError:
        raise WriteError(
            f"the broker did not take the last records within {_CLOSE_WITHIN_S} s: some may be missing"
        ) from None


def _stop_on_signals() -> tuple[asyncio.Event, list[signal.Signals]]:
    """An event that Ctrl-C or SIGTERM sets, and the signals that did; a second one kills as usual."""
    stop = asyncio.Event()
    caught: list[signal.Signals] = []
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        caught.append(number)
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    return stop, caught
