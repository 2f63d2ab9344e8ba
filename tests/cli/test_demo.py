"""`footfall demo` shows transitions soon, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.engine.process import Process
from tests.worker.stage import FOOTFALL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_transitions_scroll_by_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    environ = {"TMPDIR": str(tmp_path)}
    demo = Process(*FOOTFALL, "demo", "--users", "200", "--web-port", "0", environ=environ)
    async with demo:
        address = await demo.says("Metrics on http://127.0.0.1:", limit_s=30)
        assert re.search(r":[1-9]\d+/metrics", address)
        line = await demo.says(" -> ", times=5, limit_s=30)
        assert re.search(r"usr_\w+ +\S+ -> \w+ +\w+", line)
        brokers = children()
        assert brokers
        demo.send(number)
        assert await demo.ends(15) == 0
    assert "Stopped" in demo.lines[-1]
    assert "Traceback" not in demo.output
    assert not set(brokers) & running().keys()
    assert os.listdir(tmp_path) == []


def children() -> list[int]:
    """Processes that descend from this one's children: the demo's broker."""
    parents = running()
    mine = {pid for pid, parent in parents.items() if parent == os.getpid()}
    return [pid for pid, parent in parents.items() if parent in mine]


def running() -> dict[int, int]:
    """All processes, with their parents."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    return parents
