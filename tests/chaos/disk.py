"""The disk full under the local store, while events flow."""

from __future__ import annotations

import asyncio

from tests.chaos.small_disk import SmallDisk
from tests.chaos.trial import FULL, OFTEN, Place, flow, trial

EVENTS = 150_000 if FULL else 10_000


async def disk_full(at: Place) -> None:
    async with (
        SmallDisk(at.folder / "disk" / "data", megabytes=256) as disk,
        trial(
            at,
            "disk",
            flow(EVENTS),
            extra=OFTEN + 'store = "rocksdb"\n',
        ) as here,
    ):
        here.command = (*disk.inside, *here.command)
        worker = await here.worker()
        writing = asyncio.create_task(here.write_all())
        await here.at(0.4)
        await disk.fill()
        here.did("disk full")
        # It is started again, and finds the disk as full as before.
        await worker.started(3)
        await disk.make_space()
        await writing
        report = await here.finish("disk full under the local store")
    assert worker.exits
    for one in worker.exits:
        assert one.code == 1, one
        assert str(here.stage.folder / "data") in one.said, one
        assert "0 of 268 MB are free" in one.said, one
        assert "Nothing is lost" in one.said, one
        assert "Make room" in one.said, one
    assert report.right, report
