"""An administrative connection to Kafka, and the errors of its requests in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code

from stream.engine.connection import Connection
from stream.engine.diagnosis import why
from stream.engine.errors import SecurityError

CONNECT_WITHIN_S = 10.0
SETTLE_WITHIN_S = 20.0

_RETRY_AFTER_S = 0.1
# What a broker answers while it elects, loads or creates its own topics: it passes.
_PASSING = frozenset((5, 6, 14, 15, 16, 51))

_IN_WORDS = {
    -1: "the broker says no more than 'unknown error'",
    15: "the coordinator is not available",
    29: "not authorised for this topic",
    30: "not authorised for this consumer group",
    31: "not authorised for this on the cluster",
    35: "the broker does not know this request",
    53: "not authorised for this transactional id",
}

Answer = TypeVar("Answer")


class AdminError(Exception):
    """Kafka cannot be asked: what was `found`, and the `advice` what to do about it."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}: {advice}")
        self.found = found
        self.advice = advice


@asynccontextmanager
async def connect(
    connection: Connection, *, within_s: float = CONNECT_WITHIN_S
) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connection to the cluster, closed on leaving. Raises AdminError if none answers."""
    try:
        options = connection.options()
    except SecurityError as error:
        raise AdminError(error.found, error.advice) from error
    admin = AIOKafkaAdminClient(
        **options, client_id="footfall-admin", request_timeout_ms=int(within_s * 1000)
    )
    try:
        await _start(admin, connection, within_s)
        yield admin
    finally:
        await admin.close()


async def _start(admin: AIOKafkaAdminClient, connection: Connection, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await admin.start()
    except (KafkaError, TimeoutError, OSError) as error:
        if trouble := await why(connection):
            raise AdminError(trouble.found, trouble.advice) from error
        raise AdminError(
            f"no Kafka broker answers at {connection}",
            "start it, or set `broker` to where it is; for one on this machine: footfall broker",
        ) from error
    try:
        async with asyncio.timeout(within_s):
            await admin.describe_cluster()
    except (KafkaError, TimeoutError, OSError) as error:
        # Clients ask one broker for the addresses of all, and go on with those.
        named = sorted(f"{node.host}:{node.port}" for node in admin._client.cluster.brokers())
        if trouble := await why(connection) or await why(connection, named):
            raise AdminError(trouble.found, trouble.advice) from error
        raise AdminError(
            f"a Kafka broker answers at {connection}, but names {', '.join(named)} as the address to use, "
            "and nothing answers there",
            "set the broker's advertised.listeners to what this machine can reach",
        ) from error


def in_words(code: int, message: str | None = None) -> str:
    """A Kafka error code for people; the broker's own message where it sent one."""
    error = for_code(code)
    return message or _IN_WORDS.get(code) or getattr(error, "description", None) or error.__name__


async def settled(
    ask: Callable[[], Awaitable[Answer]],
    code: Callable[[Answer], int],
    *,
    within_s: float = SETTLE_WITHIN_S,
) -> Answer:
    """The answer to `ask`, asked again while its error `code` is one that passes, for so long at most."""
    deadline_s = asyncio.get_running_loop().time() + within_s
    while True:
        answer = await ask()
        if code(answer) not in _PASSING or asyncio.get_running_loop().time() > deadline_s:
            return answer
        await asyncio.sleep(_RETRY_AFTER_S)
