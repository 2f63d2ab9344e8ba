"""Draws the pictures of docs/detection.md: what `footfall detect` says of real series.

    python docs/img/detection.py --nab DIR --cdnow CDNOW_master.txt

DIR holds the data of the Numenta Anomaly Benchmark; the other file is in the package `lifetimes`.
Writes detection-*.svg beside this file. Equal input makes equal bytes.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream.cli.judging import Judging
from stream.cli.series_file import Point, read_points
from stream.core.detection import Judgement
from stream.core.detection.detector import SENSITIVITY
from stream.core.engagement.chart import Series, draw

HERE = Path(__file__).parent
MOST = 700

Judged = list[tuple[Point, Judgement | None]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nab", type=Path, required=True)
    parser.add_argument("--cdnow", type=Path, required=True)
    given = parser.parse_args()
    known, ads = given.nab / "realKnownCause", given.nab / "realAdExchange"
    taxi = judged(known / "nyc_taxi.csv")
    picture("taxi-begins", taxi[:700], "Taxi passengers in New York: the first two weeks")
    picture("taxi-holidays", taxi[6900:7400], "Taxi passengers in New York: Thanksgiving")
    picture("cpm", judged(ads / "exchange-3_cpm_results.csv")[700:1300], "Cost of a thousand impressions")
    picture(
        "orders",
        judged_rows(orders(given.cdnow), given.cdnow.name),
        "Orders of CDNOW a day, January 1997 to June 1998",
    )


def judged(path: Path) -> Judged:
    with path.open(newline="") as lines:
        return judged_rows(lines, path.name)


def judged_rows(lines: Iterable[str], name: str) -> Judged:
    judging = Judging(SENSITIVITY)
    return [(point, judging.judge(point)) for point in read_points(lines, name)]


def orders(path: Path) -> Iterator[str]:
    """Purchases a day, as rows of a series."""
    days = Counter(line.split()[1] for line in path.read_text().splitlines()[1:])
    first, last = (datetime.strptime(day, "%Y%m%d") for day in (min(days), max(days)))
    yield "timestamp,value"
    for ahead in range((last - first).days + 1):
        day = first + timedelta(days=ahead)
        yield f"{day:%Y-%m-%d},{days[f'{day:%Y%m%d}']}"


def picture(name: str, rows: Judged, title: str) -> None:
    rows = thinned(rows)
    series = Series(
        times=[point.t_ms for point, _ in rows],
        values=[point.value for point, _ in rows],
        expected=[None if it is None else it.expected for _, it in rows],
        lower=[None if it is None else it.lower for _, it in rows],
        upper=[None if it is None else it.upper for _, it in rows],
        marks=[place for place, (_, it) in enumerate(rows) if it is not None and it.anomaly],
    )
    description = f"{title}: value, what was expected, the band; dots where an anomaly begins."
    path = HERE / f"detection-{name}.svg"
    path.write_bytes(draw(series, title=title, description=description, label=label))
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB, {len(series.marks)} anomalies")


def thinned(rows: Judged) -> Judged:
    """At most so many rows as can be told apart; those with an anomaly stay."""
    every = -(-len(rows) // MOST)
    return [row for i, row in enumerate(rows) if i % every == 0 or (row[1] is not None and row[1].anomaly)]


def label(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%d %b")


if __name__ == "__main__":
    main()
