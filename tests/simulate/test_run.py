"""Pace: when which record leaves, with a clock that the test sets; and the ends of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from stream.simulate.pace import ByCount, ByTime, Pace, ThenLive, Unpaced
from stream.simulate.run import run
from stream.simulate.scribe import Record


def records(*times_ms: int) -> list[Record]:
    return [(time_ms, b"k", b"v") for time_ms in times_ms]


class Notebook:
    """A writer that keeps what it gets; sets `stop` after `stop_after` records."""

    def __init__(self, stop: asyncio.Event, stop_after: int | None = None) -> None:
        self.times: list[int] = []
        self.flushed = 0
        self._stop = stop
        self._stop_after = stop_after

    async def write(self, records: Sequence[Record]) -> None:
        self.times += [record[0] for record in records]
        if self._stop_after is not None and len(self.times) >= self._stop_after:
            self._stop.set()

    async def flush(self) -> None:
        self.flushed = len(self.times)

    async def close(self) -> None:
        pass


async def played(
    slices: Sequence[list[Record]], pace: Pace, *, limit: int | None = None, stop_after: int | None = None
) -> Notebook:
    stop = asyncio.Event()
    notebook = Notebook(stop, stop_after)
    numbered = [(number, records) for number, records in enumerate(slices)]
    written = await run(numbered, notebook, pace, stop=stop, limit=limit, report=lambda n, t: None)
    assert written == len(notebook.times)
    return notebook


async def test_everything_is_written_in_order() -> None:
    assert (await played([records(1, 2), [], records(3)], Unpaced())).times == [1, 2, 3]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_the_limit_is_exact(limit: int) -> None:
    assert (await played([records(1, 2), records(3, 4)], Unpaced(), limit=limit)).times == [1, 2, 3][:limit]


async def test_a_stop_ends_the_run_after_the_write() -> None:
    notebook = await played([records(1), records(2), records(3)], Unpaced(), stop_after=2)
    assert notebook.times == [1, 2]


async def test_a_stop_ends_a_long_wait() -> None:
    century = records(0, 10**13)
    notebook = await asyncio.wait_for(played([century], ByTime(1.0, epoch_ms=0), stop_after=1), 10)
    assert notebook.times == [0]


async def test_what_is_written_is_flushed_before_a_wait() -> None:
    notebook = await played([records(0, 0, 30)], ByTime(1.0, epoch_ms=0))
    assert notebook.flushed == 2


def test_by_count_gives_its_rate() -> None:
    pace, waiting = ByCount(100.0), records(*range(1_000))
    assert pace.allowed(waiting, 0, 5.0) == 0
    assert pace.wait_s(waiting, 0, 5.0) == pytest.approx(0.02)
    assert pace.allowed(waiting, 0, 5.5) == 50
    assert pace.allowed(waiting, 50, 5.505) == 0
    assert pace.allowed(waiting, 50, 5.515) == 1


def test_by_count_does_not_catch_up_on_a_long_pause() -> None:
    pace, waiting = ByCount(100.0), records(*range(1_000))
    pace.allowed(waiting, 0, 0.0)
    assert pace.allowed(waiting, 0, 60.0) == 100


def test_by_count_below_one_a_second_waits_for_a_whole_record() -> None:
    pace, waiting = ByCount(0.5), records(1, 2)
    assert pace.allowed(waiting, 0, 0.0) == 0
    assert pace.wait_s(waiting, 0, 0.0) == pytest.approx(2.0)
    assert pace.allowed(waiting, 0, 2.0) == 1


def test_by_time_follows_event_time() -> None:
    pace, waiting = ByTime(10.0, epoch_ms=1_000), records(1_000, 1_500, 12_000)
    assert pace.allowed(waiting, 0, 100.0) == 1
    assert pace.wait_s(waiting, 1, 100.0) == pytest.approx(0.05)
    assert pace.allowed(waiting, 1, 100.0625) == 1
    assert pace.wait_s(waiting, 2, 100.0625) == pytest.approx(1.0375)


def test_history_leaves_at_once_and_the_present_when_it_comes() -> None:
    pace, waiting = ByTime(1.0, epoch_ms=50_000, epoch_s=7.0), records(1_000, 49_000, 52_000)
    assert pace.allowed(waiting, 0, 7.0) == 2
    assert pace.wait_s(waiting, 2, 7.0) == pytest.approx(2.0)


def test_history_passes_at_a_speed_until_it_has_reached_the_present() -> None:
    present = ByTime(1.0, epoch_ms=50_000, epoch_s=7.0)
    pace = ThenLive(ByTime(10.0, epoch_ms=1_000), present)
    waiting = records(1_000, 49_000, 56_000)
    assert pace.allowed(waiting, 0, 7.0) == 1
    assert pace.wait_s(waiting, 1, 7.0) == pytest.approx(4.8)
    assert pace.allowed(waiting, 1, 11.8) == 1
    # 13.0 is when history would have got there, but the present is a second behind.
    assert pace.allowed(waiting, 2, 12.5) == 0
    assert pace.wait_s(waiting, 2, 12.5) == pytest.approx(0.5)
    assert pace.allowed(waiting, 2, 13.0) == 1
