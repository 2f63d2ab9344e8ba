"""Rebuilds the states of input partitions in bulk from their changelogs, and finds where to read on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from stream.engine.checkpoint import POSITION_HEADER
from stream.engine.client import Capabilities, TopicPartition, state_reader
from stream.engine.connection import Connection
from stream.engine.errors import RecoveryError
from stream.engine.state import PartitionState

# The broker answers an empty fetch after 50 ms: this long without anything new means that it is stuck.
STALLED_S = 60.0

log = logging.getLogger(__name__)


class Recovered(Struct, frozen=True):
    """Where to read a partition's input on, and how many changelog records made its state."""

    next_offset: int
    records: int
    seconds: float


async def recover(
    connection: Connection,
    group: str,
    *,
    topic: str,
    changelog: str,
    states: Mapping[int, PartitionState],
    capabilities: Capabilities,
) -> dict[int, Recovered]:
    """Restore each state from its partition of `changelog`, and return where its input goes on.

    Fence the partitions' earlier owners first (`CheckpointWriter.open`): then the changelog and the
    group's offsets have come to rest. Faust's own recovery is not used because it restores record
    by record, and waits for ever for the offset of a transaction marker (faust-streaming 0.15.3).
    """
    began_at = time.monotonic()
    reader = state_reader(connection, group)
    await reader.start()
    try:
        logs = await _read_changelogs(reader, changelog, states)
        positions = await _committed_positions(reader, topic, list(states), capabilities)
    finally:
        await reader.stop()
    seconds = time.monotonic() - began_at
    recovered = {}
    for number, state in states.items():
        state.restored()
        next_offset = _position(topic, number, positions[number], logs[number].position)
        recovered[number] = Recovered(next_offset, logs[number].records, seconds)
    return recovered


class _Log(Struct):
    """What has been read of one partition's changelog."""

    records: int = 0
    position: int | None = None


async def _read_changelogs(
    reader: Any, changelog: str, states: Mapping[int, PartitionState]
) -> dict[int, _Log]:
    unread = {TopicPartition(changelog, number) for number in states}
    logs = {number: _Log() for number in states}
    reader.assign(list(unread))
    await reader.seek_to_beginning(*unread)
    moved_at = time.monotonic()
    while unread:
        fetched = await reader.getmany(*unread, timeout_ms=200)
        for partition, records in fetched.items():
            _apply(records, states[partition.partition], logs[partition.partition])
            moved_at = time.monotonic()
            await asyncio.sleep(0)
        for partition in list(unread):
            # The high watermark of a fetch, since not every broker can be asked for the end of a log;
            # and the position, since the last offsets of a transactional log hold no records.
            end = reader.highwater(partition)
            if end is not None and await reader.position(partition) >= end:
                unread.discard(partition)
        if time.monotonic() - moved_at > STALLED_S:
            names = ", ".join(sorted(f"{partition.topic}/{partition.partition}" for partition in unread))
            raise RecoveryError(
                f"no progress for {STALLED_S:.0f} s in reading {names}: is a broker of the cluster down, "
                "or a transaction on that topic left open?"
            )
    return logs


def _apply(records: list[Any], state: PartitionState, progress: _Log) -> None:
    restore = state.restore
    for record in records:
        try:
            restore(record.key, record.value)
        except ValueError as error:
            raise RecoveryError(
                f"{record.topic}/{record.partition}, offset {record.offset}: this state can't be read "
                f"({error}). Was it written by a newer version? Run that one, or start over with another "
                "`group`"
            ) from error
        if record.headers:
            for name, value in record.headers:
                if name == POSITION_HEADER:
                    progress.position = int(value)
    progress.records += len(records)


class _Position(Struct, frozen=True):
    """What the broker knows of an input partition: the group's offset, and the first one still kept."""

    committed: int | None
    beginning: int


async def _committed_positions(
    reader: Any, topic: str, numbers: list[int], capabilities: Capabilities
) -> dict[int, _Position]:
    partitions = {number: TopicPartition(topic, number) for number in numbers}
    beginnings = await reader.beginning_offsets(list(partitions.values()))
    ends = await reader.end_offsets(list(partitions.values()))
    positions = {}
    for number, partition in partitions.items():
        committed = await reader.committed(partition)
        if committed is not None and capabilities.exact_end_offsets and committed > ends[partition]:
            raise RecoveryError(
                f"{topic}/{number} ends at offset {ends[partition]}, but offset {committed} of it was "
                "committed: was the topic deleted and created again? Use another `group`, or delete "
                "the group's offsets and its changelog"
            )
        positions[number] = _Position(committed, beginnings[partition])
    return positions


def _position(topic: str, number: int, position: _Position, logged: int | None) -> int:
    """The next input offset: what the state in the changelog has seen must not be applied again."""
    committed = position.committed
    if logged is not None and (committed is None or committed < logged):
        # Normal after a crash at least once, and where the broker has let the group's offsets
        # expire; else somebody has moved them.
        log.warning(
            "%s/%d: the group's offset is %s, but the state has seen the input up to %d; going on there",
            topic,
            number,
            committed,
            logged,
        )
        return logged
    if committed is None:
        return position.beginning
    if committed < position.beginning:
        log.error(
            "%s/%d: offsets %d to %d were deleted by retention before they were read",
            topic,
            number,
            committed,
            position.beginning - 1,
        )
    return committed
