"""The Faust app that the engine runs in: its settings, its transport, and the signals it listens to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import faust
from faust.types import TP

from stream.engine.engine import Engine, EngineConfig
from stream.engine.state import Ahead, Observer, StateFactory
from stream.engine.table import StateTable, StateTables
from stream.engine.transport import BatchConsumer, BatchSchema, BatchTransport

# Enough to keep the agent busy, few enough that a batch is some tens of milliseconds.
MAX_POLL_RECORDS = 2_000
# Batches waiting for the agent, not records.
QUEUED_BATCHES = 8


class EngineApp(faust.App):
    """A Faust app with one input topic, whose records reach the agent in batches, and an Engine."""

    engine: Engine

    def _new_transport(self) -> Any:
        return BatchTransport(self.conf.broker_consumer, self)


class _FaustInput:
    """The input topic's consumer, which Faust creates when the app starts."""

    def __init__(self, app: EngineApp, topic: str) -> None:
        self._app = app
        self._topic = topic

    async def seek(self, partition: int, offset: int) -> None:
        await self._app.consumer.seek(TP(self._topic, partition), offset)

    async def commit(self, partition: int, offset: int) -> bool:
        # Faust's `commit` is for offsets that were acked; this one commits what it is given.
        consumer = cast(BatchConsumer, self._app.consumer)
        committed: bool = await consumer._commit({TP(self._topic, partition): offset})
        return committed

    def ahead(self, partition: int, next_offset: int) -> Ahead | None:
        consumer = cast(BatchConsumer, self._app.consumer)
        return consumer.ahead(TP(self._topic, partition), next_offset)


def create_app(
    config: EngineConfig, new_state: StateFactory, observer: Observer, *, data_dir: Path, **settings: Any
) -> EngineApp:
    """An app that is ready for its agent and table; `settings` are Faust's own, and win over ours."""
    session_timeout_s = config.capabilities.session_timeout_s
    app = EngineApp(
        config.group,
        **{
            "broker": "kafka://" + config.connection.bootstrap.replace(",", ";"),
            "store": "memory://",
            "datadir": data_dir,
            "autodiscover": False,
            "TableManager": StateTables,
            # Topics come from `footfall topics create`, with the compaction and retention they need.
            "topic_allow_declare": False,
            "topic_disable_leader": True,
            "web_enabled": False,
            "consumer_auto_offset_reset": "earliest",
            "consumer_max_fetch_size": 1024 * 1024,
            "broker_max_poll_records": MAX_POLL_RECORDS,
            "broker_session_timeout": session_timeout_s,
            "broker_heartbeat_interval": session_timeout_s / 5,
            "stream_buffer_maxsize": QUEUED_BATCHES,
            # The input is not acked through Faust: the engine commits, and flushes on its own.
            "stream_wait_empty": False,
            "stream_recovery_delay": 0.0,
            # Recovery is ours; on a broker whose ListOffsets is wrong the check would be, too.
            "recovery_consistency_check": False,
            **settings,
        },
    )
    app.engine = Engine(config, _FaustInput(app, config.topic), new_state, observer)

    async def release(*args: Any, **kwargs: Any) -> None:
        await app.engine.release()

    app.on_partitions_revoked.connect(cast(Any, release), weak=False)
    return app


def input_topic(app: EngineApp) -> Any:
    """The topic for the app's agent. Without acks Faust neither tracks nor commits its offsets.

    (What Faust commits can run ahead of what was processed: faust-streaming issue 606.)
    """
    return app.topic(
        app.engine.config.topic, acks=False, schema=BatchSchema(key_type=bytes, value_type=bytes)
    )


def state_table(app: EngineApp, name: str, *, partitions: int) -> StateTable:
    """The table whose changelog is `<group>-<name>-changelog`; `partitions` are the input's."""
    table = StateTable(app, name=name, partitions=partitions, key_type=bytes, value_type=bytes)
    app.tables.add(table)
    assert table.changelog_topic_name == app.engine.config.changelog
    return table
