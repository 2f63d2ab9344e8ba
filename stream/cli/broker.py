"""`footfall broker`: a broker for development, in the foreground until Ctrl-C."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.markup import escape

from stream.broker import Broker, BrokerError, Kind, Progress

DEFAULT_PORT = 9092


@click.command("broker")
@click.option(
    "--kind",
    type=click.Choice(["tansu", "kafka"]),
    default="tansu",
    show_default=True,
    help="tansu: from its wheel, in memory, no transactions. kafka: Apache Kafka (Java 17), "
    "downloaded once by Maven.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="On 127.0.0.1; 0 takes a free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where Apache Kafka keeps its storage over restarts. Without it, nothing is kept.",
)
def command(kind: Kind, port: int, data: Path | None) -> None:
    """A broker for development, on the loopback interface only.

    Prints its address when it is ready, and ends with Ctrl-C or SIGTERM.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Console(stderr=True)
    # On a terminal a line that changes; in a log, the first of what is told.
    status = console.status(f"starting {kind}") if console.is_terminal else nullcontext()
    progress: Progress = _FirstLine() if isinstance(status, nullcontext) else _escaped(status.update)
    try:
        with ExitStack() as running:
            with status:
                broker = running.enter_context(Broker(kind=kind, port=port, data=data, progress=progress))
            click.echo(f"{kind} ready on {broker.address}")
            sys.stdout.flush()
            broker.wait()
    except BrokerError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        return


class _FirstLine:
    def __init__(self) -> None:
        self._told = False

    def __call__(self, said: str) -> None:
        if not self._told:
            click.echo(said, err=True)
        self._told = True


def _escaped(update: Progress) -> Progress:
    return lambda said: update(escape(said))


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough: the broker is being ended
    raise KeyboardInterrupt
