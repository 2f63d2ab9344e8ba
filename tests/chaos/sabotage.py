"""A sabotaged engine, to see that the comparison sees it."""

from __future__ import annotations

import asyncio
import sys

from tests.chaos.trial import OFTEN, Place, flow, trial


async def sabotaged(at: Place) -> None:
    """As many records are found lost and doubled as the worker says it has lost and doubled."""
    async with trial(at, "sabotaged", flow(4_000), extra=OFTEN) as here:
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
