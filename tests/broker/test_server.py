"""The brokers that Footfall starts: they answer, keep what they should, and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.broker import Broker, BrokerError, start_broker
from tests.broker.log import create_topic, read, write

TopicName = Callable[[str], str]

LIMIT_S = 20.0


def wait_until(condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.kafka
async def test_kafka_gives_back_what_was_written(kafka: str, topic_name: TopicName) -> None:
    await gives_back_what_was_written(kafka, topic_name("events"))


async def test_tansu_gives_back_what_was_written(tansu: str, topic_name: TopicName) -> None:
    await gives_back_what_was_written(tansu, topic_name("events"))


async def gives_back_what_was_written(address: str, topic: str) -> None:
    await create_topic(address, topic, partitions=3)
    written = [(b"k%d" % (n % 10), b"v%d" % n) for n in range(1000)]

    await write(address, topic, written)

    records = await read(address, topic)
    assert sorted((record.key, record.value) for record in records) == sorted(written)
    assert len({record.partition for record in records}) == 3


def test_without_data_nothing_stays() -> None:
    with Broker() as broker:
        pid = broker.pid
        assert pid is not None
        assert runs(pid)
        log = Path(os.readlink(f"/proc/{pid}/fd/1"))
        assert log.exists()

    assert not runs(pid)
    assert not log.parent.exists()


@pytest.mark.usefixtures("kafka")
@pytest.mark.kafka
async def test_kafka_keeps_data_over_a_restart_and_is_alone_with_it(tmp_path: Path) -> None:
    data = tmp_path / "kept"
    async with start_broker(kind="kafka", data=data) as broker:
        await create_topic(broker.address, "events")
        await write(broker.address, "events", [(b"k", b"v")])

    async with start_broker(kind="kafka", data=data) as broker:
        assert [record.value for record in await read(broker.address, "events")] == [b"v"]
        with pytest.raises(BrokerError, match="kept is in use by another broker"):
            await start_broker(kind="kafka", data=data).__aenter__()


def test_a_broker_ends_with_its_owner_even_if_that_is_killed() -> None:
    program = (
        "import time; from stream.broker import Broker\n"
        "with Broker() as broker:\n print(broker.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert runs(pid)
        owner.kill()

    wait_until(lambda: not runs(pid))


def test_a_taken_port_is_refused_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=rf"port {port} is in use.*--port"), Broker(port=port):
            pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match="cannot be used: "), Broker(kind="kafka", data=tmp_path / "file"):
        pass


def test_tansu_refuses_data_that_it_would_not_keep(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="--kind kafka"), Broker(data=tmp_path):
        pass


def test_a_broker_that_dies_says_what_it_said_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "tansu"
    fake.write_text("#!/bin/sh\necho out of cheese\nexit 7\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(fake))
    with pytest.raises(BrokerError, match=r"(?s)exit code 7.*out of cheese"), Broker():
        pass


async def test_a_cancelled_start_leaves_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started = tmp_path / "started"
    fake = tmp_path / "tansu"
    fake.write_text(f"#!/bin/sh\necho $$ > {started}.part && mv {started}.part {started}\nexec sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(fake))
    starting = asyncio.create_task(start_broker().__aenter__())
    await asyncio.to_thread(wait_until, started.exists)

    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert not runs(int(started.read_text()))


def test_a_running_broker_that_is_killed_is_noticed() -> None:
    with Broker() as broker:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        with pytest.raises(BrokerError, match="exit code -9"):
            broker.wait()


@pytest.mark.usefixtures("kafka")
@pytest.mark.kafka
def test_a_cluster_id_that_begins_with_a_hyphen_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(bytes=b"\xf8" + bytes(15)))
    with start_broker(kind="kafka", port=0) as broker:
        assert broker.address
