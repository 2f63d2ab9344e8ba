"""`footfall replay`: the worker's computation over files, no broker."""

from __future__ import annotations

import codecs
import signal
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from stream.cli.configuration import config_option, load_settings
from stream.cli.replay_progress import shown_progress
from stream.cli.replay_summary import summary_lines
from stream.core.times import parse_ms
from stream.replay import Input, ReplayError, SourceError, replay
from stream.sources import Format
from stream.sources.access_log import AccessLogFormat
from stream.sources.columns import ColumnError, read_columns
from stream.sources.segment import SegmentFormat
from stream.sources.table import WHITESPACE, TableFormat, TableOptions
from stream.sources.times import TimeReader

FORMATS = ("segment", "access-log", "csv")
DELIMITERS = {"tab": "\t", WHITESPACE: WHITESPACE}
INTERRUPTED = 128 + signal.SIGINT


def format_options(function: click.decorators.FC) -> click.decorators.FC:
    """The options that say how files are read."""
    for option in reversed(
        (
            click.option(
                "--format", "form", type=click.Choice(FORMATS), default="segment", show_default=True
            ),
            click.option(
                "--csv-columns",
                multiple=True,
                metavar="MAP",
                help="FIELD=COLUMN or FIELD==TEXT, separated by commas; can be repeated.",
            ),
            click.option(
                "--csv-pages",
                metavar="NAMES",
                help="Events that are views of a page of that name, as glob patterns separated by commas.",
            ),
            click.option(
                "--csv-time-format",
                metavar="PATTERN",
                help="iso, epoch, epoch_ms, or a strptime pattern such as %d/%m/%Y.  [default: iso]",
            ),
            click.option(
                "--csv-time-zone", metavar="ZONE", help="Of times without an offset.  [default: `timezone`]"
            ),
            click.option(
                "--csv-delimiter", default=",", show_default=True, help="A character, tab or whitespace."
            ),
            click.option(
                "--csv-no-header", is_flag=True, help="No names in the first row: columns are 1, 2 …"
            ),
            click.option("--csv-encoding", default="utf-8", show_default=True),
            click.option("--sort", is_flag=True, help="Bring the events into time order first, in memory."),
        )
    ):
        function = option(function)
    return function


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder to write."
)
@config_option
@click.option(
    "--until", metavar="TIME", help="Move the watermark to there at the end.  [default: last event]"
)
@click.option(
    "--partitions",
    type=click.IntRange(1, 10_000),
    help="Split the stream as a topic of N partitions is by Kafka's own partitioner.",
)
@click.option("--partitioned", is_flag=True, help="Each file is one partition.")
@format_options
@click.option("--force", is_flag=True, help="Write beside what else is in the folder.")
def command(
    files: tuple[str, ...],
    out: Path,
    config: Path | None,
    until: str | None,
    partitions: int | None,
    partitioned: bool,
    sort: bool,
    force: bool,
    **format_given: object,
) -> None:
    """Run the worker's computation over files.

    FILE is JSON Lines of Segment events, an access log or a table, plain, .gz or .zst; `-` is standard
    input. Several files are one stream in the order given. Writes visits, transitions, engagement (windows),
    incidents, daily (reports), late, dead-letters and people (registered persons' final states) to the
    folder, each as NAME.jsonl.

    \b
    Segment events:
        footfall replay events.jsonl.zst --out out/
    An Apache or nginx log, requests without a user by their address:
        footfall replay --format access-log access.log access.log.1.gz --sort --out out/
    A table of purchases:
        footfall replay orders.csv --out out/ --format csv --sort \\
            --csv-columns 'userId=customer,timestamp=date,event==Order Completed,properties.total=amount'
    """
    if partitioned and partitions:
        raise click.UsageError("--partitions and --partitioned exclude each other")
    if files.count("-") > 1:
        raise click.UsageError("standard input (`-`) can be read only once")
    settings = load_settings(config)
    definition = settings.definition
    until_ms = None if until is None else read_until(until, ZoneInfo(definition.timezone))
    source = Input(
        files=files,
        format=read_format(ZoneInfo(definition.timezone), **format_given),  # type: ignore[arg-type]
        topic=settings.input.topic,
        partitions=partitions or 1,
        partitioned=partitioned,
        sort=sort,
    )
    signal.signal(signal.SIGTERM, _exit)
    try:
        with shown_progress(sys.stderr) as on_progress:
            summary = replay(source, out, definition, until_ms=until_ms, force=force, on_progress=on_progress)
    except (SourceError, ReplayError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo(f"interrupted: {out} is as it was before, nothing of this replay was kept", err=True)
        sys.exit(INTERRUPTED)
    for line in summary_lines(summary, out, form=str(format_given["form"]), sort=sort, until_ms=until_ms):
        click.echo(line, err=True)


def read_format(
    zone: ZoneInfo,
    *,
    form: str,
    csv_columns: tuple[str, ...],
    csv_pages: str | None,
    csv_time_format: str | None,
    csv_time_zone: str | None,
    csv_delimiter: str,
    csv_no_header: bool,
    csv_encoding: str,
) -> Format:
    """The format that the options ask for; `zone` is that of the configuration. Raises BadParameter."""
    if form != "csv":
        if csv_columns:
            raise click.UsageError(f"--csv-columns goes with --format csv, not with --format {form}")
        return SegmentFormat() if form == "segment" else AccessLogFormat()
    try:
        columns = read_columns(csv_columns)
    except ColumnError as error:
        raise click.BadParameter(str(error), param_hint="--csv-columns") from None
    delimiter = DELIMITERS.get(csv_delimiter, csv_delimiter)
    if delimiter != WHITESPACE and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise click.BadParameter(
            f"got {csv_delimiter!r}; takes one character, tab or whitespace", param_hint="--csv-delimiter"
        )
    return TableFormat(
        TableOptions(
            columns=columns,
            pages=tuple(name.strip() for name in (csv_pages or "").split(",") if name.strip()),
            times=TimeReader(csv_time_format, _zone(csv_time_zone) if csv_time_zone else zone),
            delimiter=delimiter,
            header=not csv_no_header,
            encoding=_encoding(csv_encoding),
        )
    )


def read_until(text: str, zone: ZoneInfo) -> int:
    """A time in ms: ISO 8601, a bare date or a time without an offset being local. Raises BadParameter."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"got {text!r}; takes a time such as 2026-03-01T12:00:00Z, or a date", param_hint="--until"
        ) from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=zone)
    until_ms = parse_ms(time.isoformat())
    if until_ms is None:
        raise click.BadParameter(f"{text!r} is outside the years 1 to 9999", param_hint="--until")
    return until_ms


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise click.BadParameter(
            f"got {name!r}; takes a zone such as Europe/Berlin", param_hint="--csv-time-zone"
        ) from None


def _encoding(name: str) -> str:
    """An encoding in which a line end is one byte, so that a file can be cut into lines before it is read."""
    try:
        if "\n".encode(codecs.lookup(name).name) == b"\n":
            return name
    except (LookupError, UnicodeError):
        pass
    raise click.BadParameter(f"got {name!r}; takes utf-8, latin-1, cp1252 …", param_hint="--csv-encoding")


def _exit(signum: int, frame: object) -> None:
    sys.exit(128 + signum)
