"""kill -9 at random moments, while events flow."""

from __future__ import annotations

import asyncio
import signal
from random import Random

from tests.chaos.trial import FULL, OFTEN, Place, flow, trial

EVENTS, KILLS = (300_000, 20) if FULL else (20_000, 3)
JITTER_S = 0.5


async def killed_at_random_moments(at: Place) -> None:
    rng = Random(20)
    # Few persons at hand: most come from the local store, and go back to it.
    async with trial(at, "kills", flow(EVENTS), extra=OFTEN + "store_hot = 1000\n") as here:
        worker = await here.worker()
        writing = asyncio.create_task(here.write_all())
        for kill, share in enumerate(sorted(rng.uniform(0.0, 0.97) for _ in range(KILLS))):
            await worker.started(kill + 1)
            if kill % 7 == 6:
                # While it takes its partitions over, just after it was killed.
                await worker.says("Reading")
            else:
                await here.at(share)
            # The watch sees commits: without this, every kill would come just after one.
            await asyncio.sleep(rng.uniform(0.0, JITTER_S))
            worker.kill()
            here.did("kill -9")
        await writing
        report = await here.finish("kill -9 at random moments")
        assert [one.code for one in worker.exits] == [-signal.SIGKILL] * KILLS, worker.story()
    assert report.right, report
