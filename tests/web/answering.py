"""A worker's HTTP answers without a worker: its routes over a recording, and events when a test says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec
import orjson
from aiohttp import web

from stream.web import pages
from tests.web.recording import Recording

HEARTBEAT_S = 5.0


class Answering:
    """Serves the page and a recording's answers on a port of its own, in a thread. A context manager.

    `published` holds what is answered; tests change it. `refuse` makes a route answer with an error.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.states = dict(recording.states)
        self.published = {name: list(recording.of(name)) for name in ("transitions", "incidents", "daily")}
        self.windows = {name: recording.windows(name) for name in recording.series()}
        self.provisional: dict[str, dict[str, Any]] = {}
        self.people: dict[str, dict[str, Any]] = {}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0
        self._followers: dict[asyncio.Queue[tuple[str, dict[str, Any]] | None], web.Request] = {}
        self._sent = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def followers(self) -> list[str]:
        """The queries of those who follow /events now."""
        return [request.query_string for request in list(self._followers.values())]

    def __enter__(self) -> Answering:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        """Listens, after `stop` on the same port again."""
        self._wait(self._start())

    def stop(self) -> None:
        """Cuts everybody off, and listens no more."""
        self._wait(self._stop())

    def publish(self, event: str, *records: dict[str, Any]) -> None:
        """Sends records to all who follow."""

        def send() -> None:
            for queue in self._followers:
                for record in records:
                    queue.put_nowait((event, record))

        self._loop.call_soon_threadsafe(send)

    def refuse(self, route: str, status: int, sentence: str) -> None:
        """From now on the route (`/states`) answers so; status 0 ends that."""
        if status:
            self.refusals[route] = (status, sentence)
        else:
            self.refusals.pop(route, None)

    def _wait(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application(middlewares=[self._refusing])
        app.add_routes(pages.routes())
        for path, answer in {
            "/version": lambda _: {"version": "0.1.0", "definition": "9847585ea7ec", "timezone": "UTC"},
            "/states": lambda _: self.states,
            "/series": self._series,
            "/series/{series}": self._one_series,
            "/incidents": lambda _: {"incidents": self._latest()[::-1]},
            "/incidents/{incident}": self._incident,
            "/transitions": lambda request: {
                "transitions": self.published["transitions"][-int(request.query.get("limit", 100)) :]
            },
            "/daily": lambda _: {"reports": self.published["daily"]},
            "/people/{person}": self._person,
        }.items():
            app.router.add_get(path, _json(answer))
        app.router.add_get("/events", self._events)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        for queue in self._followers:
            queue.put_nowait(None)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _refusing(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.headers)))
        refused = self.refusals.get(request.path)
        if refused is not None:
            return _refusal(*refused)
        answer: web.StreamResponse = await handler(request)
        return answer

    def _series(self, _: web.Request) -> dict[str, Any]:
        return {
            "series": [
                {"series": name, "final": windows[-1], "provisional": self.provisional.get(name)}
                for name, windows in self.windows.items()
            ]
        }

    def _one_series(self, request: web.Request) -> dict[str, Any]:
        name = request.match_info["series"]
        if name not in self.windows:
            raise LookupError(f"there is no series {name}")
        limit = int(request.query.get("limit", 200))
        return {
            "series": name,
            "windows": self.windows[name][-limit:],
            "provisional": self.provisional.get(name),
        }

    def _latest(self) -> list[dict[str, Any]]:
        return list({one["incident_id"]: one for one in self.published["incidents"]}.values())

    def _incident(self, request: web.Request) -> dict[str, Any]:
        name = request.match_info["incident"]
        records = [one for one in self.published["incidents"] if one["incident_id"] == name]
        if not records:
            raise LookupError(f"there is no incident {name}")
        return {"records": records}

    def _person(self, request: web.Request) -> dict[str, Any]:
        name = request.match_info["person"]
        if name in self.people:
            return self.people[name]
        explanation = self.recording.explain(name)
        if explanation is None:
            raise LookupError(f"nobody with the id {name} is known")
        theirs = [one for one in self.published["transitions"] if one["person"] == explanation.person]
        return {
            "explanation": msgspec.to_builtins(explanation),
            "transitions": theirs[-20:],
            "complete": len(theirs) <= 20,
        }

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        await response.write(b"retry: 1000\nid: 0\n\n")
        queue: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
        self._followers[queue] = request
        try:
            while True:
                try:
                    found = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                if found is None:
                    break
                self._sent += 1
                event, record = found
                await response.write(
                    b"event: %s\nid: %d\ndata: %s\n\n" % (event.encode(), self._sent, orjson.dumps(record))
                )
        except ConnectionError:
            pass
        finally:
            del self._followers[queue]
        return response


def _json(answer: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(body=orjson.dumps(answer(request)))
        except LookupError as error:
            return _refusal(404, str(error.args[0]))

    return handle


def _refusal(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
