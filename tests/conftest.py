"""For every test: real Apache Kafka and the embedded tansu, one of each a run, and a real Chromium."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING

import pytest

from stream.broker import Broker, cache_folder, why_missing
from stream.broker.jars import fetch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUIRE_ALL = "FOOTFALL_REQUIRE_ALL"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def pytest_configure() -> None:
    """Have Ctrl-C reach the commands under test, also where a script runs the tests in its background.

    A shell without job control starts those with SIGINT ignored, and children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def need_kafka() -> None:
    """Skips the test, saying why, where Apache Kafka cannot run; fails it if all must run."""
    reason = why_missing()
    if reason is not None:
        if os.environ.get(REQUIRE_ALL) == "1":
            pytest.fail(f"{REQUIRE_ALL}=1, and Apache Kafka cannot run here: {reason}")
        pytest.skip(reason)
    # Several processes may run the tests, and Maven's own cache does not bear two of it at once.
    cache_folder().parent.mkdir(parents=True, exist_ok=True)
    with (cache_folder().parent / ".tests.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fetch(lambda _: None, lambda _: None)


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The address of an Apache Kafka. Skips, saying why, where it cannot run; fails if all must run."""
    need_kafka()
    with Broker(kind="kafka") as broker:
        yield broker.address


@pytest.fixture(scope="session")
def tansu() -> Iterator[str]:
    """The address of a tansu."""
    with Broker(kind="tansu") as broker:
        yield broker.address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium without a window. Skips, saying why, where there is none; fails if all must run.

    For one module of tests at a time: as long as it is there, nothing else can run an event loop.
    """
    executable = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if executable is None:
        reason = "there is no Chromium on the path (Debian and Ubuntu: apt-get install chromium)"
        if os.environ.get(REQUIRE_ALL) == "1":
            pytest.fail(f"{REQUIRE_ALL}=1, and {reason}")
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


_numbers = count(1)


@pytest.fixture
def topic_name() -> Callable[[str], str]:
    """`topic_name("events")` is a name that no other test has."""

    def name(stem: str) -> str:
        return f"{stem}-{os.getpid()}-{next(_numbers)}"

    return name
