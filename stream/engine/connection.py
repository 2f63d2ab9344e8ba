"""Where Kafka is and how to be let in: from it every Kafka client is made, here and in the edges."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from stream.engine.security import Security


class Connection(Struct, frozen=True):
    """A Kafka cluster. `bootstrap` is one or more `host:port`, separated by commas."""

    bootstrap: str
    security: Security = Security()

    def options(self) -> dict[str, Any]:
        """What a client of aiokafka takes to connect: `AIOKafkaConsumer(**connection.options(), …)`.

        Raises SecurityError where a certificate or a secret cannot be read.
        """
        return {"bootstrap_servers": self.bootstrap, **self.security.options()}

    def __str__(self) -> str:
        return self.bootstrap
