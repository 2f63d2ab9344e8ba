"""The example services, run as they say, on the topics of a real worker's product."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from stream.core.records import Incident, Transition
from tests.broker.log import write
from tests.engine.process import Process
from tests.worker.stage import DAY_MS, NERVOUS, START_MS, Stage, simulated

SERVICES = Path(__file__).parents[2] / "examples" / "services"
DAYS = 75
WITHIN_S = 60.0
Name = Callable[[str], str]


class Product:
    """What was published of a simulated product, as its topics hold it."""

    def __init__(self, stage: Stage, changes: list[Transition], incidents: list[Incident]) -> None:
        self.stage = stage
        self.changes = changes
        self.incidents = incidents

    def service(self, name: str, *arguments: str, **environ: str) -> Process:
        settings = self.stage.settings
        at = {"FOOTFALL_BROKER": settings.broker, "FOOTFALL_PREFIX": settings.prefix}
        return Process(sys.executable, str(SERVICES / f"{name}.py"), *arguments, environ=at | environ)


@pytest.fixture
async def product(kafka: str, topic_name: Name, tmp_path: Path) -> Product:
    # A worker publishes what a replay writes: other tests see to that.
    tiers = "tiers = { low = 1, medium = 2, high = 3 }\n"
    stage = Stage(kafka, topic_name("services"), tmp_path, extra=tiers + NERVOUS)
    await stage.create_topics()
    events = simulated(users=120, days=DAYS, seed=3)
    replayed = await stage.replay(events, tmp_path / "out", until_ms=START_MS + DAYS * DAY_MS)
    changes = msgspec.json.decode(b"[" + b",".join(replayed["transitions"]) + b"]", type=list[Transition])
    incidents = msgspec.json.decode(b"[" + b",".join(replayed["incidents"]) + b"]", type=list[Incident])
    keyed = zip((change.person.encode() for change in changes), replayed["transitions"], strict=True)
    await write(kafka, stage.settings.output_topic("transitions"), list(keyed))
    keyed = zip((one.series.encode() for one in incidents), replayed["incidents"], strict=True)
    await write(kafka, stage.settings.output_topic("incidents"), list(keyed))
    assert incidents
    return Product(stage, changes, incidents)


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[int, list[EmailMessage]]]:
    """Its port, and what it was given. It speaks the little SMTP that is needed to be handed a mail."""
    letters: list[EmailMessage] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            if line.strip().upper() == b"DATA":
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                found = message_from_bytes(body[:-3], policy=policy.default)
                assert isinstance(found, EmailMessage)
                letters.append(found)
            writer.write(b"221 bye\r\n" if line.strip().upper() == b"QUIT" else b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], letters


async def until(condition: Callable[[], bool], service: Process) -> None:
    """Wait for the condition, which the service fulfils by what it does."""
    waiting = asyncio.create_task(service.ends(WITHIN_S))
    try:
        while not condition():
            done, _ = await asyncio.wait([waiting], timeout=0.05)
            assert not done, f"it ended, or took too long:\n{service.output}"
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])


async def ended_by_sigterm(service: Process) -> None:
    service.send(signal.SIGTERM)
    assert await service.ends() == 0, service.output


@pytest.mark.kafka
async def test_the_mailer_writes_once_to_each_who_fell_silent(product: Product, tmp_path: Path) -> None:
    lapsed = [change for change in product.changes if change.reason == "lapsed"]
    users = tmp_path / "users.csv"
    with users.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["person", "email"])
        rows.writerows((person, f"{person}@example.org") for person in {one.person for one in lapsed})
    async with mail_server() as (port, letters):
        arguments = (str(users), "--smtp", f"127.0.0.1:{port}", "--sender", "shop@example.com")
        async with product.service("win_back_mailer", *arguments) as service:
            await until(lambda: len(letters) >= len(lapsed) // 2, service)
            await ended_by_sigterm(service)
        # another day: it goes on, and writes to nobody twice
        async with product.service("win_back_mailer", *arguments) as service:
            await until(lambda: len(letters) >= len(lapsed), service)
            await ended_by_sigterm(service)
    assert len(lapsed) > 5
    assert sorted(letter["To"] for letter in letters) == sorted(f"{one.person}@example.org" for one in lapsed)
    assert len({letter["Message-ID"] for letter in letters}) == len(letters)


@pytest.mark.kafka
async def test_the_notifier_tells_of_each_incident(product: Product) -> None:
    told: list[str] = []
    refusals = [503, 503]

    async def slack(request: web.Request) -> web.Response:
        if refusals:
            return web.Response(status=refusals.pop())
        told.append(json.loads(await request.read())["text"])
        return web.Response(text="ok")

    server = web.Application()
    server.add_routes([web.post("/hook", slack)])
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        wanted = [one for one in product.incidents if not one.provisional]
        async with product.service("slack_notifier", SLACK_WEBHOOK=hook) as service:
            await until(lambda: len(told) >= len(wanted), service)
            await ended_by_sigterm(service)
    finally:
        await runner.cleanup()
    assert hook not in service.output
    first = wanted[0]
    text = next(one for one in told if first.incident_id in one and "*opened*" in one)
    assert first.sentence in text
    assert f"#incident={first.incident_id}|Look at it>" in text
    assert len(told) == len(wanted)


@pytest.mark.kafka
async def test_the_exporter_keeps_those_at_tier_high(product: Product, tmp_path: Path) -> None:
    database = tmp_path / "audience.db"
    latest = {change.person: change for change in product.changes}
    wanted = {person for person, change in latest.items() if change.tier == "high" and change.to != "deleted"}
    numbers = {person: int(change.transition_id.rpartition("#")[2]) for person, change in latest.items()}

    def rows(what: str) -> list[tuple[str, int]]:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            found: list[tuple[str, int]] = connection.execute(what).fetchall()
        connection.close()
        return found

    def is_done() -> bool:
        try:
            return dict(rows("SELECT * FROM applied")) == numbers
        except sqlite3.OperationalError:
            return False  # not there yet

    async with product.service("audience_exporter", str(database)) as service:
        await until(is_done, service)
        await ended_by_sigterm(service)
    assert len(wanted) > 3
    assert {person for (person,) in rows("SELECT person FROM audience")} == wanted


@pytest.mark.parametrize("name", [path.stem for path in sorted(SERVICES.glob("*.py"))])
async def test_a_broker_that_is_not_there_is_an_error_that_helps(name: str, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("person,email\n")
    arguments = {"win_back_mailer": (str(users),), "audience_exporter": (str(tmp_path / "a.db"),)}
    environ = {"FOOTFALL_BROKER": "127.0.0.1:1", "SLACK_WEBHOOK": "http://127.0.0.1:1/"}
    async with Process(
        sys.executable, str(SERVICES / f"{name}.py"), *arguments.get(name, ()), environ=environ
    ) as service:
        assert await service.ends() == 1
    assert "Error: no Kafka broker answers at 127.0.0.1:1" in service.output
