"""Reads incidents from their topic, and says something of one to the worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.admin.connection import AdminError
from stream.agents.topics import control_topic
from stream.core.engagement.control import Control, encode_json
from stream.core.records import Incident
from stream.settings import Settings
from stream.topic_reader import TopicReader, open_reader

_decode = msgspec.json.Decoder(Incident).decode


class Known(NamedTuple):
    """An incident as last published, and when that was, by Kafka's time in ms."""

    incident: Incident
    published_ms: int


async def known(settings: Settings) -> list[Known]:
    """All incidents of which the topic still has a record, in the order in which they began.

    Raises ReadError where there is no broker or no such topic.
    """
    found: dict[str, Known] = {}
    async with open_reader(settings.connection) as reader:
        async for one in _all(reader, settings.output_topic("incidents")):
            before = found.get(one.incident.incident_id)
            if before is None or _follows(one.incident, before.incident):
                found[one.incident.incident_id] = one
    return sorted(found.values(), key=lambda one: (one.incident.since, one.incident.incident_id))


def matching(incidents: list[Known], text: str) -> list[Known]:
    """The incident with this id, or else those whose id has the text in it."""
    exact = [one for one in incidents if one.incident.incident_id == text]
    return exact or [one for one in incidents if text in one.incident.incident_id]


async def say(
    settings: Settings, control: Control, *, within_s: float, on_sent: Callable[[], None]
) -> Incident | None:
    """Write a control, and wait for the worker's record of it: None where none came `within_s` seconds.

    `on_sent` is called once the topic has it. Raises ReadError or AdminError where it cannot be written.
    """
    async with open_reader(settings.connection) as reader:
        await reader.partitions(control_topic(settings))
        await _write(settings, control)
        on_sent()
        try:
            async with asyncio.timeout(within_s):
                return await _confirmed(reader, settings, control)
        except TimeoutError:
            return None


async def _all(reader: TopicReader, topic: str) -> AsyncIterator[Known]:
    for number in range(await reader.partitions(topic)):
        async for record in reader.read(topic, number):
            if record.value is not None:
                yield Known(_decode(record.value), record.timestamp)


async def _write(settings: Settings, control: Control) -> None:
    producer = AIOKafkaProducer(
        **settings.connection.options(), client_id="footfall-incidents", acks="all", linger_ms=0
    )
    try:
        await producer.start()
        await producer.send_and_wait(
            control_topic(settings), encode_json(control), control.incident_id.encode()
        )
    except KafkaError as error:
        raise AdminError(
            f"{control_topic(settings)} could not be written: {error}",
            "footfall check says what is missing",
        ) from error
    finally:
        await producer.stop()


async def _confirmed(reader: TopicReader, settings: Settings, control: Control) -> Incident | None:
    topic = settings.output_topic("incidents")
    async for record in reader.follow([topic], from_beginning=True):
        if record.value is not None and confirms(incident := _decode(record.value), control):
            return incident
    return None


def confirms(incident: Incident, control: Control) -> bool:
    """Whether a record is the worker's answer to a control."""
    if incident.incident_id != control.incident_id:
        return False
    if incident.record_id.endswith(f"/{control.action}-{control.control_id}"):
        return True
    ended = control.action == "false" and incident.record_id.endswith("/resolved")
    return ended and "false alarm" in (incident.note or "")


def _follows(incident: Incident, before: Incident) -> bool:
    """Whether a record tells more of an incident: a partition has them in order, a provisional one aside."""
    return before.provisional or not incident.provisional
