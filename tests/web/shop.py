"""A worker on tansu that has worked off a month of a shop, for all tests that only look."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.web.serving import Served, applied, stage
from tests.worker.stage import DAY_MS, NERVOUS, START_MS, Event, Stage, closing, simulated

UNTIL_MS = START_MS + 30 * DAY_MS
TOKEN = "geheim"


class Shop(NamedTuple):
    """The worker, and all events that its input has."""

    worker: Served
    stage: Stage
    events: list[Event]


@pytest.fixture(scope="session")
def shop(tansu: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A worker that everything has been applied by, and all windows and days merged."""
    folder = tmp_path_factory.mktemp("shop")
    token = folder / "token"
    token.write_text(f"{TOKEN}\n")
    here = stage(tansu, f"shop-{os.getpid()}", folder, extra=f'web.token_file = "{token}"\n{NERVOUS}')
    events = simulated(users=150, days=30) + closing(here.partitions, UNTIL_MS)
    asyncio.run(here.write(events))
    with Served(here) as worker:
        asyncio.run(worker.got("/metrics", applied(len(events))))
        asyncio.run(worker.got("/daily", lambda found: last_day(found) == "2026-01-30"))
        yield Shop(worker, here, events)


def last_day(found: dict[str, list[dict[str, str]]]) -> str | None:
    return found["reports"][-1]["day"] if found["reports"] else None
