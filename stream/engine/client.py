"""The Kafka clients that the engine opens, and what a broker turns out to be unable to do."""

from __future__ import annotations

import logging
from typing import Any, Literal

from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CoordinatorNotAvailableError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    ProducerFenced,
    UnknownError,
    UnsupportedVersionError,
)
from msgspec import Struct

from stream.engine.connection import Connection

__all__ = [
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "Capabilities",
    "ConsumerRecord",
    "Guarantee",
    "KafkaConnectionError",
    "KafkaError",
    "ProducerFenced",
    "TopicPartition",
    "admin",
    "batch_producer",
    "board_clients",
    "changelog_peeker",
    "probe",
    "state_reader",
]

Guarantee = Literal["exactly_once", "at_least_once"]

# One produce request holds one batch of a partition; brokers take 1 MiB by default.
MAX_BATCH_BYTES = 512 * 1024
# Kafka aborts a transaction after this, if nobody who takes the partition over does so before.
TRANSACTION_TIMEOUT_S = 60
FETCH_BYTES = 4 * 1024 * 1024

log = logging.getLogger(__name__)


class Capabilities(Struct, frozen=True):
    """What a broker can do, found out by asking it.

    Everything that a broker without transactions (tansu) can't do hangs on this one fact, so that its
    limits stay in one place.
    """

    transactions: bool

    @property
    def exact_end_offsets(self) -> bool:
        """Whether ListOffsets answers the end of a log. tansu counts a batch of many records as one."""
        return self.transactions

    @property
    def session_timeout_s(self) -> float:
        """How long a silent member holds up its group. tansu lets the first join wait for half of it."""
        return 10.0 if self.transactions else 6.0


async def probe(connection: Connection, transactional_id: str) -> Capabilities:
    """Ask the broker for a producer id: a broker with transactions gives one, others refuse.

    Raises KafkaConnectionError where there is no broker, KafkaError where it may not be asked.
    """
    producer = AIOKafkaProducer(**connection.options(), transactional_id=transactional_id)
    # The refusal is an answer, not an incident: aiokafka logs it as an error.
    sender_log = logging.getLogger("aiokafka.producer.sender")
    disabled, sender_log.disabled = sender_log.disabled, True
    try:
        await producer.start()
    except (UnknownError, UnsupportedVersionError, IncompatibleBrokerVersion) as refusal:
        log.debug("The broker has no transactions: %r", refusal)
        return Capabilities(transactions=False)
    finally:
        sender_log.disabled = disabled
        await producer.stop()
    return Capabilities(transactions=True)


def admin(connection: Connection) -> Any:
    """A client that asks about topics."""
    return AIOKafkaAdminClient(**connection.options())


def batch_producer(connection: Connection, *, transactional_id: str | None = None) -> Any:
    """A producer for whole batches; with a transactional id, `start()` fences its earlier owners."""
    producer = AIOKafkaProducer(
        **connection.options(),
        transactional_id=transactional_id,
        acks="all",
        max_batch_size=MAX_BATCH_BYTES,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_S * 1000,
    )
    _look_again_for_coordinators(producer)
    return producer


def _look_again_for_coordinators(producer: Any) -> None:
    """Have the producer ask again where a coordinator is, when the connection ended while it asked.

    aiokafka (0.14) does that for other passing errors, and gives up the transaction for this one. Brokers
    end connections whenever a token expires, or they are restarted.
    """
    lookup = producer.client.coordinator_lookup

    async def patient(coordinator_type: int, key: str) -> Any:
        try:
            return await lookup(coordinator_type, key)
        except KafkaConnectionError as error:
            raise CoordinatorNotAvailableError from error

    producer.client.coordinator_lookup = patient


def changelog_peeker(connection: Connection, group: str) -> Any:
    """A consumer for the first records of changelogs: a fetch brings one batch of each, or little more."""
    return AIOKafkaConsumer(
        **connection.options(),
        group_id=group,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4096,
        fetch_max_wait_ms=50,
    )


def state_reader(connection: Connection, group: str) -> Any:
    """A consumer that reads changelogs and the group's offsets, and is not a member of the group."""
    return AIOKafkaConsumer(
        **connection.options(),
        group_id=group,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        # An empty partition is answered only after this long.
        fetch_max_wait_ms=50,
        check_crcs=False,
    )


def board_clients(connection: Connection) -> tuple[Any, Any]:
    """A producer and a consumer, of no group, for a few small records now and then."""
    producer = AIOKafkaProducer(**connection.options(), acks="all")
    consumer = AIOKafkaConsumer(
        **connection.options(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=500,
    )
    return producer, consumer
