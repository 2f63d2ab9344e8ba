"""The broker killed and restarted, out of reach, and slow to take what workers send."""

from __future__ import annotations

import asyncio
import time

from tests.chaos.proxy import Proxy
from tests.chaos.trial import FULL, OFTEN, Place, flow, trial

EVENTS = 150_000 if FULL else 15_000
AWAY_S = 60.0 if FULL else 20.0
BACKLOG = 200_000 if FULL else 30_000
NARROW_BYTES_PER_S = 200_000
MOST_BYTES = 400_000_000
NARROW_S = 60.0 if FULL else 12.0
# The broker was away, workers have to find it and to be restarted: nothing moves meanwhile.
STALLED_S = 180.0


async def broker_killed(at: Place) -> None:
    async with trial(at.on_cluster(), "broker", flow(EVENTS), extra=OFTEN) as here:
        workers = [await here.worker() for _ in range(2 if FULL else 1)]
        await asyncio.gather(*(worker.ready() for worker in workers))
        writing = asyncio.create_task(here.write_all(stalled_s=STALLED_S))
        for share in (0.2, 0.5, 0.7) if FULL else (0.4,):
            await here.at(share, stalled_s=STALLED_S)
            await at.cluster.kill()
            here.did("broker killed")
            await at.cluster.start()
        await writing
        report = await here.finish("broker killed (-9) and restarted", stalled_s=STALLED_S)
    assert report.right, report


async def broker_out_of_reach(at: Place) -> None:
    async with (
        Proxy(at.cluster.proxy_port, at.cluster.inner_port) as line,
        trial(
            at.on_cluster(),
            "unreachable",
            flow(EVENTS),
            extra=OFTEN,
            bootstrap=at.cluster.proxied,
        ) as here,
    ):
        worker = await here.worker()
        await worker.ready()
        writing = asyncio.create_task(here.write_all(stalled_s=STALLED_S))
        await here.at(0.3, stalled_s=STALLED_S)
        line.silence()
        await asyncio.sleep(AWAY_S / 2)
        await line.refuse()
        await asyncio.sleep(AWAY_S / 2)
        await line.restore()
        here.did(f"broker out of reach for {AWAY_S:.0f} s")
        if FULL:
            for number, share in enumerate((0.5, 0.6, 0.7, 0.8)):
                await here.at(share, stalled_s=STALLED_S)
                if number % 2:
                    line.silence()
                else:
                    await line.refuse()
                await asyncio.sleep(3.0)
                await line.restore()
                here.did("broker out of reach for 3 s")
        await writing
        report = await here.finish("broker out of reach", stalled_s=STALLED_S)
    assert report.right, report


async def producer_too_slow(at: Place) -> None:
    async with (
        Proxy(at.cluster.proxy_port, at.cluster.inner_port) as line,
        trial(
            at.on_cluster(),
            "slow",
            flow(BACKLOG, partitions=1),
            partitions=1,
            ahead=BACKLOG,
            bootstrap=at.cluster.proxied,
        ) as here,
    ):
        await here.write_all()
        line.narrow(NARROW_BYTES_PER_S)
        worker = await here.worker()
        await worker.ready()
        peak_bytes, lag = 0, 0.0
        began_at = time.monotonic()
        while time.monotonic() - began_at < NARROW_S:
            peak_bytes = max(peak_bytes, worker.resident_bytes())
            samples = await worker.samples()
            lag = max(lag, sum(n for name, n in samples.items() if name.startswith("footfall_lag_records")))
            await asyncio.sleep(0.2)
        here.did(f"line of {NARROW_BYTES_PER_S // 1000} kB/s for {NARROW_S:.0f} s")
        committed = here.watch.total
        line.narrow(None)
        widened_at = time.monotonic()
        await here.watch.reaches(BACKLOG, stalled_s=STALLED_S)
        here.measured |= {
            "peak MB": round(peak_bytes / 1e6),
            "lag shown": lag,
            "committed meanwhile": committed,
            "caught up in s": round(time.monotonic() - widened_at, 1),
        }
        report = await here.finish("producer too slow", stalled_s=STALLED_S)
    assert report.right, report
    assert not worker.exits, worker.story()
    assert peak_bytes < MOST_BYTES
    # It read no faster than it could write, and the metric said how much was left.
    assert lag > BACKLOG / 2 > 0
    assert committed > 0
