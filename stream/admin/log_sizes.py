"""How much disk topics take: a question to every broker that aiokafka 0.14 does not have (KIP-113)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String


class _DescribeLogDirsResponse(Response):  # type: ignore[misc]
    API_KEY = 35
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            Array(
                ("error_code", Int16),
                ("log_dir", String("utf-8")),
                (
                    "topics",
                    Array(
                        ("name", String("utf-8")),
                        (
                            "partitions",
                            Array(
                                ("partition", Int32),
                                ("size", Int64),
                                ("offset_lag", Int64),
                                ("is_future", Boolean),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )


class _DescribeLogDirsRequest_v1(RequestStruct):  # type: ignore[misc]
    API_KEY = 35
    API_VERSION = 1
    RESPONSE_TYPE = _DescribeLogDirsResponse
    SCHEMA = Schema(("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))))


class _DescribeLogDirsRequest(Request[_DescribeLogDirsRequest_v1]):  # type: ignore[misc]
    API_KEY = 35

    def __init__(self, topics: Mapping[str, int]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_DescribeLogDirsRequest_v1]) -> _DescribeLogDirsRequest_v1:
        wanted = [(topic, list(range(partitions))) for topic, partitions in self._topics.items()]
        return request_struct_class(wanted)


async def log_sizes(admin: AIOKafkaAdminClient, topics: Mapping[str, int]) -> dict[str, int]:
    """Bytes by topic, all copies together; `topics` with their partitions. Empty where a broker won't say."""
    if not topics:
        return {}
    nodes: Collection[int] = [node.nodeId for node in admin._client.cluster.brokers()]
    sizes: Counter[str] = Counter()
    try:
        for node in nodes:
            reply = await admin._send_request_to_node(node, _DescribeLogDirsRequest(topics))
            for _, _, found in reply.results:
                for topic, partitions in found:
                    sizes[topic] += sum(size for _, size, _, is_future in partitions if not is_future)
    except (KafkaError, NotImplementedError, TimeoutError, OSError):
        return {}
    return dict(sizes)
