"""The Faust app that engines run in: its settings, its transport, and the signals it listens to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import faust
from faust.types import TP

from stream.engine.assignor import Assignor
from stream.engine.client import Capabilities
from stream.engine.connection import Connection
from stream.engine.credentials import credentials
from stream.engine.engine import Engine, EngineConfig
from stream.engine.folders import StoreFolders
from stream.engine.patience import telling
from stream.engine.state import Ahead, Observer, StateFactory
from stream.engine.table import StateTable, StateTables
from stream.engine.transport import BatchConsumer, BatchSchema, BatchTransport

# Enough to keep the agent busy, few enough that a batch is some tens of milliseconds.
MAX_POLL_RECORDS = 2_000
# Batches waiting for the agent, not records.
QUEUED_BATCHES = 8


Store = Literal["rocksdb", "memory"]


class EngineApp(faust.App):
    """A Faust app whose input topics reach their agents in batches; each has an engine of its own.

    `on_stopped` is called when processing goes on after a rebalance, with the seconds that it stood still.
    `folders` has the worker's local stores, or is None.
    `failed` is set, and `failure` says why, once any engine has failed: then all of them hold still.
    `joined` is True once it has been told its partitions, even if there were none for it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.engines: list[Engine] = []
        self.failed = asyncio.Event()
        self.failure: Exception | None = None
        self.joined = False
        self.folders: StoreFolders | None = None
        self.on_stopped: Callable[[float], None] = lambda _: None
        self._stopped_at: float | None = None

    def on_rebalance_end(self) -> None:
        # The last that Faust does: flow has been resumed.
        super().on_rebalance_end()
        self.joined = True
        if self._stopped_at is not None:
            self.on_stopped(time.monotonic() - self._stopped_at)
            self._stopped_at = None

    async def release(self) -> None:
        """A rebalance begins: have everything written, and hold still."""
        if self._stopped_at is None and any(engine.partitions for engine in self.engines):
            self._stopped_at = time.monotonic()
        flushed = asyncio.gather(*(engine.release() for engine in self.engines))
        await telling(flushed, "in a rebalance, for what was applied to be committed")

    def fail(self, error: Exception) -> None:
        """End the worker for this reason; only the first one counts."""
        if self.failure is None:
            self.failure = error
            self.failed.set()
            for engine in self.engines:
                engine.fail(error)

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
    group: str,
    connection: Connection,
    capabilities: Capabilities,
    *,
    data_dir: Path,
    store: Store = "memory",
    standby: int = 0,
    **settings: Any,
) -> EngineApp:
    """An app that is ready for its engines; `settings` are Faust's own, and win over ours.

    `standby` is how many other workers keep a copy of each partition.
    With local stores, they are kept in `data_dir`. Raises EngineError if that can't be written.
    """
    folders = StoreFolders(data_dir, group) if store == "rocksdb" else None
    session_timeout_s = capabilities.session_timeout_s
    app = EngineApp(
        group,
        **{
            "broker": "kafka://" + connection.bootstrap.replace(",", ";"),
            "broker_credentials": credentials(connection.security),
            "store": "memory://",
            "datadir": data_dir,
            # A static member: killed and started again, it has its partitions back without waiting for the
            # end of its old session. (tansu has no such thing.)
            "consumer_group_instance_id": (
                f"{group}-{folders.name}" if folders is not None and capabilities.transactions else None
            ),
            "table_standby_replicas": standby,
            "autodiscover": False,
            "TableManager": StateTables,
            "PartitionAssignor": Assignor,
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
    app.folders = folders

    async def release(*args: Any, **kwargs: Any) -> None:
        await app.release()

    app.on_partitions_revoked.connect(cast(Any, release), weak=False)
    return app


def add_engine(app: EngineApp, config: EngineConfig, new_state: StateFactory, observer: Observer) -> Engine:
    """One more engine in the app: it needs a table (`state_table`), and an agent on `input_topic`.

    Input topics with the same number of partitions are assigned alike.
    """
    engine = Engine(config, _FaustInput(app, config.topic), new_state, observer, app.folders)
    engine.on_failure = app.fail
    app.engines.append(engine)
    return engine


def input_topic(app: EngineApp, engine: Engine) -> Any:
    """The topic for the engine's agent. Without acks Faust neither tracks nor commits its offsets.

    (What Faust commits can run ahead of what was processed: faust-streaming issue 606.)
    """
    return app.topic(engine.config.topic, acks=False, schema=BatchSchema(key_type=bytes, value_type=bytes))


def state_table(app: EngineApp, engine: Engine, name: str, *, partitions: int) -> StateTable:
    """The engine's table, whose changelog is `<group>-<name>-changelog`; `partitions` are the input's."""
    table = StateTable(app, engine, name=name, partitions=partitions, key_type=bytes, value_type=bytes)
    app.tables.add(table)
    assert table.changelog_topic_name == engine.config.changelog
    return table
