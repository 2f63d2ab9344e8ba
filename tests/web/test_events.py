"""Server-sent events: what is published, as it comes, with nothing lost over a broken line."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson
import pytest

from tests.web.serving import Served, applied, stage
from tests.web.shop import Shop
from tests.worker.stage import START_MS, Event

WITHIN_S = 30.0


class Heard(NamedTuple):
    """One event of a stream."""

    name: str | None
    id: str | None
    data: Any


class Stream:
    """An open stream, read event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> Heard:
        """The next event; comments are passed over. Raises EOFError at the end."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                frame = (await self.answer.content.readuntil(b"\n\n")).decode()
                if not frame:
                    raise EOFError
                fields = dict(line.split(": ", 1) for line in frame.strip().splitlines() if line[0] != ":")
                if fields:
                    data = fields.get("data")
                    return Heard(
                        fields.get("event"), fields.get("id"), None if data is None else orjson.loads(data)
                    )


@asynccontextmanager
async def stream(worker: Served, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{worker.address}/events{query}", headers=sent) as answer,
    ):
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Stream(answer)


def arrivals(first: int, count: int) -> list[Event]:
    """Each makes a new person, whose registration is a transition."""
    return [
        (
            f"usr_{n}".encode(),
            orjson.dumps(
                {
                    "messageId": f"m{n}",
                    "type": "page",
                    "userId": f"usr_{n}",
                    "timestamp": START_MS + n * 1000,
                }
            ),
        )
        for n in range(first, first + count)
    ]


@pytest.fixture(scope="module")
def busy(tansu: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A worker whose stream goes on in the tests."""
    here = stage(tansu, f"events-{time.time_ns()}", tmp_path_factory.mktemp("events"))
    with Served(here) as worker:
        asyncio.run(worker.got("/readyz", lambda _: True))
        yield worker


async def test_what_comes_is_told_and_a_broken_line_loses_nothing(busy: Served) -> None:
    async with stream(busy, "?topics=transitions") as first:
        began = await first.next()
        assert began.name is None
        assert began.id is not None
        await busy.stage.write(arrivals(0, 3))
        heard = [await first.next() for _ in range(3)]
    assert {one.name for one in heard} == {"transition"}
    assert {one.data["person"] for one in heard} == {"usr_0", "usr_1", "usr_2"}
    # While nobody listens, and then again by somebody who has heard of two:
    await busy.stage.write(arrivals(3, 5))
    await busy.got("/metrics", applied(8))
    known = {one.data["transition_id"] for one in heard[:2]}
    async with stream(busy, "?topics=transitions", Last_Event_ID=heard[1].id) as second:
        await busy.stage.write(arrivals(8, 1))
        again: list[Heard] = []
        while len(again) < 7:
            one = await second.next()
            if one.data is not None:  # else it says where it goes on
                again.append(one)
    ids = [one.data["transition_id"] for one in again]
    assert sorted(ids) == sorted({f"usr_{n}#1" for n in range(9)} - known)
    assert len(set(ids)) == len(ids)


async def test_an_id_that_is_none_of_ours_begins_anew(busy: Served) -> None:
    for text in ("42", "t1.x", "t" * 30_000, "z9", "t-1"):
        async with stream(busy, "?topics=transitions", Last_Event_ID=text[:8000]) as one:
            assert (await one.next()).data is None


async def test_states_come_at_once_and_when_they_change(busy: Served) -> None:
    async with stream(busy, "?topics=states") as states:
        await states.next()
        now = await states.next()
        assert now.name == "states"
        assert now.id is None
        assert now.data["partitions"] == now.data["counted"] == 2
        await busy.stage.write(arrivals(100, 10))
        then = await states.next()
        while then.data["people"]["new"] < now.data["people"]["new"] + 10:
            then = await states.next()
        assert then.data == (await busy.got("/states", lambda found: found == then.data))


async def test_engagement_may_be_of_one_series(busy: Served) -> None:
    async with stream(busy, "?topics=engagement&series=total") as one:
        await one.next()
        await busy.stage.write(arrivals(2_000_000, 2))  # weeks on: windows close
        for _ in range(20):
            heard = await one.next()
            assert (heard.name, heard.data["series"]) == ("engagement", "total")


@pytest.mark.parametrize("query", ["?topics=visits", "?topics=", "?series=", "?topics=states&topics=daily"])
async def test_what_is_not_there_is_refused(shop: Shop, query: str) -> None:
    status, found = await shop.worker.get(f"/events{query}")
    assert status == 400
    assert "takes" in found["error"] or "once" in found["error"]


async def test_the_streams_are_counted(busy: Served) -> None:
    async with stream(busy), stream(busy):
        await busy.got("/metrics", lambda text: "footfall_event_streams 2.0" in text)
    # Who has gone is found out by writing to them.
    for n in range(3_000_000, 3_000_005):
        await busy.stage.write(arrivals(n, 1))
        await busy.got("/transitions?limit=1", lambda found, n=n: str(n) in found["transitions"][0]["person"])
    await busy.got("/metrics", lambda text: "footfall_event_streams 0.0" in text)


def test_a_client_that_does_not_read_is_dropped_and_a_stop_waits_for_nobody(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = stage(tansu, topic_name("slow"), tmp_path)
    with Served(here) as worker:
        asyncio.run(worker.got("/readyz", lambda _: True))
        host, port = worker.address.removeprefix("http://").split(":")
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((host, int(port)))
        slow.sendall(b"GET /events?topics=transitions HTTP/1.1\r\nHost: localhost\r\n\r\n")
        asyncio.run(worker.got("/metrics", lambda text: "footfall_event_streams 1.0" in text))
        asyncio.run(here.write(arrivals(0, 25_000)))
        asyncio.run(worker.got("/metrics", lambda text: "footfall_event_streams 0.0" in text))
        slow.close()
        asyncio.run(stops_while_streams_are_open(worker))


async def stops_while_streams_are_open(worker: Served) -> None:
    async with stream(worker, "?topics=transitions,states") as one:
        await one.next()
        began_at = time.monotonic()
        worker.process.send_signal(signal.SIGTERM)
        with suppress(EOFError, aiohttp.ClientError):
            while True:
                await one.next()
    assert await asyncio.to_thread(worker.process.wait, WITHIN_S) == 0
    assert time.monotonic() - began_at < 10
