"""`footfall demo`: a page within seconds, what is planted is caught, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from click.testing import CliRunner

from stream.cli import main
from stream.cli.demo.browser import has_screen
from tests.engine.process import Process
from tests.worker.stage import FOOTFALL

# Limits for a machine with much else to do. On a quiet one the first transition comes within 5 s.
SOON_S = 45.0
LONG_S = 180.0
DEFAULT_PORT = 6066


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return Demo(tmp_path / "tmp")


class Demo:
    """Runs it with a folder for temporary files of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    def __call__(self, *options: str, environ: dict[str, str] | None = None) -> Process:
        return Process(*FOOTFALL, "demo", *options, environ={"TMPDIR": str(self.folder), **(environ or {})})

    @property
    def left(self) -> list[str]:
        return os.listdir(self.folder)


async def test_addresses_answer_and_transitions_come_until_ctrl_c(demo: Demo) -> None:
    async with demo("--users", "300", "--web-port", "0", "--all") as process:
        page = address(await process.says("Page ", limit_s=SOON_S))
        metrics = address(await process.says("Metrics ", limit_s=SOON_S))
        line = await process.says(" -> ", limit_s=SOON_S)
        assert re.search(r"usr_\w+ +\S+ -> \w+ +\w+", line)
        await process.says("day 2 ", limit_s=SOON_S)
        async with ClientSession() as session:
            async with session.get(page) as response:
                assert response.content_type == "text/html"
            async with session.get(metrics) as response:
                assert "footfall_transitions_total{" in await response.text()
        started = of_tree(process.pid)
        assert len(started) == 2, "a broker and a shop"
        process.send(signal.SIGINT)
        assert await process.ends(15) == 130
    assert "Stopped" in process.lines[-1]
    assert "Traceback" not in process.output
    assert not started & set(running())
    assert demo.left == []


async def test_what_is_planted_is_announced_and_caught_and_the_tour_explains_it(demo: Demo) -> None:
    options = ("--guided", "--seconds-per-day", "0.25", "--web-port", "0", "--seed", "3")
    async with demo(*options) as process:
        explain = (await process.says("Try: ", limit_s=SOON_S)).partition("Try:")[2].split()
        await process.says(
            "planted: an outage, −100% of all events, from day 24 10:00 to 14:00", limit_s=LONG_S
        )
        opened = await process.says("opened ", limit_s=LONG_S)
        assert re.search(r"dropped to \d+ an hour at 10:00 UTC", opened)
        await process.says("caught: an outage, −100% of all events, after 1 window", limit_s=LONG_S)
        await process.says("planted: a viral day", limit_s=LONG_S)
        await process.says(
            "caught: a viral day, 3 times the usual visits, through social, after", limit_s=LONG_S
        )
        told = await run(*FOOTFALL, *explain[1:])
        assert f"{explain[2]}: " in told
        for title in ("1 · Known already", "· A newcomer"):
            assert title in process.output
        process.send(signal.SIGTERM)
        assert await process.ends(15) == 0


async def test_a_browser_shows_the_page_also_where_the_default_port_is_taken(
    demo: Demo, tmp_path: Path
) -> None:
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    environ = {"BROWSER": str(browser), "DISPLAY": ":0"}
    with taken(DEFAULT_PORT):
        async with demo("--users", "10", "--open", environ=environ) as process:
            await process.says(f"Port {DEFAULT_PORT} is taken", limit_s=SOON_S)
            page = address(await process.says("Page ", limit_s=SOON_S))
            await becomes(lambda: opened.exists() and opened.read_text() != "")
    assert f":{DEFAULT_PORT}/" not in page
    assert opened.read_text().strip() == page


async def test_a_taken_port_is_an_error_where_it_is_given(demo: Demo) -> None:
    with taken(0) as port:
        async with demo("--users", "10", "--web-port", str(port)) as process:
            await process.says(f"Error: 127.0.0.1:{port} can't be listened on", limit_s=SOON_S)
            assert await process.ends(15) == 1
    assert demo.left == []


async def test_no_process_outlives_one_that_is_killed(demo: Demo) -> None:
    async with demo("--users", "10", "--web-port", "0") as process:
        await process.says("Page ", limit_s=SOON_S)
        started = of_tree(process.pid)
        assert len(started) == 2
        process.send(signal.SIGKILL)
        await becomes(lambda: not started & set(running()))


@pytest.mark.parametrize(
    ("environ", "terminal", "seen"),
    [
        ({"DISPLAY": ":0"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({"DISPLAY": ":0"}, False, False),
        ({}, True, False),
        ({"DISPLAY": ":0", "CI": "true"}, True, False),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "a b c d"}, True, False),
    ],
)
def test_a_browser_is_opened_only_before_a_screen(
    environ: dict[str, str], terminal: bool, seen: bool
) -> None:
    assert has_screen(environ, terminal=terminal) is seen


def test_a_history_too_short_for_the_plants_is_refused() -> None:
    result = CliRunner().invoke(main, ["demo", "--days", "30"])
    assert result.exit_code == 2
    assert "45" in result.output


def address(line: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:[1-9]\d+/\S*", line)
    assert found, line
    return found[0]


async def run(*argv: str) -> str:
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


async def becomes(condition: Callable[[], bool], limit_s: float = 15) -> None:
    async with asyncio.timeout(limit_s):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)


@contextmanager
def taken(port: int) -> Iterator[int]:
    """A port that somebody listens on: this one, or whoever was first. 0 is any."""
    with socket.socket() as listening:
        try:
            listening.bind(("127.0.0.1", port))
        except OSError:
            yield port
            return
        listening.listen()
        yield listening.getsockname()[1]


def of_tree(root: int) -> set[int]:
    """The processes that descend from this one, and have not ended."""
    parents = running()
    found: set[int] = set()
    while more := {pid for pid, parent in parents.items() if parent in found | {root}} - found:
        found |= more
    return found


def running() -> dict[int, int]:
    """All processes, with their parents."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    return parents
