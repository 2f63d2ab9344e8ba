"""A TCP proxy whose line can be cut, go silent or be narrow: the network between a worker and its broker."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from stream.broker.port import HOST

PIECE = 16 * 1024


class Proxy:
    """Passes connections to `port` on to `target_port`, both on the loopback interface.

    An async context manager. `sent` counts the bytes that clients have sent through it.
    """

    def __init__(self, port: int, target_port: int) -> None:
        self._port = port
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes_per_s: float | None = None
        self._free_at = 0.0
        self.sent = 0

    async def __aenter__(self) -> Proxy:
        await self._listen()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.refuse()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self._port)

    async def refuse(self) -> None:
        """Drop all connections, and refuse new ones: a broker's host without a broker."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._connections:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def silence(self) -> None:
        """Carry nothing any more, either way, and tell nobody: a firewall that drops packets."""
        self._flowing.clear()

    async def restore(self) -> None:
        """The line is as it was; what waited in a silence arrives now."""
        self._flowing.set()
        if self._server is None:
            await self._listen()

    def narrow(self, bytes_per_s: float | None) -> None:
        """What clients send, all together, takes its time; None: no longer."""
        self._bytes_per_s = bytes_per_s

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio logs it as an error when one that it has made is cancelled.
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            from_there, there = await asyncio.open_connection(HOST, self._target_port)
            self._connections.add(there)
            ways = (self._carry(reader, there, narrow=True), self._carry(from_there, writer, narrow=False))
            carrying = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in carrying:
                    one.cancel()
                await asyncio.gather(*carrying, return_exceptions=True)
        except OSError:
            pass
        finally:
            for end in (writer, there):
                if end is not None:
                    self._connections.discard(end)
                    end.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, narrow: bool) -> None:
        with suppress(OSError):
            while data := await source.read(PIECE):
                if narrow:
                    await self._wait_for_room(len(data))
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
                if narrow:
                    self.sent += len(data)

    async def _wait_for_room(self, size: int) -> None:
        if self._bytes_per_s is None:
            return
        now = time.monotonic()
        begins_at = max(now, self._free_at)
        self._free_at = begins_at + size / self._bytes_per_s
        await asyncio.sleep(self._free_at - now)
