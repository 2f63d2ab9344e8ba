"""The live page in a real Chromium, over a recording of a worker's answers; what goes wrong in it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.answering import Answering
from tests.web.recording import Recording
from tests.web.shop import shop
from tests.web.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["shop"]  # a worker, for the tests of what it answers

OpenPage = Callable[..., "Page"]
"""`open_page("#person=x", width=360, color_scheme="dark", …)`: the page, once it has all first answers."""


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return Recording(tmp_path_factory.mktemp("recording"))


@pytest.fixture
def answering(recording: Recording) -> Iterator[Answering]:
    with Answering(recording) as answering:
        yield answering


@pytest.fixture
def open_page(browser: Browser, answering: Answering) -> Iterator[OpenPage]:
    trouble: list[str] = []
    contexts = []

    def complains(text: str) -> None:
        # What was refused or cut off on purpose is logged by the browser, whatever the page does about it.
        if not text.startswith("Failed to load resource"):
            trouble.append(text)

    def asks(url: str) -> None:
        if not url.startswith((answering.address, "data:image/svg+xml,")):
            trouble.append(f"asked for {url}")

    def open_page(place: str = "", *, width: int = 1280, height: int = 900, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complains(message.text))
        page.on("pageerror", lambda error: complains(str(error)))
        page.on("dialog", lambda dialog: complains(dialog.message))
        page.on("request", lambda request: asks(request.url))
        page.goto(f"{answering.address}/{place}")
        until(
            page,
            """document.documentElement.dataset.connection === 'open'
                && document.getElementById('now-visits').textContent !== '–'
                && document.getElementById('transitions').children.length > 0
                && document.querySelector('#chart path.value') !== null""",
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []
