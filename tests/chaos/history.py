"""History at full speed, and a partition that is hours behind, beside live events."""

from __future__ import annotations

import asyncio
import time
from itertools import count

import orjson

from stream.core.partitioner import partition_for
from stream.core.times import format_ms
from tests.chaos.trial import FULL, PARTITIONS, TROUBLE, Flow, Place, Trial, trial
from tests.worker.stage import DAY_MS, Event, closing, simulated

HISTORY = 120_000 if FULL else 8_000
# Partitions 0 and 1 have last month's events; 2 is hours behind, 3 live.
BEHIND, LIVE = 2, 3
BEHIND_MS = 5 * 3_600_000
EVERY_S = 0.05
# Long past what Footfall promises, to be sure on a busy machine; what it was is printed.
LIVE_WITHIN_S = 10.0


async def history_beside_live_events(at: Place) -> None:
    now_ms = int(time.time() * 1000)
    start_ms = now_ms // DAY_MS * DAY_MS - 32 * DAY_MS
    last_month = simulated(users=max(200, HISTORY // 15), days=30, start_ms=start_ms, faults=TROUBLE)
    history = [event for event in last_month if partition_for(event[0] or b"", PARTITIONS) < 2][:HISTORY]
    async with trial(
        at,
        "history",
        Flow(history, now_ms),
        idle_after="5s",
        ahead=HISTORY,
    ) as here:
        worker = await here.worker()
        await worker.ready()
        live: list[Event] = []
        over = asyncio.Event()
        writing = asyncio.create_task(trickle(here, live, over))
        began_at = time.monotonic()
        await here.writer.write(history)
        await here.watch.until(
            lambda: here.watch.committed[0] + here.watch.committed[1] == len(history), "the whole history"
        )
        here.measured["history records/s"] = round(len(history) / (time.monotonic() - began_at))
        over.set()
        delays_s = await writing
        until_ms = int(time.time() * 1000) + 20 * 60_000
        ends = closing(PARTITIONS, until_ms)
        await here.writer.append(ends)
        here.flow = Flow([*history, *live, *ends], until_ms)
        here.did(f"history of {len(history)} beside {len(live)} live events")
        here.measured["longest delay of a live event s"] = round(max(delays_s), 2)
        report = await here.finish("history beside live events")
    assert report.right, report
    assert max(delays_s) < LIVE_WITHIN_S


async def trickle(here: Trial, live: list[Event], over: asyncio.Event) -> list[float]:
    """Live events, and as many that are hours old, until it is `over`.

    How long each live event has taken until it was committed, in seconds.
    """
    persons = {
        number: [
            name
            for name in (f"live-{n}" for n in range(200))
            if partition_for(name.encode(), PARTITIONS) == number
        ]
        for number in (BEHIND, LIVE)
    }
    delays_s: list[float] = []
    waiting: list[float] = []
    for n in count():
        now_ms = int(time.time() * 1000)
        events: list[Event] = []
        for number, age_ms in ((BEHIND, BEHIND_MS), (LIVE, 0)):
            person = persons[number][n % len(persons[number])]
            event: dict[str, object] = {"messageId": f"{number}-{n}", "type": "page", "userId": person}
            event |= {"timestamp": now_ms - age_ms, "receivedAt": format_ms(now_ms)}
            events.append((person.encode(), orjson.dumps(event)))
        await here.writer.append(events)
        live += events
        waiting.append(time.monotonic())
        while True:
            done = here.watch.committed[LIVE] - len(delays_s)
            delays_s += [time.monotonic() - at for at in waiting[:done]]
            del waiting[:done]
            if not over.is_set():
                await asyncio.sleep(EVERY_S)
                break
            if not waiting:
                return delays_s
            await asyncio.sleep(EVERY_S)
    raise AssertionError
