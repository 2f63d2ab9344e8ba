"""The score on NAB's series, which are not part of this repository.

FOOTFALL_TEST_NAB is the folder of NAB's data with combined_windows.json, FOOTFALL_TEST_NAB_SCORER a program
that scores by its rules (see bench/nab.py). Skipped without them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DATA, SCORER = os.environ.get("FOOTFALL_TEST_NAB"), os.environ.get("FOOTFALL_TEST_NAB_SCORER")
AT_LEAST = 70.0
LIMIT_S = 300


@pytest.mark.skipif(
    not (DATA and SCORER), reason="needs NAB's data: FOOTFALL_TEST_NAB and FOOTFALL_TEST_NAB_SCORER"
)
def test_the_score_as_shipped_is_above_the_floor() -> None:
    command = [sys.executable, "bench/nab.py", "--quick", "--data", str(DATA), "--scorer", str(SCORER)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_S,
    )
    printed = re.search(r"at its threshold +([\d.]+)", done.stdout)
    assert printed is not None
    assert float(printed[1]) >= AT_LEAST
