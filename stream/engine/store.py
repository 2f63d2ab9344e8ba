"""One partition's local store on disk (RocksDB): what its changelog holds, and how far it has been read.

It is a copy of what is committed in Kafka, so nothing is lost with it, and nothing waits for the disk to
have it: after a crash it may be behind, never wrong, since each write is atomic and they are kept in order.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from msgspec import Struct
from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    DBCompactionStyle,
    DBCompressionType,
    Options,
    Rdict,
    UniversalCompactOptions,
    WriteBatch,
    WriteBufferManager,
)

from stream.engine.errors import EngineError
from stream.engine.state import OWN_PREFIX, Change

CACHE_BYTES = 96 * 1024 * 1024
"""Blocks, indexes, filters and write buffers of all stores of a worker together."""

BLOCK_BYTES = 4 * 1024

WRITE_BUFFER_BYTES = 32 * 1024 * 1024

# rocksdict 0.3.29 holds the interpreter's lock while it writes, so a thread would gain nothing: 100,000
# records take 45 ms. Making the batch takes as long, and is what can be done in pieces.
PIECE = 2_000
KEYS_AT_A_TIME = 512

_META_KEY = OWN_PREFIX + b"meta"
_CORRUPT = "corrupt"
_SIZES = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")

log = logging.getLogger(__name__)


class StoreError(EngineError):
    """A local store can't be written or read; the message says where, and what to do."""


class Meta(Struct, frozen=True, array_like=True):
    """What a store is a copy of.

    `offset` is the next one of the changelog to read, `position` the input offset that goes with the
    state, `as_of_ms` a wall clock time of which nothing is missing.
    """

    incarnation: str
    offset: int
    position: int | None
    as_of_ms: int


