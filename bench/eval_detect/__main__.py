"""How good Footfall's anomalies are, on simulated products whose truth is known (`make eval-detect`).

    python -m bench.eval_detect [--seeds 1-20] [--minutes 5] [--processes 2] [--out FILE]

For every seed two products of 90 days and 30 series, one with nothing planted and one with a plant every
three days; all as the merger would see them, through the same Watch. Then, at other sizes, outages alone: how
the delay depends on the volume. Writes bench/results/eval-detect.json and prints the tables that
docs/detection-evaluation.md shows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

import msgspec

from bench.eval_detect.plants import OUTAGES
from bench.eval_detect.score import Scored
from bench.eval_detect.summary import Summary, amount_table, by_amount, summarized, table
from bench.eval_detect.trial import Trial, run

RESULTS = Path(__file__).parents[1] / "results" / "eval-detect.json"
DAYS = 90
PEOPLE = 6_000
LEAST = 100
"""Of what is planted, in a usual window: below, −50 % is seen later (the table by amount)."""
SIZES = (300, 1_200, 6_000)
MINUTE_MS = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=_seeds, default=_seeds("1-20"))
    parser.add_argument("--minutes", type=int, default=5, help="length of a window")
    parser.add_argument("--fine-seeds", type=_seeds, default=[], help="with windows of one minute, too")
    parser.add_argument("--size-seeds", type=_seeds, default=_seeds("301"), help="outages by volume")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    began = time.monotonic()
    step_ms = options.minutes * MINUTE_MS
    main_trials = _pair(options.seeds, step_ms, options.days)
    fine_trials = _pair(options.fine_seeds, MINUTE_MS, options.days)
    size_trials = [
        Trial(seed=seed, days=options.days, step_ms=step_ms, people=people, least=4, turns=OUTAGES)
        for seed in options.size_seeds
        for people in SIZES
    ]
    with Pool(options.processes) as pool:
        scored = pool.map(run, [*fine_trials, *main_trials, *size_trials], chunksize=1)
    fine, rest = scored[: len(fine_trials)], scored[len(fine_trials) :]
    results = {
        "took_s": round(time.monotonic() - began),
        "days": options.days,
        "people_a_window": PEOPLE,
        "least": LEAST,
        "main": _summary(main_trials, rest[: len(main_trials)], step_ms),
        "fine": _summary(fine_trials, fine, MINUTE_MS) if fine else None,
        "by_amount": by_amount(rest[len(main_trials) :]),
    }
    options.out.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    for key in ("main", "fine"):
        if (summary := results[key]) is not None:
            sys.stdout.write(table(summary) + "\n")
    sys.stdout.write(amount_table(results["by_amount"]))


def _pair(seeds: Sequence[int], step_ms: int, days: int) -> list[Trial]:
    """Nothing planted, then planted, of each seed."""
    return [
        trial
        for seed in seeds
        for trial in (
            Trial(seed=seed, days=days, step_ms=step_ms, people=PEOPLE, least=LEAST, turns=()),
            Trial(seed=seed, days=days, step_ms=step_ms, people=PEOPLE, least=LEAST),
        )
    ]


def _summary(trials: Sequence[Trial], scored: Sequence[Scored], step_ms: int) -> Summary:
    calm = [one for trial, one in zip(trials, scored, strict=True) if not trial.turns]
    planted = [one for trial, one in zip(trials, scored, strict=True) if trial.turns]
    return summarized(calm, planted, step_ms=step_ms)


def _seeds(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1)) if text else []


if __name__ == "__main__":
    main()
