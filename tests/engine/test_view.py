"""A table of Faust's shows the states of the partitions that this worker owns."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka import ConsumerRecord

from stream.engine.app import add_engine, create_app, state_table
from stream.engine.client import Capabilities
from stream.engine.connection import Connection
from stream.engine.engine import EngineConfig
from stream.engine.owned import OwnedPartition
from tests.engine.counting_worker import Counting, Talking
from tests.engine.test_owned import Log


async def test_a_table_is_read_like_any_other_and_written_by_its_states_alone(tmp_path: Path) -> None:
    connection, can = Connection("nowhere:1"), Capabilities(transactions=True)
    app = create_app("group", connection, can, data_dir=tmp_path)
    config = EngineConfig(
        connection=connection,
        group="group",
        topic="events",
        changelog="group-counts-changelog",
        outputs={},
        commit_interval_s=1.0,
        guarantee="exactly_once",
        capabilities=can,
        partitions=4,
    )
    engine = add_engine(app, config, lambda _, store: Counting(store), Talking())
    table = state_table(app, engine, "counts", partitions=4)
    assert app.tables["counts"] is table
    assert len(table) == 0

    for number, key in enumerate((b"a", b"b")):
        owned = OwnedPartition(
            "events", number, Counting(), Log(), next_offset=0, observer=Talking(), on_failure=engine.fail
        )
        owned.process([ConsumerRecord("events", number, 0, 0, 0, key, b"7", None, 1, 1, ())])
        engine.partitions[number] = owned

    assert table[b"a"] == b"1 7"
    assert table.get(b"c") is None
    assert b"b" in table
    assert sorted(table) == [b"a", b"b"]
    assert dict(table.items()) == {b"a": b"1 7", b"b": b"1 7"}
    del engine.partitions[0]
    assert sorted(table) == [b"b"]
    with pytest.raises(TypeError):
        table.data[b"a"] = b"2 9"
