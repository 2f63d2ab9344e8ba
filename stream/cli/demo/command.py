"""The command `footfall demo`: its options, and what it prints."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from click.core import ParameterSource

from stream.broker import BrokerError, is_free
from stream.cli.demo.browser import has_screen, open_page
from stream.cli.demo.stage import Stage, now_ms
from stream.cli.demo.story import LEAST_DAYS, LEAST_USERS, Story, described, tell
from stream.cli.demo.told import Record, Told
from stream.cli.demo.tour import Tour
from stream.cli.record_lines import RecordLines
from stream.settings import Web
from stream.simulate.run import WriteError

INTERRUPTED = 130
SECONDS_PER_DAY = 1.0
GUIDED_SECONDS_PER_DAY = 2.0


@click.command("demo", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--guided", is_flag=True, help="Explains what is seen, as it happens; takes twice the time.")
@click.option("--users", type=click.IntRange(1), default=5_000, show_default=True, help="Of the product.")
@click.option(
    "--days", type=click.IntRange(LEAST_DAYS), default=365, show_default=True, help="Of history, up to now."
)
@click.option(
    "--seconds-per-day",
    type=click.FloatRange(0, min_open=True),
    help="How fast the history passes.  "
    f"[default: {SECONDS_PER_DAY:g}, with --guided {GUIDED_SECONDS_PER_DAY:g}]",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the simulated product.")
@click.option("--all", "every", is_flag=True, help="Every transition, instead of a line a day.")
@click.option(
    "--web-port",
    type=click.IntRange(0, 65_535),
    default=Web().port,
    show_default=True,
    help="Of the page; 0 takes a free one, and so does the default where it is taken.",
)
@click.option(
    "--open/--no-open",
    "opens",
    default=None,
    help="The page in a browser.  [default: where there is a screen]",
)
@click.pass_context
def command(
    ctx: click.Context,
    guided: bool,
    users: int,
    days: int,
    seconds_per_day: float | None,
    seed: int,
    every: bool,
    web_port: int,
    opens: bool | None,
) -> None:
    """See it work: a simulated shop's year in minutes, on a live page and in the terminal.

    Starts an embedded broker, the shop and a worker. People register, become active, fall silent, come back,
    and churn; an outage and a viral day are planted, and found by the same watch that would find yours. When
    the history has reached the present, it goes on live. Ctrl-C ends it all, and leaves nothing behind.

    \b
    The page, and a line a day:
        footfall demo
    With somebody who explains it:
        footfall demo --guided
    Another shop, a day in half a second, every transition:
        footfall demo --seed 7 --seconds-per-day 0.5 --all
    """
    logging.basicConfig(level=logging.ERROR)
    pace_s = seconds_per_day or (GUIDED_SECONDS_PER_DAY if guided else SECONDS_PER_DAY)
    story = tell(users=users, days=days, seconds_per_day=pace_s, seed=seed, now_ms=now_ms())
    given = ctx.get_parameter_source("web_port") is not ParameterSource.DEFAULT
    port = web_port
    if not given and not is_free(port):
        click.echo(f"Port {port} is taken, by another worker perhaps: a free one is used.")
        port = 0
    if opens is None:
        opens = has_screen(os.environ, terminal=sys.stdout.isatty())
    talk = Talk(story, guided=guided, every=every, opens=opens)
    sys.exit(_run(story, talk, port))


class Talk:
    """All that is printed: addresses first, then what the records say."""

    def __init__(self, story: Story, *, guided: bool, every: bool, opens: bool) -> None:
        self._story = story
        self._opens = opens
        self._told = Told(
            story,
            RecordLines(ZoneInfo("UTC")),
            shown="every" if every else "none" if guided else "first",
            days_between=7 if guided else 1,
        )
        self._guided = guided
        self._tour: Tour | None = None
        # Some programs and people want none even on a terminal (no-color.org).
        self._colour = False if os.environ.get("NO_COLOR") else None

    @property
    def outputs(self) -> tuple[str, ...]:
        """What is looked at; visits only where one is explained."""
        return ("transitions", "incidents", "daily", *(["visits"] if self._guided else []))

    def ready(self, address: str, config: Path) -> None:
        story = self._story
        planted = " and ".join(described(plant) for plant in story.plants)
        self._say(f"Page      {address}/")
        self._say(f"Metrics   {address}/metrics")
        self._say(f"Also      {footfall()} explain PERSON --config {config}\n")
        self._say(
            f"A simulated shop of {story.users:,} users, seed {story.seed}: {story.days} days pass in "
            f"{story.minutes:.0f} minutes, then it goes on live.\nPlanted: {planted}. Ctrl-C ends it all.\n"
        )
        if story.users < LEAST_USERS:
            self._say(
                f"(Fewer than {LEAST_USERS:,} users: too few an hour to find what is planted for sure.)\n"
            )
        if self._guided:
            self._tour = Tour(story, address, f"{footfall()} explain {{person}} --config {config}")
        if self._opens:
            open_page(f"{address}/")

    def record(self, record: Record) -> None:
        for line in self._told.lines(record, now_ms()):
            self._say(line)
        if self._tour is not None:
            for line in self._tour.lines(record):
                self._say(line)

    def _say(self, text: str) -> None:
        click.echo(text, color=self._colour)


def footfall() -> str:
    """What this command is called from here."""
    found = shutil.which("footfall")
    called = Path(sys.argv[0])
    if found is None and called.name == "footfall":
        return os.path.relpath(called)
    return "footfall"


def _run(story: Story, talk: Talk, port: int) -> int:
    # Loaded only now, so that `footfall demo --help` answers at once.
    from stream.engine.errors import EngineError
    from stream.topic_reader import ReadError

    click.echo("Starting an embedded broker, a simulated shop, and a worker …\n")
    runner = asyncio.Runner()
    with tempfile.TemporaryDirectory(prefix="footfall-demo-") as folder:
        try:
            stopped_by = runner.run(
                Stage(story, outputs=talk.outputs, ready=talk.ready, record=talk.record).run(
                    Path(folder), port
                )
            )
        except (BrokerError, EngineError, WriteError, ReadError) as error:
            click.echo(f"Error: {error}", err=True)
            code = 1
        except BrokenPipeError:
            # The reader (`head`) has had enough; keep the interpreter from complaining at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        else:
            click.echo("\nStopped; nothing is left behind.")
            code = INTERRUPTED if stopped_by is signal.SIGINT else 0
    if code == 1:
        # The tasks of a worker that failed may never end (see stream.worker.main).
        sys.stdout.flush()
        os._exit(code)
    runner.close()
    return code
