"""Simulated records in a topic: all of them, by person, in order, stamped with the wall clock."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

import pytest

from stream.core.partitioner import partition_for
from stream.engine.connection import Connection
from stream.simulate.product import Product
from stream.simulate.run import WriteError
from stream.simulate.topic import TopicWriter
from tests.broker.log import create_topic, read
from tests.simulate.shop import simulated


async def test_a_persons_records_are_in_one_partition_in_order(
    tansu: str, topic_name: Callable[[str], str]
) -> None:
    topic = topic_name("simulated")
    records = simulated(Product(users=200), days=2)
    await create_topic(tansu, topic, partitions=4)
    before_ms = int(time.time() * 1000)
    writer = TopicWriter(Connection(tansu), topic)
    await writer.start()
    for start in range(0, len(records), 50):
        await writer.write(records[start : start + 50])
    await writer.close()

    expected: dict[int, list[tuple[bytes | None, bytes | None]]] = defaultdict(list)
    for _, key, value in records:
        expected[partition_for(key, 4)].append((key, value))
    log = await read(tansu, topic)
    found: dict[int, list[tuple[bytes | None, bytes | None]]] = defaultdict(list)
    for record in log:
        found[record.partition].append((record.key, record.value))
    assert found == expected
    assert len(found) == 4
    assert all(before_ms <= record.timestamp_ms <= time.time() * 1000 for record in log)


async def test_a_topic_that_is_missing_is_named(tansu: str, topic_name: Callable[[str], str]) -> None:
    topic = topic_name("missing")
    with pytest.raises(WriteError, match=f"no topic {topic} .*footfall topics create"):
        await TopicWriter(Connection(tansu), topic).start()


async def test_a_broker_that_is_missing_is_named() -> None:
    with pytest.raises(WriteError, match=r"no broker answers at 127\.0\.0\.1:1: .*--broker"):
        await TopicWriter(Connection("127.0.0.1:1"), "t").start()
