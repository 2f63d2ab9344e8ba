"""The comparison itself: what is lost, doubled, changed or out of order shows, as exactly that many."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.numbers import Numbers, compare
from tests.chaos.trial import flow, trial


def transition(person: str, k: int, to: str = "active") -> bytes:
    return orjson.dumps({"transition_id": f"{person}#{k}", "person": person, "to": to})


EXPECTED = [transition("ann", 1), transition("bob", 1), transition("ann", 2), transition("ann", 3)]


@pytest.mark.parametrize(
    ("published", "lost", "doubled", "different", "disordered"),
    [
        (EXPECTED, 0, 0, 0, 0),
        ([EXPECTED[1], EXPECTED[0], *EXPECTED[2:]], 0, 0, 0, 0),
        (EXPECTED[:3], 1, 0, 0, 0),
        (EXPECTED[1:], 1, 0, 0, 0),
        ([], 4, 0, 0, 0),
        ([*EXPECTED, EXPECTED[0]], 0, 1, 0, 0),
        ([*EXPECTED, *EXPECTED], 0, 4, 0, 0),
        ([*EXPECTED, transition("eve", 1)], 0, 1, 0, 0),
        ([*EXPECTED[:3], EXPECTED[0]], 1, 1, 0, 0),
        ([transition("ann", 1, "silent"), *EXPECTED[1:]], 0, 0, 1, 0),
        ([EXPECTED[2], EXPECTED[1], EXPECTED[0], EXPECTED[3]], 0, 0, 0, 1),
    ],
    ids=[
        "all there",
        "persons in another order",
        "the last lost",
        "the first lost",
        "all lost",
        "one doubled",
        "all doubled",
        "one not called for",
        "one lost and one doubled",
        "one different",
        "a person's out of order",
    ],
)
def test_each_deviation_is_counted_as_what_it_is(
    published: list[bytes], lost: int, doubled: int, different: int, disordered: int
) -> None:
    found = compare("transitions", EXPECTED, published)
    assert found == Numbers("transitions", 4, len(published), lost, doubled, different, disordered)
    assert found.right == (published in (EXPECTED, [EXPECTED[1], EXPECTED[0], *EXPECTED[2:]]))


@pytest.mark.kafka
async def test_a_sabotaged_engine_is_seen_losing_and_doubling_as_many_as_it_says(
    cluster: Cluster, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    async with trial(
        cluster.address, topic_name("sabotaged"), tmp_path, flow(4_000), extra='commit_interval = "100ms"\n'
    ) as here:
        here.command = (sys.executable, "-m", "tests.chaos.sabotaged")
        worker = await here.worker()
        await asyncio.gather(here.write_all(), worker.says("sabotage: doubled"))
        await here.watch.reaches(len(here.flow.events))
        assert await worker.leave() == 0
        numbers = {found.output: found for found in await here.compare()}
        told = [line.split()[1:] for line in worker.lines if line.startswith("sabotage:")]
    assert [what for what, *_ in told] == ["lost", "doubled"]
    for what, *counts in told:
        said = dict(count.split("=") for count in counts)
        assert int(said["visits"]) > 0
        for output in ("visits", "transitions", "late"):
            assert getattr(numbers[output], what) == int(said.get(output, 0)), (output, told, numbers)
    # Nobody's state was touched: the changelog has it, and nothing else is wrong.
    assert numbers["people"].right
