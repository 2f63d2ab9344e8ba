"""The worker on a real broker and `footfall replay --partitions N` agree on every record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stream.simulate.delivery import Faults
from tests.worker.stage import (
    DAY_MS,
    NERVOUS,
    OF_THE_PRODUCT,
    START_MS,
    Stage,
    closing,
    encoded,
    final,
    ordered,
    simulated,
)

TROUBLE = Faults(late=0.01, disorder=0.1, duplicates=0.02)


@pytest.mark.kafka
async def test_worker_and_replay_agree(kafka: str, topic_name: Callable[[str], str], tmp_path: Path) -> None:
    here = Stage(kafka, topic_name("agree"), tmp_path, extra='ignore_events = ["Email *"]\n' + NERVOUS)
    await here.create_topics()
    until_ms = START_MS + 45 * DAY_MS
    events = simulated(users=300, days=45, faults=TROUBLE) + closing(here.partitions, until_ms)
    await here.write(events)
    replayed = await here.replay(events, tmp_path / "replayed", until_ms=until_ms)
    async with here.worker() as worker:
        await worker.says("Ready")
        await here.works_it_off()
        await here.merges(replayed)
        assert await worker.terminate() == 0
    for output, key in (("visits", "visit_id"), ("transitions", "transition_id"), *OF_THE_PRODUCT):
        published = final([line for _, line in await here.published(output)])
        assert ordered(published, key) == ordered(replayed[output], key), output
        assert len(published) > (100 if output not in ("incidents", "daily") else 5), output
    assert len(await here.published("late")) == len(replayed["late"]) > 0
    assert encoded(await here.people()) == replayed["people"]
