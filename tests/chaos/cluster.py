"""An Apache Kafka that can be killed and started again, with a second way in that leads through a proxy."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from stream.broker import Broker
from stream.broker.launch import Extras
from stream.broker.port import HOST, free_port


class Cluster:
    """One broker with its storage in `folder`, used as a context manager.

    `address` leads to it directly: tests write and read there. `proxied` is where a `Proxy` has to
    listen (`proxy_port`) and pass on to `inner_port`: workers that connect there stay behind it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.inner_port = free_port(other_than=(self._port,))
        self.proxy_port = free_port(other_than=(self._port, self.inner_port))
        self._broker = self._new()

    def _new(self) -> Broker:
        advertised = f"PLAINTEXT://{self.address},PROXIED://{self.proxied}"
        protocols = "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"
        extras = Extras(
            listeners={"PROXIED": self.inner_port},
            properties={"advertised.listeners": advertised, "listener.security.protocol.map": protocols},
        )
        return Broker(kind="kafka", port=self._port, data=self._folder, extras=extras)

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def proxied(self) -> str:
        return f"{HOST}:{self.proxy_port}"

    def __enter__(self) -> Cluster:
        self._broker.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._broker.stop()

    @property
    def runs(self) -> bool:
        return self._broker.pid is not None

    async def kill(self) -> None:
        """kill -9."""
        assert self._broker.pid is not None
        os.kill(self._broker.pid, signal.SIGKILL)
        await asyncio.to_thread(self._broker.stop)

    async def start(self) -> None:
        """Start it again, with the storage as the kill has left it, and wait until it answers."""
        self._broker = self._new()
        await self._broker.__aenter__()
