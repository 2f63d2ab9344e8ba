"""Stacks of a worker into steps, and into a flame graph."""

from __future__ import annotations

import os
import time
import xml.etree.ElementTree as ElementTree

import pytest

from bench.flame import parse, svg
from bench.profile import IN_THE_LOOP, LOOP, by_step, main_thread_s, step_of, weighed

WORKER = "run (stream/engine/run.py:20)"
PROCESS = "Partition.process (stream/core/partition.py:210)"
TAKE_OUTPUTS = "InputState.take_outputs (stream/agents/activity.py:84)"
LINES = [
    f"{WORKER};{PROCESS};read (stream/core/events.py) 30\n",
    f"{WORKER};{PROCESS} 40\n",
    f"{WORKER};{PROCESS} 20\n",
    f"{WORKER};select (selectors.py) 10\n",
]


def test_a_stack_counts_for_the_innermost_frame_that_is_known() -> None:
    assert step_of((WORKER, PROCESS, "read (stream/core/events.py)", "search (re.py)")) == (
        "decoding, validation, times"
    )
    assert step_of((WORKER, PROCESS, "meet (stream/core/engagement/windows.py)")) == "windows, days"
    assert step_of((WORKER, PROCESS)) == IN_THE_LOOP
    assert step_of((WORKER, "Runner.run (asyncio/runners.py:86)")) == LOOP


def test_what_a_checkpoint_takes_counts_as_a_checkpoint_whatever_it_calls() -> None:
    assert step_of((WORKER, TAKE_OUTPUTS, "close (stream/core/engagement/windows.py)")) == (
        "a checkpoint: outputs"
    )


def test_shares_of_steps_add_up_to_one_with_the_largest_first() -> None:
    shares = by_step(parse(LINES))
    assert next(iter(shares.items())) == (IN_THE_LOOP, 0.6)
    assert sum(shares.values()) == pytest.approx(1)


def test_a_thread_that_waits_for_the_core_weighs_no_more_than_it_has_used() -> None:
    waits = ("_start_thread (mode/threads.py:207)",)
    found = weighed({(WORKER,): 50, (WORKER, PROCESS): 50, waits: 100}, 0.9, 0.1)
    assert found == {(WORKER,): 45_000, (WORKER, PROCESS): 45_000, waits: 10_000}


def test_the_main_threads_processor_time_is_some_of_the_process() -> None:
    before = main_thread_s(os.getpid())
    while time.process_time() < 0.05 or main_thread_s(os.getpid()) == before:
        pass
    assert before < main_thread_s(os.getpid()) <= time.process_time() + 0.05


def test_a_flame_graph_is_sound_xml_with_each_frame_as_wide_as_its_share() -> None:
    root = ElementTree.fromstring(svg(parse(LINES), "a title & more"))
    space = "{http://www.w3.org/2000/svg}"
    widths = {
        group.findtext(f"{space}title", ""): float(group.find(f"{space}rect").attrib["width"])  # type: ignore[union-attr]
        for group in root.findall(f"{space}g")
    }
    whole = widths[f"{WORKER}: 100.0%"]
    assert widths[f"{PROCESS}: 90.0%"] == round(whole * 0.9, 1)
    assert widths["read (stream/core/events.py): 30.0%"] == round(whole * 0.3, 1)


def test_frames_too_narrow_to_be_seen_are_left_out() -> None:
    assert "rare" not in svg(parse([*LINES, "rare (stream/x.py) 1\n", f"{WORKER} 10000\n"]), "")
