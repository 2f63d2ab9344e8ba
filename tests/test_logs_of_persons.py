"""What a worker logs has nothing of a person above DEBUG, whatever comes to it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import orjson
import pytest

from tests.broker.log import write, write_to
from tests.web.serving import Served, applied, stage
from tests.worker.stage import START_MS, Event, Stage

CANARY = "canary-7f3a"
KEY = CANARY.encode()


def event(**fields: object) -> bytes:
    base = {"messageId": f"{CANARY}-m", "type": "page", "userId": CANARY, "timestamp": START_MS}
    return orjson.dumps(base | fields)


HOSTILE: list[Event] = [
    (KEY, event()),
    (KEY, event()),  # a duplicate
    (KEY, event(messageId=f"{CANARY}-late", timestamp=START_MS - 86_400_000)),
    (KEY, event(timestamp="canary-7f3a o'clock")),
    (KEY, event(timestamp=4_000_000_000_000)),
    (KEY, event(type=CANARY)),
    (KEY, event(properties={CANARY: CANARY})),
    (KEY, b'{"userId": "' + KEY),
    (KEY, b"\xff" + KEY),
    (KEY, KEY * 30_000),
    (KEY, b"[" * 5_000 + KEY),
    (KEY, None),
    (b"other-" + KEY, event()),
    (None, event()),
    (KEY, event(userId=None)),
    (KEY, event(userId={CANARY: CANARY})),
    (KEY, event(type="identify", anonymousId=CANARY)),
    (KEY, event(type="track", event="Account Deleted", messageId=f"{CANARY}-gone")),
]


async def ask_all(worker: Served, records: int) -> None:
    """What HTTP has, and what is no HTTP."""
    await worker.got("/metrics", applied(records))
    for path in (f"/people/{CANARY}", f"/people/{'x' * 40_000}{CANARY}", f"/series/{CANARY}", f"/{CANARY}"):
        await worker.get(path)
    await worker.get(f"/events?topics={CANARY}")
    await worker.ask("DELETE", f"/people/{CANARY}", Authorization=f"Bearer {CANARY}")
    host, port = worker.address.removeprefix("http://").split(":")
    for request in (
        f"GET /people/{CANARY}\x00 HTTP/1.1\r\n\r\n",
        f"{CANARY}\r\n\r\n",
        "GET / HTTP/9\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            raw.sendall(request.encode())
            raw.recv(1000)


async def spoil(here: Stage) -> None:
    """Records of others on Footfall's own topics."""
    control = f"{here.settings.group}-control"
    bodies = [KEY, orjson.dumps({"action": CANARY}), orjson.dumps({"at": CANARY, "by": CANARY})]
    full = {"schema": "footfall.control/1", "control_id": CANARY, "incident_id": CANARY, "action": "ack"}
    bodies.append(orjson.dumps(full | {"by": CANARY, "at": CANARY}))
    bodies.append(orjson.dumps(full | {"by": CANARY, "at": "2026-01-01T00:00:00Z", "action": f"x'{CANARY}"}))
    await write(here.address, control, [(None, body) for body in bodies])
    for output in ("transitions", "engagement", "incidents", "daily"):
        await write(here.address, here.settings.output_topic(output), [(KEY, b'{"series": "canary-7f3a')])


@pytest.mark.parametrize("level", ["info", "debug"])
def test_of_a_canary_nothing_is_logged_but_at_debug(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path, level: str
) -> None:
    token = tmp_path / "token"
    token.write_text("geheim")
    extra = f'dead_letters.max_ratio = 1\nweb.token_file = "{token}"\n'
    extra += f'log = {{ level = "{level}", format = "json" }}'
    here = stage(tansu, topic_name("canary"), tmp_path, extra=extra)
    asyncio.run(here.write(HOSTILE))
    asyncio.run(spoil(here))
    with Served(here) as worker:
        asyncio.run(ask_all(worker, len(HOSTILE)))
        worker.says("Offset 4 of the control topic")
        asyncio.run(worker.get("/transitions"))
        worker.process.terminate()
        assert worker.process.wait(30) == 0
    lines = [msgspec.json.decode(line) for line in worker.log.read_bytes().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    told = [line for line in lines if CANARY in str(line)]
    # Were nothing told at debug, it would not be looked for rightly.
    assert bool(told) == (level == "debug"), told


@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_failure_names_its_place_and_no_person(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path, level: str
) -> None:
    here = stage(tansu, topic_name("fails"), tmp_path, partitions=1, extra="dead_letters.max_ratio = 0.01")
    asyncio.run(write_to(tansu, here.settings.input.topic, [[(KEY, KEY)] * 50]))
    with Served(here, "--log-format", "json", "--log-level", level) as worker:
        line = msgspec.json.decode(worker.says("are dead letters"))
        assert worker.process.wait(30) == 1
    assert (line["level"], line["topic"], line["partition"]) == ("critical", here.settings.input.topic, 0)
    if level == "info":
        assert CANARY not in worker.log.read_text()


DEFECT = """
import asyncio, logging, sys
from stream.engine.errors import EngineError
from stream.logs import set_up
from stream.settings import Log

set_up(Log(level=sys.argv[1], format=sys.argv[2]))
log = logging.getLogger("stream.test")

def find(person):
    return {}[person]

def refuse(person):
    try:
        find(person)
    except KeyError as error:
        raise ValueError(f"{person} is not there") from error

async def forgotten():
    refuse("canary-7f3a")

async def leave_it():
    task = asyncio.create_task(forgotten(), name="a task")
    await asyncio.sleep(0)
    del task

try:
    refuse("canary-7f3a")
except ValueError as error:
    log.critical("Unexpected: %r", error, exc_info=error)
log.warning("Explained: %s", EngineError("the disk is full"))
asyncio.run(leave_it())
import gc; gc.collect()
"""


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_defect_is_told_by_its_kind_and_place_and_at_debug_in_its_own_words(
    level: str, format: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEFECT, level, format], capture_output=True, text=True, check=True
    )
    assert (CANARY in done.stderr) == (level == "debug")
    for part in ("Unexpected", "ValueError", "KeyError", "in refuse", "in find", "the disk is full"):
        assert part in done.stderr
    assert "Task exception was never retrieved" in done.stderr
    if format == "json":
        assert all(msgspec.json.decode(line) for line in done.stderr.splitlines())
