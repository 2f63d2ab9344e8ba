"""Loopback ports: finding a free one, and asking whether a Kafka broker answers on it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection

HOST = "127.0.0.1"

_API_VERSIONS = 18
_REQUEST = struct.pack(">ihhih", 10, _API_VERSIONS, 0, 1, -1)


def free_port(*, other_than: Collection[int] = ()) -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return free_port(other_than=other_than) if port in other_than else port


def is_free(port: int) -> bool:
    """Whether `port` could be listened on."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def answers(port: int, *, timeout_s: float = 0.5) -> bool:
    """Whether a broker on `port` answers `ApiVersions`, the first request of every Kafka client.

    An open port is not enough: Kafka accepts connections before it processes requests.
    """
    try:
        with socket.create_connection((HOST, port), timeout=timeout_s) as connection:
            connection.sendall(_REQUEST)
            return len(connection.recv(8)) == 8
    except OSError:
        return False
