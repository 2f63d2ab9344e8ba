"""`footfall detect`: expected, bounds, score and anomaly for each row of a time series."""

from __future__ import annotations

import csv
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from stream.cli.detect_progress import progress
from stream.cli.judging import Judging
from stream.cli.series_file import Point, SeriesError, read_points
from stream.core.detection import Judgement
from stream.core.detection.detector import SENSITIVITY

COLUMNS = ("timestamp", "value", "expected", "lower", "upper", "score", "anomaly")
INTERRUPTED = 128 + signal.SIGINT


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("file", metavar="FILE.csv", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.  [default: stdout]"
)
@click.option(
    "--sensitivity",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=SENSITIVITY,
    show_default=True,
    help="The score from which a row is an anomaly. Nearer to 1: fewer.",
)
def command(file: str, out: Path | None, sensitivity: float) -> None:
    """Find what is unusual in a time series.

    FILE.csv has the columns timestamp and value, others are ignored; `-` is standard input. Each row comes
    out again, in its place, with five columns more, judged by the rows so far and nothing after:

    \b
        expected        what the rows before it lead to expect: level, daily or weekly rhythm
        lower, upper    the band that usual values stay in
        score           0 to 1, how unusual the last rows are, this one included: of usual rows
                        one in a thousand begins a stretch that scores 0.999
        anomaly         1 where a stretch is first found unusual, else 0; then, for half a day
                        (24 to 144 rows), no other is looked for, and the score is 0

    A timestamp is ISO 8601, with an offset or without (a day begins at midnight by the clock that it
    shows), or seconds or milliseconds since 1970. A value that is empty, NA, NaN or null is missing: its
    score is 0. So is that of the first 30 rows, of which the first 12 expect no more than the value before.
    The method, and what it was measured on: docs/detection.md

    \b
        footfall detect requests.csv --out judged.csv
        footfall detect requests.csv | awk -F, '$7 == 1'
        tail -n +1 -f requests.csv | footfall detect -
    """
    if out is not None and file != "-" and out.exists() and out.samefile(file):
        raise click.BadParameter(f"{out} is the file that is read; takes another one", param_hint="--out")
    judging, rows = Judging(sensitivity), 0
    name = "standard input" if file == "-" else file
    try:
        with (
            _opened(file) as lines,
            _written(out) as target,
            progress(file, out, stdout=sys.stdout, stderr=sys.stderr) as counted,
        ):
            writer = csv.writer(target, lineterminator="\n")
            points = read_points(counted(lines), name)
            writer.writerow(COLUMNS)
            for point in points:
                judgement = judging.judge(point)
                rows += 1
                writer.writerow(_row(point, judgement))
                if file == "-":
                    # Somebody may be waiting for it.
                    target.flush()
    except SeriesError as error:
        raise click.ClickException(str(error)) from None
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name} is not text in UTF-8: {error.reason}") from None
    except BrokenPipeError:
        # The reader has seen enough (`| head`); what is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise click.ClickException(f"{error.filename or out or name}: {error.strerror}") from None
    except KeyboardInterrupt:
        click.echo(f"interrupted after {rows:,} rows", err=True)
        sys.exit(INTERRUPTED)


def _row(point: Point, judgement: Judgement | None) -> tuple[str, ...]:
    if judgement is None:
        return point.timestamp, point.text, "", "", "", "0", "0"
    expected, lower, upper, score, anomaly = judgement
    return (
        point.timestamp,
        point.text,
        f"{expected:.7g}",
        f"{lower:.7g}",
        f"{upper:.7g}",
        f"{score:.9g}",
        "1" if anomaly else "0",
    )


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    if file == "-":
        sys.stdin.reconfigure(encoding="utf-8-sig", newline="")  # type: ignore[union-attr]
        yield sys.stdin
        return
    with open(file, encoding="utf-8-sig", newline="") as lines:
        yield lines


@contextmanager
def _written(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with out.open("w", encoding="utf-8", newline="") as target:
        yield target
