"""The guard of the work an event is: nothing has grown, and what has grown is found and named."""

from __future__ import annotations

import os
import shutil

import msgspec
import pytest

from bench.guard import Figure, judge, measure, recorded
from tests.conftest import REQUIRE_ALL

RECORDED = Figure(
    steps={"process": 40_000, "take_outputs": 2_000, "take_changes": 5_000, "all": 47_000, "read": 20_000},
    loop=5_000,
    input="0a0b0c0d",
    versions={"python": "3.11.7", "valgrind": "3.19.0"},
)

BOTH = """
import sys

from bench.core import collect_as_the_worker, received
from bench.guard import LOOPS, Marks, fixed_loop, run
from stream.core.partition import Partition

process = Partition.process

def slowed(self, values, **others):
    for value in values:
        sum(value or b"")
    process(self, values, **others)

batches = list(received(sys.stdin.buffer))
collect_as_the_worker()
marks = Marks()
fixed_loop(LOOPS)
marks.time("loop", lambda: fixed_loop(LOOPS))
run(batches, marks)
Partition.process = slowed
marks.prefix = "slowed "
run(batches, marks)
marks.tell()
"""
"""The core as it is, and once more with a `process` that adds up the bytes of each record besides."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    """The figures as it is, under "", and with the slowed `process`, under "slowed "."""
    if shutil.which("valgrind") is None:
        reason = "there is no valgrind on the path (Debian and Ubuntu: apt-get install valgrind)"
        if os.environ.get(REQUIRE_ALL) == "1":
            pytest.fail(f"{REQUIRE_ALL}=1, and {reason}")
        pytest.skip(reason)
    script = tmp_path_factory.mktemp("guard") / "both.py"
    script.write_text(BOTH)
    return measure(script)


def test_the_work_of_an_event_has_not_grown(measured: dict[str, Figure]) -> None:
    wrong = judge(measured[""], recorded())
    assert not wrong, "\n".join(wrong)


def test_a_slowed_step_is_found_and_named(measured: dict[str, Figure]) -> None:
    first, second, *rest = judge(measured["slowed "], measured[""])
    assert first.startswith("The work of an event has grown by ")
    assert "in `process`" in first
    assert "in all" in second
    assert rest[0].startswith("Look closer: ")


def test_the_other_steps_count_the_same_both_times(measured: dict[str, Figure]) -> None:
    as_is, slowed = measured[""].steps, measured["slowed "].steps
    for step in ("take_outputs", "take_changes", "read"):
        assert slowed[step] == pytest.approx(as_is[step], rel=0.03), step


def test_growth_up_to_the_bound_is_let_pass() -> None:
    assert judge(with_process(46_000), RECORDED) == []


def test_growth_over_the_bound_is_told_with_its_step_and_what_to_do() -> None:
    told = " ".join(judge(with_process(46_400), RECORDED))
    assert "grown by 16% in `process`, from 40,000 to 46,400 instructions" in told
    assert "python -m bench.core --against" in told
    assert "python -m bench.guard --record" in told


def test_another_build_of_python_is_no_growth() -> None:
    """It needs other instructions for everything, the fixed loop included."""
    slower = msgspec.structs.replace(
        RECORDED,
        steps={step: count * 1.3 for step, count in RECORDED.steps.items()},
        loop=RECORDED.loop * 1.3,
    )
    assert judge(slower, RECORDED) == []


def test_growth_with_other_versions_says_which() -> None:
    grown = msgspec.structs.replace(with_process(50_000), versions={"python": "3.11.9", "valgrind": "3.19.0"})
    assert "python 3.11.7 → 3.11.9" in " ".join(judge(grown, RECORDED))


def test_another_input_is_not_compared() -> None:
    (told,) = judge(msgspec.structs.replace(RECORDED, input="0"), RECORDED)
    assert "another input" in told
    assert "--record" in told


def with_process(count: float) -> Figure:
    """As recorded, with so many instructions in `process`."""
    return msgspec.structs.replace(RECORDED, steps=RECORDED.steps | {"process": count})
