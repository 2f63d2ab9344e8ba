"""A broker that may be killed, and the numbers of all trials at the end of a test run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.report import remarks, reports
from tests.conftest import need_kafka


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An Apache Kafka of the trials' own. Skips as the fixture `kafka` does."""
    need_kafka()
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes run the tests, each hands on what it has to say."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["faults"] = [str(line) for line in (*reports, *remarks)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """And this one, which runs none, tells it."""
    remarks.extend(getattr(node, "workeroutput", {}).get("faults", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if reports or remarks:
        terminalreporter.section("faults: what was lost, and what was doubled")
        for line in (*reports, *remarks):
            terminalreporter.line(str(line))
