"""Rebuilds the states of input partitions in bulk from their changelogs, and finds where to read on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from stream.engine.client import Capabilities, TopicPartition, changelog_peeker, state_reader
from stream.engine.connection import Connection
from stream.engine.errors import RecoveryError, place
from stream.engine.garbage import spare
from stream.engine.layout import LAYOUT_KEY, Layout, check, decode
from stream.engine.replica import Replica, now_ms

# The broker answers an empty fetch after 50 ms: this long without anything new means that it is stuck.
STALLED_S = 60.0
# Records applied before the event loop gets its turn.
PIECE = 1_000
TELL_EVERY_S = 5.0

log = logging.getLogger(__name__)


async def layouts_of(
    connection: Connection, group: str, changelog: str, numbers: Iterable[int], wanted: Layout
) -> dict[int, Layout | None]:
    """The layout that each partition of the changelog begins with, or None.

    Raises RecoveryError where one is not what is wanted.
    """
    reader = changelog_peeker(connection, group)
    await reader.start()
    found: dict[int, Layout | None] = {}
    unread = {TopicPartition(changelog, number) for number in numbers}
    try:
        reader.assign(list(unread))
        await reader.seek_to_beginning(*unread)
        moved_at = time.monotonic()
        while unread:
            fetched = await reader.getmany(*unread, timeout_ms=200)
            for partition, records in fetched.items():
                first = records[0]
                is_layout = first.key == LAYOUT_KEY and first.value is not None
                found[partition.partition] = decode(first.value) if is_layout else None
                unread.discard(partition)
                moved_at = time.monotonic()
            for partition in await _at_end(reader, unread):
                found[partition.partition] = None
                unread.discard(partition)
            _raise_if_stalled(moved_at, unread)
    finally:
        await reader.stop()
    for number, layout in found.items():
        if layout is not None:
            check(f"{changelog}/{number}", layout, wanted)
    return found


class Progress:
    """How far a recovery is, for the log and for metrics: `left` has the records to read, by partition."""

    def __init__(self, left: dict[int, int]) -> None:
        self.left = left
        self._began_at = self._told_at = time.monotonic()
        self._read = 0

    def moved(self, changelog: str, records: int) -> None:
        self._read += records
        now = time.monotonic()
        if now - self._told_at < TELL_EVERY_S:
            return
        self._told_at = now
        left = sum(self.left.values())
        log.info(
            "Restoring from %s: %s records, %.0f %%, %s/s",
            changelog,
            f"{self._read:,}",
            100 * self._read / max(1, self._read + left),
            f"{self._read / (now - self._began_at):,.0f}",
        )


async def read_to_end(
    reader: Any, changelog: str, replicas: Mapping[int, Replica], left: dict[int, int]
) -> None:
    """Bring the replicas to the ends of their changelogs. `left` is kept up to date meanwhile."""
    by_partition = {TopicPartition(changelog, number): replica for number, replica in replicas.items()}
    unread = set(by_partition)
    reader.assign(list(unread))
    began_ms = now_ms()
    for partition, replica in by_partition.items():
        if not replica.offset:
            replica.as_of_ms = began_ms
        reader.seek(partition, replica.offset)
    moved_at = time.monotonic()
    progress = Progress(left)
    while unread:
        fetched = await reader.getmany(*unread, timeout_ms=200)
        for partition, records in fetched.items():
            replica = by_partition[partition]
            for start in range(0, len(records), PIECE):
                piece = records[start : start + PIECE]
                await replica.apply(piece)
                spare(len(piece))
                left[partition.partition] = max(0, (reader.highwater(partition) or 0) - replica.offset)
                progress.moved(changelog, len(piece))
                await asyncio.sleep(0)
            moved_at = time.monotonic()
        for partition in await _at_end(reader, unread):
            unread.discard(partition)
            replica = by_partition[partition]
            # The last offsets of a transactional log hold no records.
            replica.at_end(await reader.position(partition))
            left.pop(partition.partition, None)
        _raise_if_stalled(moved_at, unread)


async def _at_end(reader: Any, unread: Iterable[TopicPartition]) -> list[TopicPartition]:
    """Those that are read to their ends.

    By the high watermark of a fetch, since not every broker can be asked for the end of a log; and by
    the position, since the last offsets of a transactional log hold no records.
    """
    ended = []
    for partition in unread:
        end = reader.highwater(partition)
        if end is not None and await reader.position(partition) >= end:
            ended.append(partition)
    return ended


def _raise_if_stalled(moved_at: float, unread: Iterable[TopicPartition]) -> None:
    if time.monotonic() - moved_at > STALLED_S:
        names = ", ".join(sorted(f"{partition.topic}/{partition.partition}" for partition in unread))
        raise RecoveryError(
            f"no progress for {STALLED_S:.0f} s in reading {names}: is a broker of the cluster down, "
            "or a transaction on that topic left open?"
        )


async def open_reader(connection: Connection, group: str) -> Any:
    """A started reader of changelogs and positions; stop it."""
    reader = state_reader(connection, group)
    await reader.start()
    return reader


async def bounds(
    reader: Any, changelog: str, numbers: Sequence[int], capabilities: Capabilities
) -> dict[int, tuple[int, int | None]]:
    """Where each partition of the changelog begins, and ends, where the broker can say that."""
    partitions = [TopicPartition(changelog, number) for number in numbers]
    beginnings = await reader.beginning_offsets(partitions)
    ends = await reader.end_offsets(partitions) if capabilities.exact_end_offsets else {}
    return {one.partition: (beginnings[one], ends.get(one)) for one in partitions}


class Position(Struct, frozen=True):
    """What the broker knows of an input partition: the group's offset, and the first one still kept."""

    committed: int | None
    beginning: int


async def committed_positions(
    reader: Any, topic: str, numbers: Sequence[int], capabilities: Capabilities
) -> dict[int, Position]:
    """Raises RecoveryError where a topic ends before what was committed of it."""
    partitions = {number: TopicPartition(topic, number) for number in numbers}
    beginnings = await reader.beginning_offsets(list(partitions.values()))
    ends = await reader.end_offsets(list(partitions.values()))
    positions = {}
    for number, partition in partitions.items():
        committed = await reader.committed(partition)
        if committed is not None and capabilities.exact_end_offsets and committed > ends[partition]:
            raise RecoveryError(
                f"{topic}/{number} ends at offset {ends[partition]}, but offset {committed} of it was "
                "committed: was the topic deleted and created again? Begin anew with `footfall reset`, "
                "which asks first, or with another `group`"
            )
        positions[number] = Position(committed, beginnings[partition])
    return positions


def next_offset(topic: str, number: int, position: Position, logged: int | None) -> int:
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
            extra=place(topic, number, logged),
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
            extra=place(topic, number, position.beginning),
        )
    return committed
