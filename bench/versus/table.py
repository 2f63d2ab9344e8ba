"""The results as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]


def table(rows: Sequence[Row], *, of: str = "footfall") -> Table:
    """One line a contestant, the fastest first; `×` is against the one named `of`."""
    base = next((row for row in rows if row["name"] == of), {})
    drawn = Table(header_style="bold", caption="median of rounds (least – most)", caption_justify="left")
    drawn.add_column("", no_wrap=True)
    for name in ("events/s", "×", "CPU s / million", "×", "peak RSS MiB", "events"):
        drawn.add_column(name, justify="right", no_wrap=name != "CPU s / million")
    drawn.add_column("visits", min_width=12)
    for row in sorted(rows, key=lambda row: -(row["events_per_s"] or 0)):
        drawn.add_row(
            Text(row["name"], style="bold" if row["name"] == of else ""),
            _spread(row, "events_per_s"),
            _ratio(row, base, "events_per_s"),
            _spread(row, "cpu_s_per_million"),
            _ratio(row, base, "cpu_s_per_million"),
            _spread(row, "peak_rss_mib"),
            f"{row['events'] / 1e6:g} M" if row.get("events") else "",
            _verdict(row),
        )
    return drawn


def _spread(row: Row, measure: str) -> str:
    if row[measure] is None:
        return "–"
    spread = row["spread"][measure]
    median = f"{row[measure]:,}"
    if row["rounds"] == 1:
        return median
    return f"{median} ({spread['min']:,} – {spread['max']:,})"


def _ratio(row: Row, base: Row, measure: str) -> str:
    if not row[measure] or not base.get(measure):
        return ""
    ratio = row[measure] / base[measure]
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _verdict(row: Row) -> Text:
    said = []
    if row["runs"]:
        worst = {what: max(run[what] for run in row["runs"]) for what in ("missing", "extra", "repeated")}
        said = [f"{count:,} {what}" for what, count in worst.items() if count]
        for what in ("bad", "late"):
            counts = {run[what] for run in row["runs"] if what in run} - {row["expected"][what]}
            said += [f"{count:,} {what} instead of {row['expected'][what]:,}" for count in counts]
    if row["failed"]:
        reason = row["failed"][-1].splitlines()[0]
        said.append(f"failed {len(row['failed'])}×: {reason}" if row["runs"] else f"failed: {reason}")
    if row["correct"] and not row["failed"]:
        return Text(", ".join(["right", *said]), style="green")
    return Text(", ".join(said) or "nothing to compare", style="red")
