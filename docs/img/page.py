"""Takes the pictures of the live page for docs/page.md: of a worker, while a simulated viral day is found.

    python docs/img/page.py [FOLDER]

Needs Chromium, and some minutes: seven months of a shop pass first, so that every state has somebody in it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from stream.broker import Broker

USERS = 3_000
SECONDS_PER_DAY = 0.8
DAY_S = 86_400
PLANTS = ("outage:from=193d10h,for=4h,depth=100%", "viral:from=196d9h,for=14h,factor=3")
CONFIGURATION = """\
broker = "{broker}"
store = "memory"
data_dir = "{folder}/data"
ignore_events = ["Email *"]
topics.partitions = 1
engagement.window = "1h"
web.port = 0

[[key_event]]
name = "Order Completed"
weight = 5
owner = "payments"

[[key_event]]
name = "Checkout Started"
weight = 3
owner = "payments"

[[key_event]]
name = "Product Added"
weight = 2
owner = "catalogue"

[[key_event]]
name = "Product Shared"
weight = 2
owner = "growth"
"""
FOOTFALL = (sys.executable, "-c", "from stream.cli import main; main()")
LIMIT_S = 900.0


def take(folder: Path) -> None:
    """Writes page-light.png, page-dark.png and page-phone.png."""
    with tempfile.TemporaryDirectory() as work, Broker(kind="tansu") as broker:
        config = Path(work) / "footfall.toml"
        config.write_text(CONFIGURATION.format(broker=broker.address, folder=work))
        subprocess.run([*FOOTFALL, "topics", "create", "--config", str(config)], check=True)
        worker = ("worker", "--config", str(config))
        speed = ("--speed", str(DAY_S / SECONDS_PER_DAY), "--days", "230", "--start", "2026-01-05")
        plants = [word for plant in PLANTS for word in ("--plant", plant)]
        shop = ("simulate", "--broker", broker.address, "--users", str(USERS), *speed, *plants)
        with (
            _running(*worker, stderr=subprocess.PIPE) as worker_process,
            sync_playwright() as playwright,
        ):
            address = _address(worker_process)
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            with _running(*shop) as shop_process:
                _picture(browser, address, shop_process, folder)
            browser.close()


def _picture(browser: Browser, address: str, shop: subprocess.Popen[str], folder: Path) -> None:
    pages = {
        "light": _open(browser, address, "light", 1200, 1190),
        "dark": _open(browser, address, "dark", 1200, 1190),
        "phone": _open(browser, address, "dark", 390, 1500),
    }
    _wait_for_the_incident(pages["light"])
    shop.send_signal(signal.SIGSTOP)
    for name, page in pages.items():
        # The shop goes on for a moment, so that there is something to see on its way.
        shop.send_signal(signal.SIGCONT)
        page.wait_for_timeout(70)
        shop.send_signal(signal.SIGSTOP)
        page.wait_for_timeout(900)
        page.screenshot(path=folder / f"page-{name}.png")
    shop.send_signal(signal.SIGCONT)


@contextmanager
def _running(*arguments: str, stderr: int | None = None) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*FOOTFALL, *arguments], stderr=stderr, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _address(worker: subprocess.Popen[str]) -> str:
    assert worker.stderr is not None
    line = next(line for line in worker.stderr if "metrics on" in line)
    return next(word for word in line.split() if word.startswith("http://")).removesuffix("/metrics")


def _open(browser: Browser, address: str, scheme: str, width: int, height: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(address)
    return page


def _wait_for_the_incident(page: Page) -> None:
    """Until that of the viral day is open."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        is_open = page.locator("#alarm li.page a", has_text="above").or_(
            page.locator("#alarm li.page a", has_text="times the")
        )
        if is_open.count() and page.locator("#flow .s-hibernating .count").text_content() != "0":
            return
        page.wait_for_timeout(30)
    raise SystemExit(f"in {LIMIT_S:.0f} s no incident of the viral day has opened")


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
