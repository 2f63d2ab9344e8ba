"""Any mixture of the sources' parts, repeats and restarts give the same windows."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.definition import DAY, MINUTE, Definition, Engagement
from stream.core.engagement.figures import Figures
from stream.core.engagement.merger import Merger
from stream.core.engagement.partials import ClockPart, DayPart, Part, Sums, WindowPart, encode
from tests.core.engagement import mergers
from tests.core.engagement.mergers import NOON, NoReports, NoWatch, restarted

BEHIND = Definition().allowed_lateness_ms - Engagement().lateness_ms
DEFINITION = mergers.settings(window_ms=60 * MINUTE, max_values=2)
SERIES = ("total", "channel:a", "channel:b", "channel:c", "channel:other", "key:Order")

Log = list[Part]


def merger(sources: int, shown: list[int | str] | None = None) -> Merger:
    return Merger(DEFINITION, sources=sources, watch=NoWatch(shown), reports=NoReports())


@st.composite
def logs(draw: st.DrawFn) -> list[Log]:
    """What one to three sources say in their order: parts of windows, and clocks that pass them."""
    rows = st.dictionaries(
        st.sampled_from(SERIES),
        st.builds(
            Sums,
            events=st.integers(0, 3),
            people=st.integers(0, 3),
            key_events=st.dictionaries(st.sampled_from(["Order", "Share"]), st.integers(0, 3)),
            promoted_people=st.integers(0, 1),
        ),
        max_size=4,
    )
    found = []
    for source in range(draw(st.integers(1, 3))):
        log: Log = []
        hour = 0
        for _ in range(draw(st.integers(1, 6))):
            for start in sorted(draw(st.lists(st.integers(hour, hour + 30), max_size=4))) * draw(
                st.integers(1, 2)
            ):
                final = draw(st.booleans()) or draw(st.booleans())
                log.append(WindowPart(source, NOON + start * 60 * MINUTE, final, draw(rows)))
            before, hour = hour, hour + draw(st.integers(0, 30))
            log += passed(source, before, hour, with_days=draw(st.booleans()))
        log += passed(source, hour, 160, with_days=True)
        found.append(log)
    return found


def passed(source: int, before: int, hour: int, *, with_days: bool) -> Log:
    """The clock goes from one hour past noon to another; the days that the watermark passes, too."""
    clock = NOON + hour * 60 * MINUTE
    parts: Log = []
    if with_days:
        parts += [DayPart(source, day, Figures()) for day in range(ended(before), ended(hour))]
    return [*parts, ClockPart(source, clock, ended(hour) - 1)]


def ended(hour: int) -> int:
    """The day that the watermark has reached."""
    return (NOON + hour * 60 * MINUTE - BEHIND) // DAY


def mixed(sources: Sequence[Log], chance: random.Random) -> list[Log]:
    """Batches in which each source's order is kept, and now and then some of it is repeated."""
    said: list[Log] = [[] for _ in sources]
    left = [list(log) for log in sources]
    batches: list[Log] = [[]]
    while any(left):
        number = chance.choice([number for number, log in enumerate(left) if log])
        part = left[number].pop(0)
        said[number].append(part)
        batches[-1].append(part)
        if chance.random() < 0.2:
            again = chance.randrange(len(said[number]))
            batches[-1] += said[number][again:]
        if chance.random() < 0.3:
            batches.append([])
    return batches


def in_order(sources: Sequence[Log], shown: list[int | str] | None = None) -> list[bytes]:
    """What is published where one source after the other says all it has to say."""
    one = merger(len(sources), shown)
    for log in sources:
        one.process([encode(part) for part in log])
    return drained(one)


def drained(one: Merger) -> list[bytes]:
    while one.work():
        pass
    return final(one)


def final(one: Merger) -> list[bytes]:
    return [output.value for output in one.take_outputs() if b'"provisional"' not in output.value]


@given(logs(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_mixtures_repeats_and_restarts_give_the_same_windows(sources: list[Log], chance: Any) -> None:
    shown: list[int | str] = []
    one = merger(len(sources), shown)
    found: list[bytes] = []
    for batch in mixed(sources, chance):
        one.process([encode(part) for part in batch])
        if chance.random() < 0.3:
            one.provisional(chance.randrange(10**6))
        while chance.random() < 0.5 and one.work():
            pass
        found += final(one)
        if chance.random() < 0.5:
            one = restarted(one, lambda: merger(len(sources), shown))
    expected: list[int | str] = []
    assert found + drained(one) == in_order(sources, expected)
    assert shown == expected


@given(logs(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_changelog_holds_what_there_is(sources: list[Log], chance: Any) -> None:
    one = merger(len(sources))
    folded: dict[bytes, bytes] = {}
    for batch in mixed(sources, chance):
        one.process([encode(part) for part in batch])
        for key, value in one.take_changes():
            if value is None:
                folded.pop(key, None)
            else:
                folded[key] = value
        keys = list(one.keys())
        assert folded == {key: one.value(key) for key in keys}
        assert one.take_changes() == []


@given(logs())
@settings(max_examples=100, deadline=None)
def test_every_event_of_a_window_is_in_its_total_once(sources: list[Log]) -> None:
    expected: dict[int, int] = {}
    for log in sources:
        latest: dict[int, Sums] = {}
        for part in log:
            if isinstance(part, WindowPart) and part.final and "total" in part.rows:
                latest[part.start] = part.rows["total"]
        for start, sums in latest.items():
            if sums.events or sums.promoted_people:
                expected[start] = expected.get(start, 0) + sums.events
    found = {
        record["start"]: record["events"]
        for record in map(json.loads, in_order(sources))
        if record.get("series") == "total" and record["events"]
    }
    assert sum(found.values()) == sum(
        events for start, events in expected.items() if start + 60 * MINUTE <= NOON + 160 * 60 * MINUTE
    )


@pytest.mark.parametrize("sources", [1, 3])
def test_a_restart_amid_a_long_gap(sources: int) -> None:
    log: list[Log] = [
        [
            WindowPart(source, NOON, True, {"total": Sums(1, people=1)}),
            ClockPart(source, NOON + 2000 * 60 * MINUTE, None),
        ]
        for source in range(sources)
    ]
    one = merger(sources)
    found: list[bytes] = []
    for source in log:
        one.process([encode(part) for part in source])
    while one.work():
        found += [output.value for output in one.take_outputs()]
        one = restarted(one, lambda: merger(sources))
    found += [output.value for output in one.take_outputs()]
    assert found == in_order(log)
    assert len(found) > 700
