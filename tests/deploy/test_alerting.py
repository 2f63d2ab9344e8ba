"""An outage reaches those it concerns, in real time, through Prometheus and Alertmanager as shipped."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import yaml
from aiohttp import ClientSession, web

from stream.broker.port import HOST, free_port
from tests.deploy.product import Shop
from tests.deploy.prometheus import Alertmanager, Prometheus, Samples, need_alertmanager, need_prometheus
from tests.worker.stage import Stage

log = logging.getLogger(__name__)

DEPLOY = Path(__file__).parents[2] / "deploy"
WINDOW_S = 10
HISTORY_S = 1_800
TOLD_WITHIN_S = 120.0
TOKEN = "of-the-pager"

# The worker has worked history off, and has learned from it.
WATCHED = (
    'time() - footfall_engagement_window_end_timestamp_seconds{status="final"} < 20'
    ' and on () footfall_engagement_expected{series="total",measure="volume"} > 150'
)

CONFIGURATION = """
idle_after = "2s"
engagement.window = "10s"
engagement.lateness = "2s"
engagement.dimensions = ["channel"]
# By default a series is watched for a week before it may alert; this one has half an hour.
detection.warm_up = "0d"
detection.resolve_after = 3

[[key_event]]
name = "Order Completed"
weight = 5
owner = "payments"

