"""`DELETE /people/{person}`: has a person erased, by a deletion event in the input like any other."""

from __future__ import annotations

import asyncio
import hmac
import time
import uuid
from typing import Any

import orjson
from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.agents.activity import InputState
from stream.core.activity import Activity, Vocabulary
from stream.core.definition import Definition
from stream.core.events import ANONYMOUS, Wire
from stream.core.partitioner import partition_for
from stream.core.times import format_ms
from stream.engine.app import EngineApp
from stream.engine.errors import SecurityError
from stream.settings import Settings
from stream.web.answers import Erasure, reply
from stream.web.asked import anything, identity
from stream.web.errors import Refusal, try_again

WRITTEN_WITHIN_S = 10.0


class ErasingPages:
    """The route."""

    def __init__(self, settings: Settings, app: EngineApp) -> None:
        self._settings = settings
        self._app = app
        self._event = deletion_event(settings.definition)
        self._producer: Any = None
        self._connecting = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        return [web.delete(f"/people/{anything('person')}", self._erase)]

    async def _erase(self, request: web.Request) -> web.Response:
        self._check_token(request)
        person = identity(request, "person")
        event = self._deletion_of(person)
        key = person.encode()
        partition = partition_for(key, self._app.engines[0].config.partitions)
        try:
            async with asyncio.timeout(WRITTEN_WITHIN_S):
                producer = await self._connected()
                topic = self._settings.input.topic
                await producer.send_and_wait(topic, orjson.dumps(event), key=key, partition=partition)
        except (KafkaError, OSError, TimeoutError, SecurityError) as error:
            await self.close()
            raise try_again(
                f"{self._settings.input.topic} could not be written ({type(error).__name__}), so nobody "
                "was erased, unless the broker has the event and could not say so: ask again",
                after_s=2,
            ) from error
        return reply(Erasure(person=person, message_id=event["messageId"]), status=202)

    def _check_token(self, request: web.Request) -> None:
        """Raises Refusal for anybody who may not erase."""
        secret = self._settings.web.token
        if secret is None:
            raise Refusal(403, "nobody may erase: the worker has no web.token, which a request must carry")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise Refusal(
                401,
                "erasing takes the header `Authorization: Bearer <web.token>`",
                headers={"WWW-Authenticate": 'Bearer realm="footfall"'},
            )
        try:
            wanted = secret.reveal()
        except SecurityError as error:
            raise Refusal(503, f"nobody may erase: web.token can't be read ({error})") from error
        if not hmac.compare_digest(given.strip().encode(errors="replace"), wanted.strip().encode()):
            raise Refusal(403, "the token is not the worker's web.token")

    def _deletion_of(self, person: str) -> dict[str, str]:
        """The event that erases the person. Raises Refusal where the stream has none."""
        definition = self._settings.definition
        if self._event is None:
            raise Refusal(
                409,
                "no event erases a person here: deletion_events is empty, or aliases and ignore_events leave "
                "none of its events",
            )
        if definition.keyed and definition.input_key is not None:
            raise Refusal(
                409,
                f"the input is keyed by {definition.input_key} (input.key), which is not known of a person: "
                "have the deletion event sent by whoever sends the others",
            )
        anonymous = person.removeprefix(ANONYMOUS)
        whose = {"userId": person} if anonymous == person else {"anonymousId": anonymous}
        if not anonymous:
            raise Refusal(404, f"{ANONYMOUS} is nobody's id: an anonymousId is missing")
        now_ms = int(time.time() * 1000)
        return {
            "messageId": f"footfall-erase-{uuid.uuid4()}",
            "type": "track",
            "event": self._event,
            **whose,
            "timestamp": format_ms(self._time(now_ms)),
            "receivedAt": format_ms(now_ms),
        }

    def _time(self, now_ms: int) -> int:
        """When the event happens: now; in a stream of the past, by that stream's own time.

        There an event of today would take the watermark there, and make all that follows late.
        """
        settings = self._settings
        own = [owned.state for owned in self._app.engines[0].partitions.values()]
        seen: list[tuple[int, int, int]] = [
            (state.partition.newest, state.newest_arrived_ms or now_ms, state.partition.watermark or 0)
            for state in own
            if isinstance(state, InputState) and state.partition.newest is not None
        ]
        if not seen:
            return now_ms
        newest, arrived, _ = max(seen)
        if arrived - newest <= settings.live_within_ms:
            return max(now_ms, newest)
        reached = max(newest, *(watermark for _, _, watermark in seen))
        # By as much as events may be late: so it is not, should others have come meanwhile.
        return min(now_ms, reached + settings.definition.allowed_lateness_ms)

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._settings.connection.options(),
                    client_id="footfall-erasing",
                    acks="all",
                    request_timeout_ms=int(WRITTEN_WITHIN_S * 1000),
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def close(self) -> None:
        """Let go of the connection."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.wait([asyncio.ensure_future(producer.stop())], timeout=1.0)


def deletion_event(definition: Definition) -> str | None:
    """The name under which an event erases its person; None where there is no such."""
    activity = Activity(definition, Vocabulary())
    for wanted in definition.deletion_events:
        for name in (wanted, *(raw for raw, canonical in definition.aliases.items() if canonical == wanted)):
            named = activity.named(Wire(type="track", event=name))
            if named.deletes and not named.ignored:
                return name
    return None
