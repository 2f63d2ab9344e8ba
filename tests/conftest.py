"""Brokers for every test: real Apache Kafka and the embedded tansu, one of each a run, on free ports."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from stream.broker import Broker, why_missing

REQUIRE_ALL = "FOOTFALL_REQUIRE_ALL"


def need_kafka() -> None:
    """Skips the test, saying why, where Apache Kafka cannot run; fails it if all must run."""
    reason = why_missing()
    if reason is not None:
        if os.environ.get(REQUIRE_ALL) == "1":
            pytest.fail(f"{REQUIRE_ALL}=1, and Apache Kafka cannot run here: {reason}")
        pytest.skip(reason)


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


_numbers = count(1)


@pytest.fixture
def topic_name() -> Callable[[str], str]:
    """`topic_name("events")` is a name that no other test has."""

    def name(stem: str) -> str:
        return f"{stem}-{os.getpid()}-{next(_numbers)}"

    return name
