"""Apache Kafka as one node without ZooKeeper (KRaft), in little memory: broker and controller in one JVM."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from pathlib import Path

from stream.broker.errors import BrokerError
from stream.broker.jars import fetch, find_java
from stream.broker.launch import NO_EXTRAS, Extras, Launch, OnChild, Progress
from stream.broker.port import HOST, free_port

_MEBIBYTE = 1024 * 1024


def launch(
    port: int, data: Path, progress: Progress, on_child: OnChild, extras: Extras = NO_EXTRAS
) -> Launch:
    """The command that serves `port` on the loopback interface from the storage below `data`.

    Fetches the jars and formats the storage where that has not been done yet.
    """
    java = find_java()
    jars = fetch(progress, on_child)
    log_dir = data / "log"
    properties = data / "server.properties"
    properties.write_text(
        _properties(port, free_port(other_than=(port, *extras.listeners.values())), log_dir, extras)
    )
    classpath = f"{jars}/*"
    if not (log_dir / "meta.properties").exists():
        _format(java, classpath, properties, extras)
    argv = (
        java,
        "-Xmx512m",
        "-XX:+UseSerialGC",
        f"-XX:ErrorFile={data}/java_error.log",
        *extras.java_options,
        "-Djava.awt.headless=true",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        "-cp",
        classpath,
        "kafka.Kafka",
        str(properties),
    )
    return Launch(argv=argv, environ=os.environ, log=data / "kafka.log")


def _properties(port: int, controller_port: int, log_dir: Path, extras: Extras) -> str:
    listeners = [f"{name}://{HOST}:{number}" for name, number in extras.listeners.items()]
    listeners.insert(0, f"PLAINTEXT://{HOST}:{port}")
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join([*listeners, f"CONTROLLER://{HOST}:{controller_port}"]),
        "advertised.listeners": ",".join(listeners),
        "log.dirs": log_dir,
        # One node: nothing can be replicated, and nobody else is worth waiting for.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "auto.create.topics.enable": "false",
        # Two cores and 512 MiB of heap, of which the cleaner would take 128 by default.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * _MEBIBYTE,
        **extras.properties,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _format(java: str, classpath: str, properties: Path, extras: Extras) -> None:
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    argv = [java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classpath]
    argv += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "kafka.tools.StorageTool"]
    # One word: an id may begin with a hyphen, which would be taken for the next option.
    argv += ["format", f"--cluster-id={cluster_id}", "--config", str(properties)]
    argv += extras.format_options
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise BrokerError(f"Apache Kafka could not format its storage in {properties.parent}: {said}")
