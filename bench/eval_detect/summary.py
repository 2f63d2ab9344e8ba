"""The figures of many runs, against what they shall be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from msgspec import Struct

from bench.eval_detect.score import SOON_WINDOWS, Found, Scored

INCIDENTS_A_WEEK = 1.0
FOUND_SOON = 0.95
EXPLAINED = 0.90
ONCE = 0.95
AMOUNTS = (4, 10, 20, 40, 70, 100, 200, 500, 1_000, 1_000_000)


class Share(Struct):
    """`count` of `of`, with what did not."""

    count: int
    of: int
    others: list[str]

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 1.0


class Summary(Struct):
    """`calm`: incidents a week with nothing planted, and the most of one seed; `unplanted`: between plants.

    Shares are of the plants that shall open an incident: `soon` found in three windows (outages and viral
    spikes; `all_soon`: every kind), `explained` of those found where the cause ranks first, `once` of those
    found with exactly one incident. `silent`: promotions that open none. `delays`: median windows by kind.
    """

    window_s: int
    seeds: list[int]
    weeks: float
    calm_a_week: float
    calm_most_a_week: float
    unplanted_a_week: float
    soon: Share
    all_soon: Share
    explained: Share
    once: Share
    silent: Share
    declines: Share
    delays: dict[str, float]
    calm_incidents: list[str]
    unplanted_incidents: list[str]


def summarized(calm: Sequence[Scored], planted: Sequence[Scored], *, step_ms: int) -> Summary:
    """Runs with nothing planted, and with."""
    found = [(run.seed, one) for run in planted for one in run.found]
    windows = [pair for pair in found if pair[1].kind not in ("promotion", "decline")]
    sudden = [pair for pair in windows if pair[1].kind in ("outage", "viral")]
    seen = [pair for pair in windows if pair[1].delay is not None]
    weeks = sum(run.weeks for run in calm)
    return Summary(
        window_s=step_ms // 1000,
        seeds=[run.seed for run in planted],
        weeks=round(weeks, 1),
        calm_a_week=_rate(calm),
        calm_most_a_week=max((_rate([run]) for run in calm), default=0.0),
        unplanted_a_week=_rate(planted),
        soon=_share(sudden, [one.is_soon for _, one in sudden]),
        all_soon=_share(windows, [one.is_soon for _, one in windows]),
        explained=_share(seen, [one.is_explained for _, one in seen]),
        once=_share(seen, [one.incidents == 1 for _, one in seen]),
        silent=_of_kind(found, "promotion"),
        declines=_of_kind(found, "decline"),
        delays={
            kind: median(one.delay or 999 for _, one in found if one.kind == kind)
            for kind in sorted({one.kind for _, one in found} - {"promotion"})
        },
        calm_incidents=[f"{run.seed}: {text}" for run in calm for text in run.unplanted],
        unplanted_incidents=[f"{run.seed}: {text}" for run in planted for text in run.unplanted],
    )


def by_amount(runs: Sequence[Scored]) -> list[dict[str, float | None]]:
    """Outages of −50 % by what a window usually has: how many, shares found, median delay in windows."""
    found = [one for run in runs for one in run.found if one.kind == "outage"]
    rows: list[dict[str, float | None]] = []
    for low, high in pairwise(AMOUNTS):
        inside = [one for one in found if low <= one.amount < high]
        delays = sorted(one.delay for one in inside if one.delay is not None)
        if inside:
            rows.append(
                {
                    "from": low,
                    "to": high,
                    "outages": len(inside),
                    "found": round(len(delays) / len(inside), 3),
                    "found_soon": round(sum(one.is_soon for one in inside) / len(inside), 3),
                    "median_delay": median(delays) if delays else None,
                }
            )
    return rows


def table(summary: Summary) -> str:
    """As Markdown: what is asked for, and what was measured."""
    lines = [
        ("incidents a week, nothing planted", f"<= {INCIDENTS_A_WEEK:g}", f"{summary.calm_a_week:.2f}"),
        ("the same, worst seed", "", f"{summary.calm_most_a_week:.2f}"),
        ("incidents a week between plants", "", f"{summary.unplanted_a_week:.2f}"),
        (f"outages, viral spikes found within {SOON_WINDOWS} windows", *_percent(summary.soon, FOUND_SOON)),
        (f"all kinds found within {SOON_WINDOWS} windows", *_percent(summary.all_soon)),
        ("cause ranks first", *_percent(summary.explained, EXPLAINED)),
        ("exactly one incident", *_percent(summary.once, ONCE)),
        ("promotions that open nothing", *_percent(summary.silent)),
        ("declines of 2 % a day found within 10 days", *_percent(summary.declines, 1.0)),
    ]
    run = f"windows of {summary.window_s} s, {len(summary.seeds)} seeds"
    return f"| {run} | asked for | measured |\n|---|---|---|\n" + "".join(
        f"| {' | '.join(line)} |\n" for line in lines
    )


def amount_table(rows: Sequence[dict[str, float | None]]) -> str:
    """The same of outages by volume."""
    lines = [
        f"| {row['from']:,} to {row['to']:,} | {row['outages']} | {row['found_soon']:.0%} "
        f"| {row['found']:.0%} | {row['median_delay']} |\n"
        for row in rows
    ]
    return "| usual in a window | outages | soon | ever | median delay |\n|---|---|---|---|---|\n" + "".join(
        lines
    )


def _percent(share: Share, limit: float | None = None) -> tuple[str, str]:
    asked = "" if limit is None else f">= {limit:.0%}"
    return asked, f"{share.share:.1%} ({share.count} of {share.of})"


def _rate(runs: Sequence[Scored]) -> float:
    weeks = sum(run.weeks for run in runs)
    return round(sum(len(run.unplanted) for run in runs) / weeks, 3) if weeks else 0.0


def _of_kind(found: Sequence[tuple[int, Found]], kind: str) -> Share:
    chosen = [pair for pair in found if pair[1].kind == kind]
    good = [one.incidents == 0 if kind == "promotion" else one.is_soon for _, one in chosen]
    return _share(chosen, good)


def _share(found: Sequence[tuple[int, Found]], good: Sequence[bool]) -> Share:
    others = [_text(seed, one) for (seed, one), is_good in zip(found, good, strict=True) if not is_good]
    return Share(sum(good), len(good), others)


def _text(seed: int, one: Found) -> str:
    return (
        f"{seed}: {one.kind} of {one.cause or 'everything'} at {one.start}, {one.amount:.0f} a window:"
        f" delay {one.delay}, {one.incidents} incidents, {one.series}, first {one.first}"
    )
