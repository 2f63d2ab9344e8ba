"""What is written to bench/results/latest.json: after each run, so that an interruption loses none."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from bench.versus.oracle import Expected
from bench.versus.run import Run
from stream.broker import KAFKA_VERSION

LATEST = Path(__file__).parents[1] / "results" / "latest.json"
ROOT = Path(__file__).parents[2]

MEASURES: dict[str, tuple[Callable[[Run], float], int]] = {
    "events_per_s": (lambda run: run.events_per_s, 0),
    "cpu_s_per_million": (lambda run: run.cpu_s_per_million, 2),
    "peak_rss_mib": (lambda run: run.peak_rss_mib, 0),
}
"""By name in the file: what it is of a run, and to how many places it is told."""


class Results:
    """All runs of one benchmark, those that failed among them."""

    def __init__(self, about: dict[str, Any], path: Path) -> None:
        self._about = about
        self._path = path
        self._runs: dict[str, list[Run]] = {}
        self._failed: dict[str, list[str]] = {}
        self._facts: dict[str, dict[str, Any]] = {}

    def expect(self, name: str, *, events: int, versions: dict[str, str], wanted: Expected) -> None:
        """What a contestant is to be given, before its first run."""
        self._runs.setdefault(name, [])
        self._facts[name] = {
            "events": events,
            "versions": versions,
            "expected": {"visits": sum(wanted.visits.values()), "bad": wanted.bad, "late": wanted.late},
        }

    def add(self, run: Run) -> None:
        """A run that got through, right or wrong."""
        self._runs.setdefault(run.name, []).append(run)
        self.write()

    def fail(self, name: str, reason: str) -> None:
        """A run that did not, or a contestant that could not be made ready."""
        self._runs.setdefault(name, [])
        self._failed.setdefault(name, []).append(reason)
        self.write()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One object a contestant, in the order in which they were first told of."""
        return [self._row(name, runs) for name, runs in self._runs.items()]

    @property
    def all_right(self) -> bool:
        """Whether nothing failed, and every contestant's visits were the expected ones."""
        return all(row["correct"] and not row["failed"] for row in self.rows)

    def write(self) -> None:
        """Write the file anew, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(".new")
        aside.write_bytes(
            orjson.dumps(self._about | {"results": self.rows}, option=orjson.OPT_INDENT_2) + b"\n"
        )
        aside.rename(self._path)

    def _row(self, name: str, runs: Sequence[Run]) -> dict[str, Any]:
        row: dict[str, Any] = {"name": name}
        spread = {}
        for measure, (value, places) in MEASURES.items():
            values = sorted(value(run) for run in runs)
            row[measure] = _rounded(statistics.median(values), places) if values else None
            if values:
                told = (values[0], statistics.median(values), values[-1])
                spread[measure] = dict(
                    zip(("min", "median", "max"), (_rounded(one, places) for one in told), strict=True)
                )
        facts = self._facts.get(name, {})
        wanted = facts.get("expected", {})
        return row | {
            "spread": spread,
            "rounds": len(runs),
            **facts,
            "correct": bool(runs) and all(_right(run, wanted) for run in runs),
            "failed": self._failed.get(name, []),
            "runs": [_told(run) for run in runs],
        }


def _rounded(value: float, places: int) -> float:
    return round(value, places) if places else round(value)


def _right(run: Run, wanted: dict[str, int]) -> bool:
    """Repeats are no error where delivery is at least once, and are told beside."""
    counted = all(
        got is None or got == wanted.get(what) for what, got in (("bad", run.bad), ("late", run.late))
    )
    return counted and not run.difference.missing and not run.difference.extra


def _told(run: Run) -> dict[str, Any]:
    steady = run.steady
    return {
        **{name: _rounded(value(run), places) for name, (value, places) in MEASURES.items()},
        "steady_s": [round(steady.from_s, 2), round(steady.to_s, 2)] if steady else None,
        "steady_records": steady.records if steady else None,
        "first_progress_s": run.first_progress_s,
        "seconds": run.seconds,
        "cpu_s": run.cpu_s,
        "visits": run.visits,
        "missing": run.difference.missing,
        "extra": run.difference.extra,
        "repeated": run.difference.repeated,
        "example": run.difference.example,
        **{what: got for what, got in (("bad", run.bad), ("late", run.late)) if got is not None},
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in cpus if line.startswith("model name")), "")
    return {
        "cpu": model or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "java": _java(),
        "kafka": KAFKA_VERSION,
    }


def now() -> str:
    """The date, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def commit() -> str | None:
    """Which Footfall this is, with a `+` where files have been changed since; None outside of a checkout."""
    git = ["git", "-C", str(ROOT)]
    try:
        at = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", "stream"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return at.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        return ""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    return said.splitlines()[0] if said else ""
