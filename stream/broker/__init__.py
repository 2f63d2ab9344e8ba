"""A broker for development and tests: tansu from its wheel, or Apache Kafka from its jars."""

from stream.broker.errors import BrokerError
from stream.broker.jars import KAFKA_VERSION, cache_folder, why_missing
from stream.broker.launch import Extras, Kind, Progress
from stream.broker.parent import ending_with_parent
from stream.broker.port import free_port, is_free
from stream.broker.server import Broker, start_broker

__all__ = [
    "KAFKA_VERSION",
    "Broker",
    "BrokerError",
    "Extras",
    "Kind",
    "Progress",
    "cache_folder",
    "ending_with_parent",
    "free_port",
    "is_free",
    "start_broker",
    "why_missing",
]
