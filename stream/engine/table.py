"""A Faust table that Faust assigns and the engine restores and writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import faust
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP

from stream.engine.patience import telling
from stream.engine.transport import BatchConsumer
from stream.engine.view import ViewStore

if TYPE_CHECKING:
    from stream.engine.app import EngineApp
    from stream.engine.engine import Engine


class StateTable(faust.Table[bytes, bytes]):
    """Declares the changelog, and keeps Faust's assignment: the changelog's partitions go with the input's.

    Written against faust-streaming 0.15.3, whose own tables send a changelog record for each write
    (3,400 events/s), recover 6,000 records/s, and wait for ever for the offset of a transaction marker.
    """

    def __init__(self, app: EngineApp, engine: Engine, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self.engine = engine

    def _new_store(self) -> Any:
        """The table is read like any other of Faust's, and shows the states of the partitions owned here."""
        return ViewStore("memory://", self.app, self)

    def on_key_set(self, key: bytes, value: bytes) -> None:
        """Produces nothing: checkpoints write the changelog."""

    def on_key_del(self, key: bytes) -> None:
        """Produces nothing: checkpoints write the changelog."""


def _numbers(partitions: Iterable[TP], topic: str) -> set[int]:
    return {tp.partition for tp in partitions if tp.topic == topic}


class RestoredAlready(Recovery):
    """Faust's recovery with nothing left to do: `StateTables.on_rebalance` has restored everything.

    What remains of it resumes the flow in the right order. Without these, it asks the broker three
    times for offsets, and each question waits behind a fetch that waits for data; and it reads the
    standbys' changelogs, which are the engine's to read (`standby.py`).
    """

    def add_standby(self, table: Any, tp: TP) -> None:
        return

    async def _build_highwaters(self, consumer: Any, tps: Any, destination: Any, title: str) -> None:
        destination.clear()

    async def _build_offsets(self, consumer: Any, tps: Any, destination: Any, title: str) -> None:
        destination.clear()

    async def _seek_offsets(self, consumer: Any, tps: Any, offsets: Any, title: str) -> None:
        return


class StateTables(TableManager):
    """Faust's table manager; it has the engines restore their states, and write a last checkpoint.

    Without its pause at the start.
    """

    app: EngineApp
    _taking_over: asyncio.Future[Any] | None = None

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = RestoredAlready(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        # Faust sleeps a second here, so that tables may still be declared; ours all are.
        await self._update_channels()
        await self.recovery.start()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Has the engines take over their partitions, and restore those that are new here."""
        app = self.app
        consumer = cast(BatchConsumer, app.consumer)
        await consumer.hold({tp for tp in assigned if tp.topic in self.changelog_topics})
        self._taking_over = asyncio.gather(
            *(
                engine.assign(
                    _numbers(assigned, engine.config.topic),
                    generation_id,
                    _numbers(app.assignor.assigned_standbys(), engine.config.changelog),
                )
                for engine in app.engines
            )
        )
        try:
            await telling(
                self._taking_over, "in a rebalance, to take over partitions and restore their state"
            )
        except asyncio.CancelledError:
            if not self.should_stop:
                raise
            return
        except Exception as error:
            # Not raised: Faust would only log it at length before what it says, and stop as well.
            app.fail(error)
            return
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    async def on_stop(self) -> None:
        # A worker that is told to stop while it restores does not go on with that: it would write to stores
        # that have been closed.
        if self._taking_over is not None:
            self._taking_over.cancel()
            await asyncio.wait([self._taking_over])
        # The fetcher stops in here, so nothing new arrives; a stop sends no `partitions_revoked`.
        await super().on_stop()
        await asyncio.gather(*(engine.stop() for engine in self.app.engines))
        if self.app.folders is not None:
            self.app.folders.release()
