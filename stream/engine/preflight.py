"""Asks the broker what a worker needs to know, and refuses to start where it could not work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct

from stream.engine.client import Capabilities, KafkaError, admin, probe
from stream.engine.connection import Connection
from stream.engine.diagnosis import why
from stream.engine.errors import EngineError

ANSWER_WITHIN_S = 15.0


class Broker(Struct, frozen=True):
    """What was found out: what the broker can do, and the topics asked for with their partitions."""

    capabilities: Capabilities
    partitions: Mapping[str, int]


async def look(connection: Connection, *, transactional_id: str, topics: Sequence[str]) -> Broker:
    """Ask the broker. Raises EngineError, with its address and what to check, if it does not answer.

    Topics that are missing are missing in the answer.
    """
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            partitions = await _partitions(connection, topics)
            capabilities = await probe(connection, transactional_id)
    except (KafkaError, OSError, TimeoutError) as error:
        if trouble := await why(connection):
            raise trouble from error
        raise EngineError(
            f"no Kafka broker answers at {connection} ({error or type(error).__name__}): is it running "
            "there, and does it advertise an address that this machine can reach? "
            "`broker` in the configuration or FOOTFALL_BROKER says where it is"
        ) from error
    return Broker(capabilities, partitions)


async def _partitions(connection: Connection, topics: Sequence[str]) -> dict[str, int]:
    client = admin(connection)
    await client.start()
    try:
        # All of them, since asking for one by name creates it where the broker is set up so.
        found = {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}
    finally:
        await client.close()
    return {topic: found[topic] for topic in topics if topic in found}
