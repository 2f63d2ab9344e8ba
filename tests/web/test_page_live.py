"""The live page of a real worker, on a real broker, with simulated persons."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
from playwright.sync_api import Browser, expect

from stream.core.times import format_ms
from tests.web.serving import Served, stage
from tests.web.waiting import until_so
from tests.worker.stage import DAY_MS, START_MS, Stage, closing, simulated

DAYS = 30
END_MS = START_MS + DAYS * DAY_MS
PARTITIONS = 2
STATES = ("prospect", "new", "active", "silent", "churned", "hibernating")


def run(work: Coroutine[Any, Any, None]) -> None:
    """To its end in a thread: the browser has this one's event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def in_thread(make: Callable[[], Stage]) -> Stage:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


def event(person: str, name: str, number: int) -> tuple[bytes, bytes]:
    record = {"messageId": f"{person}-{number}", "type": "track", "event": name, "userId": person}
    return person.encode(), orjson.dumps(record | {"timestamp": END_MS + DAY_MS + number})


def test_it_shows_what_the_worker_counts_and_what_happens_then(
    browser: Browser, tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = in_thread(lambda: stage(tansu, topic_name("page"), tmp_path, partitions=PARTITIONS))
    run(here.write(simulated(users=60, days=DAYS) + closing(PARTITIONS, END_MS)))
    trouble: list[str] = []
    with Served(here) as worker:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "console",
            lambda message: message.text.startswith("Failed to load") or trouble.append(message.text),
        )

        def asked(path: str) -> Any:
            return page.request.get(worker.address + path).json()

        until_so(lambda: asked("/states")["as_of"] == format_ms(END_MS), limit_s=60)
        page.goto(worker.address)
        states = asked("/states")
        assert states["counted"] == PARTITIONS
        assert sum(states["people"].values()) > 60
        for state in STATES:
            expect(page.locator(f"#flow .s-{state} .count")).to_have_text(
                f"{states['people'].get(state, 0):,}", timeout=20_000
            )
        expect(page.locator("#now-days-30")).to_have_text(f"{states['registered']['days_30']:,}")

        def shows_the_last_window() -> bool:
            windows = asked("/series/total?limit=200").get("windows")
            readout = page.locator("#chart-readout").text_content() or ""
            return bool(windows) and f"volume {windows[-1]['volume']:.0f}," in f"{readout},"

        until_so(shows_the_last_window, limit_s=30)
        latest = asked("/transitions?limit=400")["transitions"]
        expect(page.locator("#transitions li")).to_have_count(min(len(latest), 40), timeout=20_000)

        run(here.write([event("anna", "Page Seen", 1), event("anna", "Order Completed", 2)]))
        anna = page.locator("#transitions li").filter(has_text="anna")
        expect(anna.first).to_contain_text("rose from tier none to low", timeout=20_000)
        expect(anna.filter(has_text="became active")).to_have_count(1)
        states = asked("/states")
        expect(page.locator("#flow .s-active .count")).to_have_text(
            f"{states['people']['active']:,}", timeout=20_000
        )
        anna.first.get_by_role("link").click()
        drawer = page.get_by_role("dialog", name="anna")
        expect(drawer.locator(".tag.state")).to_have_text("active")
        expect(drawer.locator(".story li")).to_have_count(3)
        expect(drawer).to_contain_text("by event anna-2")
        expect(drawer).to_contain_text("Order Completed")
        page.close()
    assert trouble == []
