"""Timers, and the idle rule."""

from random import Random

from stream.core.calendar import Calendar
from stream.core.clock import PartitionClock, Timers, idle_watermarks
from stream.core.definition import DAY, HOUR, MINUTE


def fired(timers: Timers, watermark: int) -> list[tuple[int | None, list[str]]]:
    """All that is due, in order: (day, persons) for a midnight, (None, [name]) for a close."""
    found: list[tuple[int | None, list[str]]] = []
    while True:
        while (name := timers.next_close(watermark)) is not None:
            found.append((None, [name]))
        midnight = timers.next_midnight(watermark)
        if midnight is None:
            return found
        found.append(midnight[1:])


def test_a_close_fires_strictly_after_its_deadline() -> None:
    timers = Timers(Calendar("UTC"))
    timers.close_after(1000, "a")
    assert fired(timers, 1000) == []
    assert fired(timers, 1001) == [(None, ["a"])]
    assert fired(timers, 5000) == []


def test_midnight_comes_first_on_a_tie_and_at_its_very_instant() -> None:
    timers = Timers(Calendar("UTC"))
    timers.close_after(DAY, "a")
    timers.close_after(DAY - 1, "b")
    timers.check_on(1, "c")
    assert [persons for _, persons in fired(timers, DAY)] == [["b"], ["c"]]
    assert fired(timers, DAY + 1) == [(None, ["a"])]


def test_an_earlier_deadline_replaces_a_later_one() -> None:
    timers = Timers(Calendar("UTC"))
    timers.close_after(2000, "a")
    timers.close_after(1000, "a")
    assert fired(timers, 1500) == [(None, ["a"])]
    assert fired(timers, 2500) == []


def test_closes_come_by_deadline_then_name_however_far_apart_and_in_whatever_order_they_were_set() -> None:
    timers, draw = Timers(Calendar("UTC")), Random(1)
    wanted = sorted((draw.randrange(-DAY, 2 * DAY) // 1000 * 1000, f"{n}") for n in range(500))
    for deadline, name in draw.sample(wanted, len(wanted)):
        timers.close_after(deadline + HOUR, name)
        timers.close_after(deadline, name)
        timers.close_after(deadline + MINUTE, name)
    again = {name: (deadline + 5000, f"{name} again") for deadline, name in wanted}
    found = []
    for watermark in range(-DAY, 2 * DAY + HOUR, 7 * MINUTE):
        while (name := timers.next_close(watermark)) is not None:
            found.append(name)
            if name in again:  # one that is set on the way comes in its turn
                timers.close_after(*again[name])
        assert timers.next >= watermark
    assert found == [name for _, name in sorted([*wanted, *again.values()])]


def test_next_tells_when_nothing_can_be_due() -> None:
    timers = Timers(Calendar("UTC"))
    timers.check_on(2, "a")
    assert timers.next == 2 * DAY - 1
    timers.check_on(1, "b")
    assert timers.next == DAY - 1
    timers.close_after(HOUR, "a")
    assert timers.next == HOUR
    assert [persons for _, persons in fired(timers, DAY)] == [["a"], ["b"]]
    assert timers.next == 2 * DAY - 1


def test_days_without_anything_due_cost_nothing() -> None:
    timers = Timers(Calendar("UTC"))
    timers.check_on(400, "a")
    assert fired(timers, 3_000_000 * DAY) == [(400, ["a"])]


def test_timers_set_on_the_way_are_seen() -> None:
    timers = Timers(Calendar("UTC"))
    timers.check_on(1, "a")
    days = []
    while (midnight := timers.next_midnight(5 * DAY)) is not None:
        instant, day, persons = midnight
        assert (instant, persons) == (day * DAY, ["a"])
        days.append(day)
        if day < 3:
            timers.check_on(day + 1, "a")
    assert days == [1, 2, 3]


def clock(
    watermark: int | None, *, quiet: int | None = None, newest: int | None = None, arrived: int | None = None
) -> PartitionClock:
    return PartitionClock(watermark, newest, arrived, quiet)


def watermarks(partitions: list[PartitionClock], now: int) -> list[int | None]:
    return idle_watermarks(
        partitions,
        now_ms=now,
        idle_after_ms=30_000,
        live_within_ms=10 * MINUTE,
        allowed_lateness_ms=10 * MINUTE,
    )


def test_an_idle_partition_takes_the_smallest_watermark_of_the_busy() -> None:
    parts = [clock(500), clock(300), clock(100, quiet=0), clock(None, quiet=0)]
    assert watermarks(parts, 30_000) == [500, 300, 300, 300]


def test_a_partition_is_idle_only_after_idle_after() -> None:
    assert watermarks([clock(500), clock(100, quiet=1)], 30_000) == [500, 100]


def test_a_watermark_never_goes_back() -> None:
    assert watermarks([clock(300), clock(400, quiet=0)], 30_000) == [300, 400]


def test_a_busy_partition_without_events_holds_the_idle_ones() -> None:
    assert watermarks([clock(None), clock(100, quiet=0)], 30_000) == [None, 100]


def test_a_live_stream_that_falls_silent_follows_the_wall_clock() -> None:
    now = HOUR
    parts = [clock(100, quiet=0, newest=200, arrived=1200), clock(None, quiet=0)]
    assert watermarks(parts, now) == [now - 10 * MINUTE, now - 10 * MINUTE]


def test_history_is_not_overrun_by_the_wall_clock() -> None:
    parts = [clock(100, quiet=0, newest=200, arrived=200 + 10 * MINUTE)]
    assert watermarks(parts, HOUR) == [100]