[[key_event]]
name = "Product Added"
weight = 2
owner = "catalog"
"""


def monitoring(folder: Path, *, worker: str, alertmanager: str) -> Path:
    """deploy/prometheus as it is, but for who is scraped, who is told, and every second, not every five."""
    shutil.copytree(DEPLOY / "prometheus", folder)
    path = folder / "prometheus.yml"
    config = yaml.safe_load(path.read_text())
    footfall, itself = config["scrape_configs"]
    del footfall["dns_sd_configs"]
    footfall["static_configs"] = [{"targets": [worker]}]
    config["scrape_configs"].remove(itself)
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    # Links lead to the worker itself.
    del config["global"]["external_labels"]["page_url"]
    path.write_text(json.dumps(config))
    return path


def routing(folder: Path, *, receiver: str) -> Path:
    """deploy/alertmanager as it is, but for where secrets and pager are, and a shorter `group_interval`."""
    shutil.copytree(DEPLOY / "alertmanager", folder)
    path = folder / "alertmanager.yml"
    text = path.read_text()
    for shipped, ours in (
        ("/etc/alertmanager/secrets/", f"{folder}/secrets/"),
        ("http://pager.invalid/footfall", f"{receiver}/pager"),
        ("group_interval: 1m", "group_interval: 5s"),
    ):
        assert shipped in text
        text = text.replace(shipped, ours)
    path.write_text(text)
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "pager_token").write_text(TOKEN)
    for channel in ("oncall", "payments", "catalog", "footfall"):
        (secrets / f"slack_{channel}").write_text(f"{receiver}/slack/{channel}")
    return path


class Receiver:
    """Who is told: a pager and the channels of a chat, of which every message is kept."""

    def __init__(self) -> None:
        self.url = ""
        self.pages: list[dict[str, Any]] = []
        self.said: dict[str, list[dict[str, str]]] = {}
        self._came = asyncio.Event()

    @asynccontextmanager
    async def serves(self) -> AsyncIterator[None]:
        pages = web.Application()
        pages.add_routes([web.post("/pager", self._pager), web.post("/slack/{channel}", self._channel)])
        runner = web.AppRunner(pages)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()

    async def _pager(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.pages.append(await request.json())
        self._came.set()
        return web.Response()

    async def _channel(self, request: web.Request) -> web.Response:
        (message,) = (await request.json())["attachments"]
        self.said.setdefault(request.match_info["channel"], []).append(message)
        self._came.set()
        return web.Response(text="ok")

    def statuses(self, owner: str) -> list[str]:
        """What the pager heard for an owner, `firing` or `resolved`, in order."""
        return [page["status"] for page in self.pages if page["commonLabels"]["owner"] == owner]

    def titles(self, channel: str, beginning: str) -> list[str]:
        titles = [message["title"] for message in self.said.get(channel, ())]
        return [title for title in titles if title.startswith(beginning)]

    async def has(self, what: Callable[[Receiver], object], *, within_s: float) -> None:
        """Wait until what came meets a condition."""
        try:
            async with asyncio.timeout(within_s):
                while not what(self):
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"not within {within_s} s: {self.pages} {self.said}") from None


@asynccontextmanager
async def live(here: Stage, shop: Shop, since_s: int) -> AsyncIterator[None]:
    """Meanwhile, each second's events of the shop go to the worker's topic when the second is over."""

    async def feed() -> None:
        next_s = since_s
        while True:
            await asyncio.sleep(max(0.0, next_s + 1 - time.time()))
            while next_s + 1 <= time.time():
                await here.write(shop.second(next_s * 1_000))
                next_s += 1

    feeding = asyncio.create_task(feed())
    try:
        yield
        assert not feeding.done(), feeding.exception()
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])


@contextmanager
def monitored(folder: Path, *, worker: str, receiver: str) -> Iterator[Prometheus]:
    """A Prometheus that watches the worker, and an Alertmanager that tells the receiver."""
    with Alertmanager(routing(folder / "alertmanager", receiver=receiver)) as alertmanager:
        config = monitoring(folder / "prometheus", worker=worker, alertmanager=alertmanager.address)
        with Prometheus(config=config) as prometheus:
            yield prometheus


async def test_an_outage_of_payments_pages_their_owner_and_its_end_is_told(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Once each, although the worker that told of it dies, and its successor takes the incident over."""
    need_prometheus()
    need_alertmanager()
    here = Stage(tansu, topic_name("alerting"), tmp_path, partitions=2, extra=CONFIGURATION)
    await here.create_topics()
    shop, receiver = Shop(), Receiver()
    now_s = int(time.time())
    await here.write([e for s in range(now_s - HISTORY_S, now_s) for e in shop.second(s * 1_000)])
    port = free_port()
    address = f"{HOST}:{port}"
    async with live(here, shop, now_s), receiver.serves():
        with monitored(tmp_path, worker=address, receiver=receiver.url) as prometheus:

            async def sees(expression: str, condition: Callable[[Samples], bool] = bool) -> None:
                await asyncio.to_thread(prometheus.wait_for, expression, condition, within_s=60.0)

            async with here.worker("--web-port", str(port)) as worker:
                await sees(WATCHED)
                assert "engagement" not in str(prometheus.alerts()).lower()

                # With a window: else its opening may be that of a ticket, or of orders alone.
                began_s = (int(time.time()) // WINDOW_S + 1) * WINDOW_S
                shop.fails_from_ms = began_s * 1_000
                await receiver.has(lambda told: told.pages, within_s=TOLD_WITHIN_S)
                log.info("paged after %.1f s", time.time() - began_s)
                await check_page(receiver, address)
                await worker.kill()
                await sees("footfall_open_incidents", lambda samples: not samples)

            async with here.worker("--web-port", str(port)) as worker:
                await sees("footfall_open_incidents")
                over_s = int(time.time())
                shop.fails_until_ms = over_s * 1_000
                await receiver.has(
                    lambda told: "resolved" in told.statuses("payments"), within_s=TOLD_WITHIN_S
                )
                log.info("its end told after %.1f s", time.time() - over_s)
                await receiver.has(lambda told: told.titles("payments", "Over: "), within_s=10.0)
                assert await worker.terminate() == 0
    assert receiver.statuses("payments") == ["firing", "resolved"]
    # Those who run Footfall may have been told of its restart, if that took long.
    assert receiver.said.keys() <= {"payments", "footfall"}


async def check_page(receiver: Receiver, address: str) -> None:
    (page,) = receiver.pages
    assert page["receiver"] == "payments-page"
    (alert,) = page["alerts"]
    labels, told = alert["labels"], alert["annotations"]
    incident = labels.pop("incident")
    assert labels == {
        "alertname": "FootfallEngagementDrop",
        "job": "footfall",
        "series": "total",
        "measure": "volume",
        "direction": "drop",
        "severity": "page",
        "owner": "payments",
    }
    assert re.fullmatch(
        r"Engagement volume dropped to \d+ in 10 s at [\d:]+ UTC, \d+ % below the \d+ expected"
        r"(, since [\d:]+)?; Order Completed accounts for .*\. Owner: payments\.",
        told["summary"],
    )
    assert re.fullmatch(r"Since \S+Z\. Comes from: key:Order Completed .*", told["description"])
    assert told["runbook_url"] == "docs/runbook.md#footfallengagementdrop"
    assert told["dashboard_url"] == "http://localhost:3000/d/footfall-engagement?var-series=total"
    link, _, fragment = told["incident_url"].partition("#incident=")
    assert (link, unquote(fragment)) == (f"http://{address}/", incident)
    async with (
        ClientSession() as session,
        session.get(told["incident_url"]) as shown,
        session.get(f"http://{address}/incidents/{quote(incident)}") as known,
    ):
        assert (shown.status, known.status) == (200, 200)
        records = (await known.json())["records"]
        assert told["summary"] in [record["sentence"] for record in records]
    await receiver.has(lambda receiver: receiver.titles("payments", "Look now: "), within_s=10.0)
    title = f"Look now: {told['summary']}"
    message = next(message for message in receiver.said["payments"] if message["title"] == title)
    assert message["title_link"] == told["incident_url"]
    assert f'footfall incidents ack "{incident}"' in message["text"]
