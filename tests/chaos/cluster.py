"""An Apache Kafka that can be killed and started again, with a second way in that leads through a proxy."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from stream.broker import Broker
from stream.broker.launch import Launch
from stream.broker.port import HOST, free_port


class _TwoListeners(Broker):
    """The broker for development, with a listener more, which tells its clients to come to `proxy_port`."""

    def __init__(self, *, port: int, data: Path, inner_port: int, proxy_port: int) -> None:
        super().__init__(kind="kafka", port=port, data=data)
        self._storage = data
        self._inner_port = inner_port
        self._proxy_port = proxy_port

    def _prepare(self) -> Launch:
        launch = super()._prepare()
        properties = self._storage / "server.properties"
        lines = properties.read_text().splitlines()
        listeners = next(line for line in lines if line.startswith("listeners="))
        advertised = next(line for line in lines if line.startswith("advertised.listeners="))
        # Of two lines for one property the later counts.
        lines += [
            f"{listeners},PROXIED://{HOST}:{self._inner_port}",
            f"{advertised},PROXIED://{HOST}:{self._proxy_port}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ]
        properties.write_text("\n".join(lines) + "\n")
        return launch


class Cluster:
    """One broker with its storage in `folder`, used as a context manager.

    `address` leads to it directly: tests write and read there. `proxied` is where a `Proxy` has to
    listen (`proxy_port`) and pass on to `inner_port`: workers that connect there stay behind it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.inner_port = free_port(other_than=self._port)
        self.proxy_port = free_port(other_than=self._port)
        while self.proxy_port == self.inner_port:
            self.proxy_port = free_port(other_than=self._port)
        self._broker = self._new()

    def _new(self) -> Broker:
        return _TwoListeners(
            port=self._port, data=self._folder, inner_port=self.inner_port, proxy_port=self.proxy_port
        )

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
