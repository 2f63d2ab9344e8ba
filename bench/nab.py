"""How well `footfall detect` and simpler detectors do on the series of the Numenta Anomaly Benchmark (NAB).

    python bench/nab.py --data DIR --scorer nab_score.py [--quick]

DIR holds NAB's data and combined_windows.json; the scorer is a program by NAB's rules (Lavin and Ahmad 2015,
standard profile) that takes --labels, --results and --threshold. All detectors have one set of parameters for
all series. The shipped one is scored from what `footfall detect` prints; the others by the same rules, at the
threshold that suits each best. Also: thresholds chosen on a random half of the series, scored on the other.
Writes bench/results/nab.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import platform
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from statistics import mean, median, pstdev
from types import ModuleType
from typing import NamedTuple

from stream.cli.series_file import Point, read_points
from stream.core.detection.detector import SENSITIVITY
from stream.core.detection.repeats import Repeats
from stream.core.detection.rhythm import Rhythm
from stream.core.detection.stretches import AGREEING, Stretches
from stream.core.detection.values import DECADES, LONG_STEPS, TIRING, TOLD_MS, TOLD_STEPS, Values

RESULTS = Path(__file__).parent / "results" / "nab.json"
SHIPPED = -math.log10(1 - SENSITIVITY) / DECADES
GRID = [step / 4 for step in range(12, 41)]
SPLITS = 20
GAUSSIAN = 200
VIEWS = ("mean of 6", "mean of 12", "mean of 24", "rms of 12", "distance", "mean distance of 24")

Scores = dict[str, list[float]]


class Labelled(NamedTuple):
    """A series, what an alarm at each of its rows gains, and in which window it is (NAB's rules)."""

    points: list[Point]
    step_ms: int
    gains: dict[int, tuple[float, str | None]]
    windows: int


class Result(NamedTuple):
    score: float
    threshold: float
    hits: int
    false_alarms: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="the shipped detector only; writes nothing")
    given = parser.parse_args()
    shipped = scored_as_printed(given.data, given.scorer)
    print_row("footfall detect, at its threshold", shipped["at_default_threshold"]["score"])
    print_row("footfall detect, at the best one", shipped["at_best_threshold"]["score"])
    if given.quick:
        return
    series = read_all(given.data, given.scorer)
    candidates: dict[str, dict[str, float]] = {}
    kept: dict[str, Scores] = {}
    for name, make in CANDIDATES.items():
        kept[name] = {path: make(one) for path, one in series.items()}
        tried = (at(kept[name], series, threshold, tiring=0.0) for threshold in GRID)
        best = max(tried, key=lambda found: found.score)
        candidates[name] = best._asdict()
        print_row(name, best.score)
    best = max((at(kept[LAST], series, threshold) for threshold in GRID), key=lambda found: found.score)
    candidates[f"{LAST}, each alarm raising the bar"] = best._asdict()
    print_row("the same, each alarm raising the bar: as shipped", best.score)
    halves = halved(kept[LAST], series)
    RESULTS.write_text(
        json.dumps(
            {
                "series": len(series),
                "windows": sum(one.windows for one in series.values()),
                "rows": sum(len(one.points) for one in series.values()),
                "shipped": shipped,
                "candidates": candidates,
                "near_the_shipped_threshold": {
                    str(evidence): round(at(kept[LAST], series, evidence).score, 2)
                    for evidence in (4.5, 4.75, 5.0, 5.25, 5.5)
                },
                "halves": halves,
                "python": platform.python_version(),
            },
            indent=2,
        )
        + "\n"
    )


def print_row(name: str, score: float) -> None:
    print(f"{name:60} {score:6.2f}", flush=True)


def scored_as_printed(data: Path, scorer: Path) -> dict[str, dict[str, float]]:
    """The score of what the command prints, at its own threshold and at the one that suits best."""
    labels = data / "combined_windows.json"
    with tempfile.TemporaryDirectory() as folder:
        for path in json.loads(labels.read_text()):
            out = Path(folder) / path
            out.parent.mkdir(exist_ok=True)
            command = [sys.executable, "-c", "from stream.cli import main; main()", "detect", data / path]
            subprocess.run([*command, "--out", out], check=True)
        score = [sys.executable, str(scorer), "--labels", str(labels), "--results", folder, "--json"]
        return {
            name: json.loads(subprocess.run([*score, *more], check=True, capture_output=True).stdout)
            for name, more in (
                ("at_default_threshold", ("--threshold", str(SENSITIVITY))),
                ("at_best_threshold", ()),
            )
        }


def read_all(data: Path, scorer: Path) -> dict[str, Labelled]:
    rules = loaded(scorer)
    labels = json.loads((data / "combined_windows.json").read_text())
    series = {}
    for path, windows in labels.items():
        with (data / path).open(newline="") as lines:
            points = list(read_points(lines, path))
        times = [rules.parse_time(point.timestamp) for point in points]
        rows = rules.points(path, times, range(len(points)), windows)
        gains = {row: (gain, window) for row, gain, window in rows}
        steps = [b.t_ms - a.t_ms for a, b in pairwise(points[:12]) if b.t_ms > a.t_ms]
        series[path] = Labelled(points, int(median(steps)), gains, len(windows))
    return series


