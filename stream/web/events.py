"""`/events`: what is published, as it comes, as server-sent events."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import msgspec
from aiohttp import web

from stream.core.engagement.rows import TOTAL
from stream.metrics import Metrics
from stream.web.answers import States
from stream.web.asked import LONGEST_ID, choices, one
from stream.web.cursor import Cursor, read_cursor
from stream.web.errors import Refusal, try_again
from stream.web.feed import Feed
from stream.web.kept import Kept, Published
from stream.web.states import StatesPages

NAMES = {
    "transitions": "transition",
    "incidents": "incident",
    "engagement": "engagement",
    "daily": "daily",
    "states": "states",
}
"""What events are called, by topic."""
DEFAULT = ("transitions", "incidents")

HEARTBEAT_S = 10.0
STATES_EVERY_S = 1.5
MOST_STREAMS = 200
# A client that has not taken so many is dropped: it can come again, and say what it has.
MOST_WAITING = 2_000

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # nginx holds answers back otherwise
    "X-Accel-Buffering": "no",
}

_encode = msgspec.json.Encoder().encode


class Client:
    """One stream: what waits to be written to it."""

    def __init__(self, request: web.Request, topics: tuple[str, ...], series: str | None) -> None:
        self.topics = frozenset(topics)
        self.series = series
        self.ended = False
        self._request = request
        self._waiting: deque[tuple[str, Published | bytes]] = deque()
        self._news = asyncio.Event()

    def hear(self, output: str, series: str | None, record: Published) -> None:
        """A record was published: the feed's Listener."""
        if self.wants(output, series):
            self.put(output, record)

    def wants(self, output: str, series: str | None) -> bool:
        return output in self.topics and (series is None or self.series is None or series == self.series)

    def put(self, topic: str, what: Published | bytes) -> None:
        """Have it written; a client that is too slow is dropped instead."""
        self._waiting.append((topic, what))
        self._news.set()
        if len(self._waiting) > MOST_WAITING:
            self.end()
            if self._request.transport is not None:
                self._request.transport.abort()

    def end(self) -> None:
        self.ended = True
        self._waiting.clear()
        self._news.set()

    def missed(self, kept: Kept, had: Cursor) -> list[tuple[str, Published]]:
        """What came since the client was here, as far as it is kept: output and record."""
        return [
            (output, record)
            for output, series, record in kept.all()
            if self.wants(output, series) and not had.has(output, record.partition, record.offset)
        ]

    async def write_to(
        self,
        response: web.StreamResponse,
        missed: list[tuple[str, Published]],
        had: Cursor,
        cursor: Cursor,
    ) -> None:
        """Write what was missed since `had`, and from `cursor` on what comes, until the end.

        Raises ConnectionError when the client has gone.
        """
        for output, record in missed:
            had.passes(output, record.partition, record.offset)
            await response.write(_event(output, record.value, had))
        # Without data it is no event; but the client knows where it is.
        where = f"id: {cursor}\n" if cursor else ""
        await response.write(f"retry: 2000\n{where}\n".encode())
        while not self.ended:
            while self._waiting:
                topic, what = self._waiting.popleft()
                if isinstance(what, bytes):
                    await response.write(_event(topic, what, None))
                else:
                    cursor.passes(topic, what.partition, what.offset)
                    await response.write(_event(topic, what.value, cursor))
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), HEARTBEAT_S)
            except TimeoutError:
                await response.write(b": still here\n\n")


class EventPages:
    """The route, and the clients there are."""

    def __init__(self, feed: Feed, states: StatesPages, metrics: Metrics) -> None:
        self._feed = feed
        self._states = states
        self._metrics = metrics
        self._clients: set[Client] = set()
        self._watch: asyncio.Task[None] | None = None
        self._closed = False

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/events", self._stream, allow_head=False)]

    async def close(self) -> None:
        """End all streams."""
        self._closed = True
        for client in self._clients:
            client.end()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        topics = choices(request, "topics", tuple(NAMES), DEFAULT)
        series = one(request, "series")
        if series is not None and not 0 < len(series) <= LONGEST_ID:
            raise Refusal(400, f"series: takes the name of a series, such as {TOTAL}")
        if self._closed or len(self._clients) >= MOST_STREAMS:
            raise try_again(f"{MOST_STREAMS} clients follow /events of this worker already", after_s=10)
        kept = await self._feed.kept() if set(topics) != {"states"} else Kept()
        # From here to the listener nothing is awaited: so nothing is missed, and nothing comes twice.
        client = Client(request, topics, series)
        published = {output: at for output, at in self._feed.positions().items() if output in topics}
        had = read_cursor(request.headers.get("Last-Event-ID", ""))
        missed = [] if had is None else client.missed(kept, had)
        self._clients.add(client)
        self._feed.listeners.add(client.hear)
        try:
            self._metrics.event_streams.set(len(self._clients))
            if "states" in topics:
                self._follow_states()
            response = web.StreamResponse(headers=HEADERS)
            with suppress(ConnectionError):
                await response.prepare(request)
                await client.write_to(response, missed, had or Cursor({}), Cursor(published))
        finally:
            self._clients.discard(client)
            self._feed.listeners.discard(client.hear)
            self._metrics.event_streams.set(len(self._clients))
        return response

    def _follow_states(self) -> None:
        """Look at the states while a client wants to know, and tell those who do when they have changed."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_states(), name="states for /events")

    async def _watch_states(self) -> None:
        told: dict[Client, States] = {}
        try:
            while clients := [client for client in self._clients if "states" in client.topics]:
                now = await self._states.now()
                told = {client: told[client] for client in clients if client in told}
                for client in clients:
                    if client not in told or not _same(told[client], now):
                        told[client] = now
                        client.put("states", _encode(now))
                await asyncio.sleep(STATES_EVERY_S)
        finally:
            self._watch = None


def _same(one: States, other: States) -> bool:
    """Whether nothing but the time has changed."""
    return msgspec.structs.replace(one, as_of=other.as_of) == other


def _event(topic: str, value: bytes, cursor: Cursor | None) -> bytes:
    head = f"event: {NAMES[topic]}\n" if cursor is None else f"event: {NAMES[topic]}\nid: {cursor}\n"
    # Records are one line, unless somebody else has written them.
    data = value.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"%bdata: %b\n\n" % (head.encode(), data)
