"""The engine's benchmark runs, and measures what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.conftest import need_kafka

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 100_000  # processor time is told in hundredths of a second


@pytest.mark.kafka
def test_the_engine_is_measured_by_thread() -> None:
    need_kafka()
    results = ROOT / "bench" / "results" / "engine.json"
    before = results.read_bytes() if results.exists() else None
    try:
        command = [sys.executable, "-m", "bench.engine", "--events", str(EVENTS), "--rounds", "1"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    finally:
        if before is None:
            results.unlink(missing_ok=True)
        else:
            results.write_bytes(before)
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert found["events"] == EVENTS
    measured = found["this"]
    assert measured["of_it_main_thread"] > 0
    assert measured["of_it_other_threads"] > 0
    total = measured["of_it_main_thread"] + measured["of_it_other_threads"]
    assert measured["cpu_microseconds_an_event"] == pytest.approx(total, abs=0.02)
    assert measured["slices"] * 800 >= EVENTS