class StoreMemory:
    """The memory that all stores of a worker share."""

    def __init__(self) -> None:
        # RocksDB's LRU cache would have 64 shards, and what is larger than one is read for each get: the
        # whole filters and indexes of stores that an older Footfall has written.
        self.cache = Cache.new_hyper_clock_cache(CACHE_BYTES, BLOCK_BYTES)
        self.buffers = WriteBufferManager.new_write_buffer_manager_with_cache(
            WRITE_BUFFER_BYTES, False, self.cache
        )

    def options(self) -> Options:
        table = BlockBasedOptions()
        table.set_block_cache(self.cache)
        table.set_block_size(BLOCK_BYTES)
        table.set_bloom_filter(10, False)
        # Filter and index in blocks, too: of a large file they may not fit into the cache as a whole.
        table.set_index_type(BlockBasedIndexType.two_level_index_search())
        table.set_partition_filters(True)
        table.set_pin_top_level_index_and_filter(True)
        table.set_format_version(5)
        table.set_cache_index_and_filter_blocks(True)
        table.set_pin_l0_filter_and_index_blocks_in_cache(True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(table)
        options.set_compression_type(DBCompressionType.lz4())
        # By levels, every few small files would have all of the store rewritten.
        runs = UniversalCompactOptions()
        runs.max_size_amplification_percent = 100
        options.set_compaction_style(DBCompactionStyle.universal())
        options.set_universal_compaction_options(runs)
        options.set_write_buffer_manager(self.buffers)
        options.set_write_buffer_size(8 * 1024 * 1024)
        options.set_max_write_buffer_number(4)
        options.set_max_total_wal_size(32 * 1024 * 1024)
        # A writer that is made to wait would keep the whole process waiting (see PIECE).
        options.set_level_zero_slowdown_writes_trigger(48)
        options.set_level_zero_stop_writes_trigger(96)
        options.set_max_background_jobs(2)
        options.set_max_open_files(256)
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(1024 * 1024)
        return options


class PartitionStore:
    """A LocalStore, which the engine writes. `meta` is None while nothing is in it."""

    def __init__(self, folder: Path, memory: StoreMemory) -> None:
        """Open the store in `folder`, or begin one. Raises StoreError; Corrupt, if it can't be read."""
        self.folder = folder
        self._memory = memory
        self.meta: Meta | None = None
        if (folder / _CORRUPT).exists():
            raise Corrupt(f"{folder} was found damaged when it was last used")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Named as the column family's, too: those of a store that is there would be read from its folder,
            # without the shared cache and without filters.
            options = memory.options()
            self._db = Rdict(str(folder), options, {"default": options})
            meta = self._db.get(_META_KEY)
            if meta is not None:
                self.meta = msgspec.msgpack.decode(meta, type=Meta)
        except Exception as error:
            if is_full(error):
                raise StoreError(explain(folder, error)) from error
            raise Corrupt(f"{folder} can't be opened: {error}") from error
        self._get = self._db.get

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._get(key)
        except Exception as error:
            self._broken(error)
        return value

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        """Sees what is written meanwhile further on, and holds nothing open between two keys."""
        while True:
            found = self._keys(start, end)
            yield from found
            if len(found) < KEYS_AT_A_TIME:
                return
            start = found[-1] + b"\0"

    def _keys(self, start: bytes, end: bytes) -> list[bytes]:
        found: list[bytes] = []
        try:
            at = self._db.iter()
            at.seek(start)
            while at.valid():
                key: bytes = at.key()
                if key >= end:
                    break
                found.append(key)
                if len(found) == KEYS_AT_A_TIME:
                    break
                at.next()
            else:
                at.status()
        except Exception as error:
            self._broken(error)
        return found

    def size(self) -> int:
        """Bytes: the files with data, and what will be written to them."""
        return sum(self._db.property_int_value(name) or 0 for name in _SIZES)

    async def write(self, changes: Iterable[Change], local: Iterable[Change], meta: Meta) -> None:
        """Apply the changes, in order, and `meta`, all or nothing. Raises StoreError."""
        batch = WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        count = 0
        for part in (changes, local):
            for key, value in part:
                if value is None:
                    delete(key)
                else:
                    put(key, value)
                count += 1
                if not count % PIECE:
                    await asyncio.sleep(0)
        put(_META_KEY, msgspec.msgpack.encode(meta))
        self._write(batch)
        self.meta = meta

    def stamp(self, now_ms: int) -> None:
        """Say that the store is as new as it can be at `now_ms`: there was nothing to write."""
        if self.meta is not None:
            meta = msgspec.structs.replace(self.meta, as_of_ms=now_ms)
            batch = WriteBatch(raw_mode=True)
            batch.put(_META_KEY, msgspec.msgpack.encode(meta))
            self._write(batch)
            self.meta = meta

    def _write(self, batch: Any) -> None:
        try:
            self._db.write(batch)
        except Exception as error:
            self._broken(error)

    def _broken(self, error: Exception) -> NoReturn:
        if "Corruption" in str(error):
            # Not to be met again at the next start.
            (self.folder / _CORRUPT).touch()
        raise StoreError(explain(self.folder, error)) from error

    def close(self) -> None:
        """Let the folder go. The store may not be used any more."""
        try:
            self._db.close()
        except Exception as error:
            # What has failed before fails again while it is closed.
            log.info("%s was not closed in order: %s", self.folder, error)


class Corrupt(StoreError):
    """The store is of no use any more, and has to be made anew."""


def is_full(error: Exception) -> bool:
    """Whether the disk is full. (rocksdict raises `Exception` with RocksDB's text.)"""
    return "No space left" in str(error) or "Disk quota exceeded" in str(error)


def explain(folder: Path, error: Exception) -> str:
    """What to tell somebody whose local store has failed."""
    try:
        disk = shutil.disk_usage(folder)
        room = f"{disk.free / 1e6:,.0f} of {disk.total / 1e6:,.0f} MB are free there"
    except OSError:
        room = "how much room there is can't be found out"
    return (
        f"the local store in {folder} can't be used ({error}); {room}. Nothing is lost: what was committed "
        "is in Kafka, and the next start goes on from there. Make room, or have `data_dir` point to another "
        'disk; or set store = "memory", which needs no disk'
    )