def loaded(scorer: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("scorer", scorer)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def at(scores: Scores, series: dict[str, Labelled], threshold: float, *, tiring: float = TIRING) -> Result:
    """NAB's score, 0 to 100, of one alarm a stretch of half a day at the threshold."""
    total = sum(series[path].windows for path in scores)
    found: dict[str, float] = {}
    lost, false_alarms = 0.0, 0
    for path, of_rows in scores.items():
        for row in alarms(of_rows, series[path].step_ms, threshold, tiring):
            gain, window = series[path].gains.get(row, (0.0, None))
            if window is not None:
                found[window] = max(gain, found.get(window, -1.0))
            elif row in series[path].gains:
                lost += gain
                false_alarms += 1
    raw = sum(found.values()) - (total - len(found)) + lost
    return Result(100 * (raw + total) / (2 * total), threshold, len(found), false_alarms)


def alarms(scores: Iterable[float], step_ms: int, threshold: float, tiring: float) -> list[int]:
    low, high = TOLD_STEPS
    hold, until, rows, tired = max(low, min(high, TOLD_MS // step_ms)), -1, [], 0.0
    for row, score in enumerate(scores):
        tired *= 1 - 1 / LONG_STEPS
        if row > until and score - tired >= threshold:
            rows.append(row)
            tired += tiring
            until = row + hold
    return rows


def halved(scores: Scores, series: dict[str, Labelled]) -> dict[str, float]:
    """The threshold that is best on a random half of the series, scored on that half and on the other."""
    rng, seen, unseen, fixed = random.Random(1), [], [], []
    paths = sorted(scores)
    for _ in range(SPLITS):
        rng.shuffle(paths)
        halves = paths[: len(paths) // 2], paths[len(paths) // 2 :]
        for one, other in (halves, halves[::-1]):
            chosen = {path: scores[path] for path in one}
            rest = {path: scores[path] for path in other}
            best = max((at(chosen, series, evidence) for evidence in GRID), key=lambda found: found.score)
            seen.append(best.score)
            unseen.append(at(rest, series, best.threshold).score)
            fixed.append(at(rest, series, SHIPPED).score)
    return {
        "splits": SPLITS,
        "chosen_on_the_half": round(mean(seen), 2),
        "on_the_other_half": round(mean(unseen), 2),
        "shipped_threshold_on_halves": round(mean(fixed), 2),
        "standard_deviation_over_halves": round(pstdev(fixed), 2),
    }


def gaussian(series: Labelled) -> list[float]:
    """-ln of a normal distribution's tail, its mean and deviation being those of the last 200 values."""
    last: list[float] = []
    scores = []
    for point in series.points:
        value, score = point.value or 0.0, 0.0
        if len(last) >= 30:
            deviation = max(pstdev(last[-GAUSSIAN:]), 1e-9)
            size = min(abs(value - mean(last[-GAUSSIAN:])) / deviation, 37.0)
            score = -math.log(max(math.erfc(size / math.sqrt(2)), 1e-300))
        last.append(value)
        scores.append(score)
    return scores


def band(series: Labelled) -> list[float]:
    """How far the newest value is outside the band, in widths of it: level, rhythm and tail, no more."""
    values = Values.of(series.step_ms, sensitivity=SENSITIVITY)
    scores = []
    for point in series.points:
        expected, lower, upper, _, _ = values.update(point.t_ms, point.value, None)
        value = point.value or 0.0
        width = upper - expected if value > expected else expected - lower
        scores.append(SHIPPED * abs(value - expected) / max(width, 1e-12) if values.steps > 30 else 0.0)
    return scores


def combined(combine: Callable[[list[float]], float], *, repeats: bool) -> Callable[[Labelled], list[float]]:
    """The six views of a stretch, put together in some way."""

    def judged(series: Labelled) -> list[float]:
        rhythm = Rhythm.of(series.step_ms, additive=True)
        stretches, known = Stretches.empty(), Repeats.of(series.step_ms)
        long_mean, scores = series.points[0].value or 0.0, []
        for steps, point in enumerate(series.points, 1):
            value, middle = point.value or 0.0, point.t_ms + series.step_ms // 2
            residual, distance = value - rhythm.slow_reference(middle, long_mean), value - long_mean
            sizes = stretches.sizes(value, residual, distance)
            rarities = [rarity.of(size) for rarity, size in zip(stretches.rarities, sizes, strict=True)]
            evidence = combine(rarities)
            scores.append(known.news(point.t_ms, evidence) if repeats else evidence)
            known.learn(point.t_ms, evidence)
            stretches.learn(residual, distance, sizes)
            rhythm.learn(middle, value, 1.0, raw=value, long_mean=long_mean)
            long_mean += (value - long_mean) * max(1 / steps, 1 / LONG_STEPS)
        return scores

    return judged


def view(place: int) -> Callable[[list[float]], float]:
    return lambda rarities: rarities[place]


def largest(count: int) -> Callable[[list[float]], float]:
    return lambda rarities: mean(sorted(rarities)[-count:])


LAST = "the four largest of six, less what repeats daily"
CANDIDATES: dict[str, Callable[[Labelled], list[float]]] = {
    "windowed Gaussian": gaussian,
    "distance from the band of level and rhythm": band,
    **{f"one view: {name}": combined(view(place), repeats=False) for place, name in enumerate(VIEWS)},
    **{
        f"mean of the {count} largest of six": combined(largest(count), repeats=False)
        for count in (1, 2, 3, AGREEING, 5, 6)
    },
    LAST: combined(largest(AGREEING), repeats=True),
}

if __name__ == "__main__":
    main()
