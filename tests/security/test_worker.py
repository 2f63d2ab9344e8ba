"""The worker is let in by each way, with the ACLs that `footfall check --acls` lists and no more."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.security.acls import give
from tests.security.conftest import KEY_PASSWORD, PASSWORD, Fortress
from tests.security.ways import CLIENT_SECRET, listed, settings_for, stage, token_endpoint
from tests.worker.stage import DAY_MS, START_MS, closing, ordered, simulated
from tests.worker.test_worker import get, metrics_address

MARKS = (PASSWORD, KEY_PASSWORD, CLIENT_SECRET)
WAYS = ("SCRAM", "PLAIN", "MTLS", "OAUTH file", "OAUTH endpoint")


@pytest.mark.kafka
@pytest.mark.parametrize("way", WAYS)
async def test_it_runs_with_the_listed_acls_and_shows_no_secret(
    fortress: Fortress, topic_name: Callable[[str], str], tmp_path: Path, way: str
) -> None:
    with ExitStack() as running:
        token_url, tokens = "", [""]
        if way == "OAUTH endpoint":
            token_url, tokens = running.enter_context(token_endpoint(fortress.signer))
        here = await stage(
            fortress, topic_name("way"), tmp_path, settings_for(fortress, way, token_url=token_url)
        )
        await give(fortress.open, listed(here.config))
        await here.write(simulated(users=50, days=5))
        async with here.worker("--log-level", "debug") as worker:
            address = metrics_address(await worker.says("metrics on"))
            await worker.says("Ready: 2 partitions")
            # Read meanwhile: it says so much at this level that it would wait for the pipe.
            ended = asyncio.create_task(worker.ends())
            await here.works_it_off()
            pages = await get(address)
            worker.send(signal.SIGTERM)
            assert await ended == 0
    assert await here.published("transitions")
    marks = [*MARKS, *(token for token in tokens if token)]
    if way == "OAUTH file":
        marks.append((fortress.folder / "token").read_text())
    for mark in marks:
        assert mark not in worker.output
        assert mark not in pages


@pytest.mark.kafka
async def test_it_outlives_its_tokens(
    fortress: Fortress, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    # The broker ends connections after 2 s there, and aiokafka can't show a new token on an old one.
    with token_endpoint(fortress.signer, life_s=4) as (token_url, tokens):
        settings = settings_for(fortress, "BRIEF", token_url=token_url)
        here = await stage(fortress, topic_name("brief"), tmp_path, settings)
        await give(fortress.open, listed(here.config))
        until_ms = START_MS + 20 * DAY_MS
        events = simulated(users=100, days=20) + closing(here.partitions, until_ms)
        async with here.worker() as worker:
            await worker.says("Ready: 2 partitions")
            unwritten = events
            while len(tokens) < 2:
                await here.write(unwritten[:100])
                unwritten = unwritten[100:]
                await here.works_it_off()
            await here.write(unwritten)
            await here.works_it_off()
            assert await worker.terminate() == 0, worker.output
    replayed = await here.replay(events, tmp_path / "replayed", until_ms=until_ms)
    for output, key in (("visits", "visit_id"), ("transitions", "transition_id")):
        published = [line for _, line in await here.published(output)]
        assert ordered(published, key) == ordered(replayed[output], key), output
        assert published
