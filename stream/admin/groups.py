"""Consumer groups: who is in them, where they are, and making them forget it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from stream.admin.connection import AdminError, in_words, settled
from stream.settings import Settings

_NO_SUCH_GROUP = 69
_NOT_EMPTY = 68


class Member(NamedTuple):
    """A process that is in a group: what it calls itself, and where it is."""

    client: str
    host: str


async def members(admin: AIOKafkaAdminClient, group: str) -> list[Member]:
    """Those who are in the group now."""
    found = []
    for reply in await admin.describe_consumer_groups([group]):
        for _, _, _, _, _, present, *_ in reply.groups:
            found += [Member(client, host.lstrip("/")) for _, client, host, *_ in present]
    return sorted(found)


async def offsets(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """The group's committed offsets."""
    found = await admin.list_consumer_group_offsets(group)
    return {place: one.offset for place, one in found.items() if one.offset >= 0}


async def forget(admin: AIOKafkaAdminClient, group: str) -> None:
    """Delete the group with all its offsets, if there is one. Raises AdminError."""
    coordinator = await admin.find_coordinator(group)
    request = DeleteGroupsRequest([group])
    reply = await settled(
        lambda: admin._send_request(request, coordinator), lambda reply: int(reply.results[0][1])
    )
    code = reply.results[0][1]
    if code == _NOT_EMPTY:
        raise AdminError(f"group {group} has members again", "stop its workers, and run this again")
    if code not in (0, _NO_SUCH_GROUP):
        raise AdminError(
            f"group {group} cannot be deleted: {in_words(code)}", f"let this user delete group {group}"
        )


async def set_offsets(settings: Settings, group: str, places: Mapping[TopicPartition, int]) -> None:
    """Have the group, which has no members, go on at these offsets. Raises aiokafka's KafkaError."""
    consumer = AIOKafkaConsumer(
        **settings.connection.options(), client_id="footfall-admin", group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(list(places))
        await consumer.commit(dict(places))
    finally:
        await consumer.stop()


async def offsets_at(
    settings: Settings, topic: str, partitions: int, start: int | str
) -> dict[TopicPartition, int]:
    """The topic's offsets at its `beginning`, at its `end`, or of the first records from a time in ms on."""
    consumer = AIOKafkaConsumer(
        **settings.connection.options(), client_id="footfall-admin", enable_auto_commit=False
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        if start == "beginning":
            found: dict[TopicPartition, int] = await consumer.beginning_offsets(places)
            return found
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        if start == "end":
            return ends
        at = await consumer.offsets_for_times(dict.fromkeys(places, start))
        return {place: ends[place] if at[place] is None else at[place].offset for place in places}
    finally:
        await consumer.stop()
