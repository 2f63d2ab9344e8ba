"""Workers that join, leave, die and sleep through their session, while events flow."""

from __future__ import annotations

import asyncio
import signal

from tests.chaos.trial import FULL, OFTEN, Place, flow, trial

EVENTS = 200_000 if FULL else 20_000


async def dying_joining_leaving(at: Place) -> None:
    async with trial(at, "joining", flow(EVENTS), extra=OFTEN + "standby = 1\n") as here:
        first, second = await here.worker(), await here.worker()
        await asyncio.gather(first.ready(), second.ready())
        writing = asyncio.create_task(here.write_all())
        await here.at(0.2)
        second.kill()
        here.did("kill -9")
        await second.started(2)
        await here.at(0.5)
        third = await here.worker()
        here.did("joined")
        await third.ready()
        await here.at(0.8)
        code = await first.leave()
        assert code == 0, (code, first.story())
        here.did("left")
        await writing
        report = await here.finish("two workers, one killed, one joining, one leaving")
        assert [one.code for one in second.exits] == [-signal.SIGKILL]
    assert report.right, report


async def paused_past_its_session(at: Place) -> None:
    async with trial(at, "paused", flow(EVENTS), extra=OFTEN) as here:
        paused, other = await here.worker(), await here.worker()
        await asyncio.gather(paused.ready(), other.ready())
        writing = asyncio.create_task(here.write_all())
        await here.at(0.3)
        paused.send(signal.SIGSTOP)
        here.did("SIGSTOP")
        before = dict(here.watch.committed)
        # The other has taken over and goes on with all partitions, those of the paused one too.
        await other.shows("footfall_partitions", here.stage.partitions)
        await here.watch.until(
            lambda: all(here.watch.committed[number] > before[number] + 50 for number in before),
            "all partitions going on without the paused worker",
        )
        paused.send(signal.SIGCONT)
        here.did("SIGCONT")
        await writing
        # It has ended, fenced, and was started again; or has joined again before it tried to write.
        report = await here.finish("SIGSTOP past the session, then SIGCONT")
    fenced = [one for one in paused.exits if "another worker has taken the partition over" in one.said]
    assert len(fenced) == len(paused.exits), paused.story()
    here.measured["fenced"] = len(fenced)
    assert report.right, report
