"""`footfall broker` as it is used: started, told apart as ready, ended by a signal."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream.broker.port import answers
from tests.broker.test_server import runs

FOOTFALL = (sys.executable, "-c", "from stream.cli import main; main()", "broker")


@contextmanager
def footfall_broker(*options: str) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """The command's process, the port that it says is ready, and the broker's own process."""
    with subprocess.Popen(
        [*FOOTFALL, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready = re.fullmatch(r"(?:tansu|kafka) ready on 127\.0\.0\.1:(\d+)\n", process.stdout.readline())
            assert ready is not None, process.communicate()
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            assert len(children) == 1
            yield process, int(ready[1]), int(children[0])
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with footfall_broker("--port", "0") as (process, port, broker):
        assert answers(port)

        process.send_signal(number)

        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0
        assert not runs(broker)


@pytest.mark.usefixtures("kafka")
@pytest.mark.kafka
def test_kafka_is_ready_when_it_says_so_and_ends_with_a_signal(tmp_path: Path) -> None:
    with footfall_broker("--kind", "kafka", "--port", "0", "--data", str(tmp_path / "data")) as started:
        process, port, broker = started
        assert answers(port)

        process.send_signal(signal.SIGTERM)

        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 0
        assert not runs(broker)
        assert (tmp_path / "data" / "log" / "meta.properties").exists()


def test_a_dead_broker_ends_the_command_with_an_error() -> None:
    with footfall_broker("--port", "0") as (process, _, broker):
        os.kill(broker, signal.SIGKILL)

        _, errors = process.communicate(timeout=20)

        assert process.returncode == 1
        assert errors.startswith("Error: tansu ended with exit code -9")


def test_a_taken_port_is_an_error_in_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*FOOTFALL, "--port", str(port)], capture_output=True, text=True, check=False, timeout=20
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: port {port} is in use, by another broker perhaps: end that one, or pick another with "
        "--port (0 takes a free one)\n"
    )
