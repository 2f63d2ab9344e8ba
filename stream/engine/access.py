"""What this user may do in a Kafka cluster: asked of the broker, without doing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka.protocol.admin import DescribeGroupsRequest_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.transaction import EndTxnRequest
from aiokafka.protocol.types import Array, Boolean, Bytes, Int16, Int32, Schema, String
from msgspec import Struct

from stream.engine.client import KafkaError

OPERATIONS = {
    3: "Read",
    4: "Write",
    5: "Create",
    6: "Delete",
    7: "Alter",
    8: "Describe",
    10: "DescribeConfigs",
    11: "AlterConfigs",
    12: "IdempotentWrite",
}
"""By Kafka's codes, as `kafka-acls.sh --operation` takes them."""

_NOT_TOLD = -(2**31)
_FOR_GROUPS, _FOR_TRANSACTIONS = 0, 1
_UNAUTHORISED = (29, 30, 31, 53)
_NO_PRODUCER_ID, _NO_EPOCH = 2**53, 0


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(("node_id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8"))),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("authorized_operations", Int32),
    )


class _MetadataRequestStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _Metadata(Request[_MetadataRequestStruct]):  # type: ignore[misc]
    """Metadata with what we may do (KIP-430), which aiokafka's own does not ask."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class(self._topics, False, True, True)


class _GroupsResponse(Response):  # type: ignore[misc]
    API_KEY = 15
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "groups",
            Array(
                ("error_code", Int16),
                ("group", String("utf-8")),
                ("state", String("utf-8")),
                ("protocol_type", String("utf-8")),
                ("protocol", String("utf-8")),
                (
                    "members",
                    Array(
                        ("member_id", String("utf-8")),
                        ("client_id", String("utf-8")),
                        ("client_host", String("utf-8")),
                        ("member_metadata", Bytes),
                        ("member_assignment", Bytes),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
    )


class _GroupsRequestStruct(RequestStruct):  # type: ignore[misc]
    # aiokafka's own (0.14) reads the answer without the operations.
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = _GroupsResponse
    SCHEMA = DescribeGroupsRequest_v3.SCHEMA


class _Groups(Request[_GroupsRequestStruct]):  # type: ignore[misc]
    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class([self._group], True)


class Access(Struct, frozen=True):
    """The operations that we may do, by names; None where the broker does not tell."""

    topics: Mapping[str, frozenset[str] | None]
    groups: Mapping[str, frozenset[str] | None]
    transactional_ids: Mapping[str, frozenset[str] | None]
    cluster: frozenset[str] | None


async def ask(
    admin: Any, *, topics: Sequence[str], groups: Sequence[str], transactional_ids: Sequence[str]
) -> Access:
    """Ask the broker that `admin` is connected to. Raises KafkaError, also where the broker can't be asked.

    Nothing is changed by it: no topic is created, no transaction begun, no group joined.
    """
    try:
        return await _ask(admin, topics, groups, transactional_ids)
    except NotImplementedError as error:
        # What aiokafka raises for a broker that does not know a request of this version.
        raise KafkaError(str(error)) from error


async def _ask(
    admin: Any, topics: Sequence[str], groups: Sequence[str], transactional_ids: Sequence[str]
) -> Access:
    metadata = await admin._send_request(_Metadata(topics))
    return Access(
        topics={found[1]: _operations(found[0], found[4]) for found in metadata.topics if found[1] in topics},
        groups={group: await _of_group(admin, group) for group in groups},
        transactional_ids={name: await _of_transactional_id(admin, name) for name in transactional_ids},
        cluster=_operations(0, metadata.authorized_operations),
    )


async def _of_group(admin: Any, group: str) -> frozenset[str] | None:
    found = await admin._send_request(FindCoordinatorRequest(group, _FOR_GROUPS))
    if found.error_code:
        return _operations(found.error_code, _NOT_TOLD)
    described = await admin._send_request(_Groups(group), found.coordinator_id)
    (only,) = described.groups
    return _operations(only[0], only[6])


async def _of_transactional_id(admin: Any, name: str) -> frozenset[str] | None:
    found = await admin._send_request(FindCoordinatorRequest(name, _FOR_TRANSACTIONS))
    if found.error_code:
        return _operations(found.error_code, _NOT_TOLD)
    # The end of a transaction that nobody began: refused either way, but first for want of the right
    # to write, and with this producer id it can't be anybody's.
    end = EndTxnRequest(name, _NO_PRODUCER_ID, _NO_EPOCH, False)
    ended = await admin._send_request(end, found.coordinator_id)
    if ended.error_code in _UNAUTHORISED:
        return frozenset(("Describe",))
    return frozenset(("Describe", "Write"))


def _operations(error_code: int, bits: int) -> frozenset[str] | None:
    if error_code in _UNAUTHORISED:
        return frozenset()
    # A broker without an authorizer that knows KIP-430 leaves all bits out.
    if bits in (_NOT_TOLD, 0):
        return None
    return frozenset(_named(bits))


def _named(bits: int) -> Iterable[str]:
    return (name for code, name in OPERATIONS.items() if bits >> code & 1)
