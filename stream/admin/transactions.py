"""Whether a broker has transactions and lets us write: one is begun and aborted, with nothing in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
)

from stream.admin.connection import settled

_FOR_TRANSACTIONS = 1
_TIMEOUT_MS = 10_000
_NOT_ATTEMPTED = 55


class Producer(NamedTuple):
    """A transactional producer as its coordinator knows it. `error` is Kafka's code, 0 where it may begin."""

    error: int
    transactional_id: str
    coordinator: int = -1
    id: int = -1
    epoch: int = -1


class Refused(NamedTuple):
    """What may not be written, with Kafka's error codes: topics by name, and the group's offsets."""

    topics: dict[str, int]
    group: int


async def open_producer(admin: AIOKafkaAdminClient, transactional_id: str) -> Producer:
    """Ask for a producer id (`InitProducerId`), which a broker without transactions refuses."""
    find = FindCoordinatorRequest(transactional_id, _FOR_TRANSACTIONS)
    found = await settled(lambda: admin._send_request(find), lambda reply: int(reply.error_code))
    if found.error_code:
        return Producer(found.error_code, transactional_id)
    node = found.coordinator_id
    init = InitProducerIdRequest(transactional_id, _TIMEOUT_MS)
    reply = await settled(lambda: admin._send_request(init, node), lambda reply: int(reply.error_code))
    return Producer(reply.error_code, transactional_id, node, reply.producer_id, reply.producer_epoch)


async def try_writing(
    admin: AIOKafkaAdminClient, producer: Producer, *, topics: Sequence[str], group: str
) -> Refused:
    """Begin a transaction over partition 0 of `topics` and over `group`'s offsets, and abort it.

    Kafka asks for the right to write when a partition joins a transaction. No record is written; all
    that stays is a marker that readers never get.
    """
    who = (producer.transactional_id, producer.id, producer.epoch)
    add = AddPartitionsToTxnRequest(*who, [(topic, [0]) for topic in topics])
    added = await settled(
        lambda: admin._send_request(add, producer.coordinator),
        lambda reply: max((code for _, errors in reply.errors for _, code in errors), default=0),
    )
    refused = {topic: code for topic, errors in added.errors for _, code in errors if code}
    offsets = AddOffsetsToTxnRequest(*who, group)
    joined = await settled(
        lambda: admin._send_request(offsets, producer.coordinator), lambda reply: int(reply.error_code)
    )
    await admin._send_request(EndTxnRequest(*who, False), producer.coordinator)
    # One refusal keeps all the others from being tried.
    return Refused(
        {topic: code for topic, code in refused.items() if code != _NOT_ATTEMPTED}, joined.error_code
    )
