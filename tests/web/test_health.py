"""Health as a probe sees it: from before the worker joins its group until it has failed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from stream import __version__
from stream.broker import Broker
from tests.broker.log import write
from tests.web.serving import Served, stage
from tests.web.shop import Shop


async def test_version_says_what_runs(shop: Shop) -> None:
    definition = shop.stage.settings.definition
    assert await shop.worker.get("/version") == (
        200,
        {
            "version": __version__,
            "definition": definition.hash(),
            "engagement_definition": definition.engagement_hash(),
            "guarantee": "at_least_once",
            "timezone": "UTC",
        },
    )


async def test_one_that_keeps_up_is_ready_and_says_so_in_its_metrics(shop: Shop) -> None:
    assert await shop.worker.get("/livez") == (200, "ok\n")
    assert await shop.worker.get("/readyz") == (200, "ready\n")
    _, metrics = await shop.worker.get("/metrics")
    assert "\nfootfall_ready 1.0\n" in metrics


def test_a_worker_serves_before_it_joins_and_one_without_a_partition_gets_ready(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = stage(tansu, topic_name("two"), tmp_path, partitions=1)

    async def watch(*workers: Served) -> None:
        for worker in workers:
            await worker.got("/readyz", lambda text: text == "ready\n")
        # Who was ready is not, for a moment, when the next one joins.
        owned = [
            await worker.got("/metrics", lambda text: "\nfootfall_ready 1.0\n" in text) for worker in workers
        ]
        assert sum("\nfootfall_partitions 1.0\n" in text for text in owned) == 1

    with Served(here) as first:
        status, reasons = asyncio.run(first.get("/readyz"))
        assert (status, reasons) == (503, "it is joining its group\n")
        assert asyncio.run(first.get("/livez")) == (200, "ok\n")
        asyncio.run(watch(first))
        with Served(here, log="other.log") as other:
            asyncio.run(watch(first, other))


def test_while_the_broker_is_away_pages_say_so_and_all_comes_back(tmp_path: Path) -> None:
    with Broker(kind="tansu") as broker:
        here = stage(broker.address, "behind", tmp_path, partitions=1, extra='web.ready_within = "1s"')
        with Served(here) as worker:
            asyncio.run(worker.got("/readyz", lambda text: text == "ready\n"))
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                reason = asyncio.run(worker.got("/readyz", lambda text: "/0:" in text, status=503))
                assert "behind-events/0: the broker has not answered for" in reason
                metrics = asyncio.run(worker.got("/metrics", lambda _: True))
                assert "\nfootfall_ready 0.0\n" in metrics
                assert asyncio.run(worker.get("/livez")) == (200, "ok\n")
                status, found = asyncio.run(worker.get("/transitions"))
                assert (status, "can't be told yet" in found["error"]) == (503, True)
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            asyncio.run(worker.got("/readyz", lambda text: text == "ready\n"))
            asyncio.run(worker.got("/transitions", lambda found: found == {"transitions": []}))


async def test_a_name_from_elsewhere_is_refused_but_for_probes(shop: Shop) -> None:
    for path in ("/states", "/people/usr_1", "/events", "/", "/openapi.json"):
        status, found = await shop.worker.get(path, Host="evil.example")
        assert status == 403
        assert "web.advertise" in found["error"]
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await shop.worker.get(path, Host="evil.example"))[0] == 200
    for host in ("localhost:6066", "[::1]:6066", "127.0.0.1", "127.9.9.9:1", "app.localhost"):
        assert (await shop.worker.get("/version", Host=host))[0] == 200
    for host in (
        "",
        "127.0.0.1.evil.example",
        "evil.example#localhost",
        "localhost@evil.example",
        "[",
        "10.0.0.1",
    ):
        assert (await shop.worker.get("/version", Host=host))[0] in (400, 403), host


async def test_requests_are_counted_by_route(shop: Shop) -> None:
    for _ in range(3):
        await shop.worker.get("/people/somebody%2Felse")
    await shop.worker.get("/people-who-know")
    _, metrics = await shop.worker.get("/metrics")
    assert 'footfall_http_requests_total{route="/people/{person}",status="404"}' in metrics
    assert 'footfall_http_requests_total{route="none",status="404"}' in metrics
    assert "somebody" not in metrics
    assert "people-who-know" not in metrics


@pytest.mark.parametrize("path", ["/states", "/", "/people/x", "/events"])
async def test_no_other_origin_may_read(shop: Shop, path: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(shop.worker.address + path, headers={"Origin": "http://evil.example"}) as answer,
    ):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_partition_far_behind_is_named_with_how_far(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Records that came to Kafka long ago, by its own times, and take the worker a while."""
    here = stage(tansu, topic_name("behind"), tmp_path, partitions=1, extra='web.ready_within = "1h"')
    old_ms = int(time.time() * 1000) - 2 * 3_600_000
    events = [
        (b"usr", b'{"messageId":"m%d","type":"page","userId":"usr","timestamp":%d}' % (n, old_ms + n))
        for n in range(20_000)
    ]
    asyncio.run(write(tansu, here.settings.input.topic, events, timestamp_ms=old_ms))
    with Served(here) as worker:
        reason = asyncio.run(worker.got("/readyz", lambda text: " s behind, " in text, status=503))
        assert f"{here.settings.input.topic}/0: 7,2" in reason  # seconds
        asyncio.run(worker.got("/readyz", lambda text: text == "ready\n"))
