"""The results as plots for docs/performance.md: `python -m bench.versus.plots [latest.json] [docs/img]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import orjson

from bench.versus.results import LATEST, ROOT

Row = Mapping[str, Any]

PLOTS = {
    "events_per_s": ("Events a second on one core", "higher is better"),
    "cpu_s_per_million": ("Processor time a million events, seconds", "lower is better"),
    "peak_rss_mib": ("Peak resident memory, MiB", "lower is better"),
}
WIDTH, LEFT, RIGHT = 720, 160, 120
TOP, BAR, STEP = 52, 18, 30
# One look for both themes: the page behind may be light or dark.
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-size:15px;font-weight:600;fill:#1b1f24}"
    ".bar{fill:#8a94a0}.ours{fill:#0072b2}.range{stroke:#1b1f24;stroke-width:1.5;fill:none}"
    "@media (prefers-color-scheme:dark){text{fill:#a3adb8}.title{fill:#e6e9ed}.ours{fill:#56b4e9}"
    ".range{stroke:#e6e9ed}}"
)


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write one plot a measure, `versus-<measure>.svg`; equal results make equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for measure, (title, better) in PLOTS.items():
        path = folder / f"versus-{measure.replace('_', '-')}.svg"
        path.write_text(plot(rows, measure, f"{title} ({better})"))
        written.append(path)
    return written


def plot(rows: Sequence[Row], measure: str, title: str) -> str:
    """A bar for the median of each contestant, the best first, with a line from the least to the most."""
    known = [row for row in rows if row[measure] is not None]
    best_first = sorted(known, key=lambda row: row[measure], reverse=measure == "events_per_s")
    most = max((row["spread"][measure]["max"] for row in known), default=1) or 1
    scale = (WIDTH - LEFT - RIGHT) / most
    drawn = []
    for number, row in enumerate(best_first):
        drawn += _bar(row, measure, TOP + number * STEP, scale)
    height = TOP + STEP * len(best_first) + 8
    if not all(row["correct"] for row in best_first):
        height += 22
        drawn.append(f'<text x="8" y="{height - 10}">* published other visits than expected</text>')
    told = "; ".join(f"{row['name']} {row[measure]:,}" for row in best_first)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc><style>{STYLE}</style>"
        f'<text x="8" y="24" class="title">{escape(title)}</text>{"".join(drawn)}</svg>\n'
    )


def _bar(row: Row, measure: str, top: float, scale: float) -> list[str]:
    spread = row["spread"][measure]
    middle = top + BAR / 2
    low, high = LEFT + spread["min"] * scale, LEFT + spread["max"] * scale
    wrong = "" if row["correct"] else " *"
    kind = "bar ours" if row["name"].startswith("footfall") else "bar"
    return [
        f'<text x="{LEFT - 8}" y="{middle + 5:.1f}" text-anchor="end">{escape(row["name"])}{wrong}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{top:.1f}" width="{row[measure] * scale:.1f}" height="{BAR}"/>',
        f'<path class="range" d="M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 4:.1f}v8'
        f'M{high:.1f} {middle - 4:.1f}v8"/>',
        f'<text x="{high + 8:.1f}" y="{middle + 5:.1f}">{row[measure]:,}</text>',
    ]


def main() -> None:
    """Draw what was measured last."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else LATEST
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs" / "img"
    for path in draw(orjson.loads(source.read_bytes())["results"], folder):
        print(path)


if __name__ == "__main__":
    main()
