"""Local stores: what is written is read, together or not at all, and a damaged one is no obstacle."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rocksdict import Options

from stream.engine.errors import EngineError
from stream.engine.folders import KEEP_S, StoreFolders
from stream.engine.store import CACHE_BYTES, KEYS_AT_A_TIME, Meta, PartitionStore, StoreMemory

META = Meta("i", 7, 70, 700)


@pytest.fixture
def store(tmp_path: Path) -> PartitionStore:
    return PartitionStore(tmp_path / "store", StoreMemory())


def reopened(store: PartitionStore) -> PartitionStore:
    store.close()
    return PartitionStore(store.folder, StoreMemory())


async def test_what_was_written_is_there_after_opening_again(store: PartitionStore) -> None:
    assert store.meta is None
    await store.write([(b"a", b"1"), (b"b", b"2"), (b"a", None)], [(b"\xfdb", b"")], META)
    again = reopened(store)
    assert again.meta == META
    assert [again.get(key) for key in (b"a", b"b", b"\xfdb", b"c")] == [None, b"2", b"", None]


async def test_keys_come_in_order_from_start_to_before_end(store: PartitionStore) -> None:
    names = [b"%05d" % number for number in range(2 * KEYS_AT_A_TIME + 1)]
    await store.write([(name, b"") for name in reversed(names)], [], META)
    assert list(store.keys(b"", b"\xf0")) == names
    assert list(store.keys(names[3], names[5])) == names[3:5]
    assert list(store.keys(names[5], names[5])) == []


async def test_what_is_written_while_keys_are_walked_is_seen_further_on(store: PartitionStore) -> None:
    names = [b"%05d" % number for number in range(KEYS_AT_A_TIME)]
    await store.write([(name, b"") for name in names], [], META)
    walk = store.keys(b"", b"\xf0")
    assert next(walk) == names[0]
    await store.write([(b"z", b"")], [], META)
    assert list(walk) == [*names[1:], b"z"]


async def test_a_stamp_changes_nothing_but_the_time(store: PartitionStore) -> None:
    store.stamp(800)
    assert store.meta is None
    await store.write([(b"a", b"1")], [], META)
    store.stamp(800)
    again = reopened(store)
    assert again.meta == Meta("i", 7, 70, 800)
    assert again.get(b"a") == b"1"


async def test_a_get_from_a_large_file_reads_no_more_than_some_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its filter is larger than the cache."""
    monkeypatch.setattr("stream.engine.store.CACHE_BYTES", 512 * 1024)
    store = PartitionStore(tmp_path / "store", StoreMemory())
    count, gets = 600_000, 300
    await store.write(((b"%08d" % number, b"value") for number in range(count)), [], META)
    store._db.compact_range(None, None)
    again = reopened(store)
    before = bytes_read()
    assert all(again.get(b"%08d" % number) for number in range(0, count, count // gets))
    assert (bytes_read() - before) / gets < 32 * 1024


async def test_a_store_that_is_there_shares_the_cache_and_has_filters(store: PartitionStore) -> None:
    await store.write([(b"a", b"1")], [], META)
    again = reopened(store)
    assert again._db.property_int_value("rocksdb.block-cache-capacity") == CACHE_BYTES
    assert "filter_policy=bloomfilter" in options_of(again)


async def test_a_store_of_before_that_was_compacted_by_levels_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(Options, "set_compaction_style", lambda options, style: None)
        store = PartitionStore(tmp_path / "store", StoreMemory())
        for part in range(8):
            await store.write(((b"%d%06d" % (part, n), b"old") for n in range(20_000)), [], META)
            store._db.flush()
        store._db.compact_range(None, None)
        await store.write([(b"9", b"old")], [], META)
        store.close()
        assert "kCompactionStyleLevel" in options_of(store)
    again = PartitionStore(tmp_path / "store", StoreMemory())
    assert "kCompactionStyleUniversal" in options_of(again)
    assert again.meta == META
    for part in range(8):
        await again.write(((b"%d%06d" % (part, n), b"new") for n in range(0, 20_000, 2)), [], META)
        again._db.flush()
    again._db.compact_range(None, None)
    again = reopened(again)
    found = {key: again.get(key) for key in again.keys(b"", b"\xf0")}
    assert len(found) == 8 * 20_000 + 1
    assert all(value == (b"old" if int(key[1:] or b"1") % 2 else b"new") for key, value in found.items())


def options_of(store: PartitionStore) -> str:
    """What RocksDB says it was last opened with."""
    return max(store.folder.glob("OPTIONS-*"), key=lambda file: file.name).read_text()


def bytes_read() -> int:
    """By this process, whether from the disk or the system's cache."""
    return int(Path("/proc/self/io").read_text().split()[1])


WRITER = """
import asyncio, sys
from pathlib import Path
from stream.engine.store import Meta, PartitionStore, StoreMemory

async def write():
    store = PartitionStore(Path(sys.argv[1]), StoreMemory())
    for number in range(1_000_000):
        value = b"%d" % number
        changes = [(b"key-%d" % key, value * 100) for key in range(50)]
        await store.write(changes, [(b"\\xfdlocal", value)], Meta("i", number, None, 0))
        print(number, flush=True)

asyncio.run(write())
"""


def test_kill_9_leaves_one_whole_write_after_another(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        told = 0
        while told < 2_000:
            told = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        told = max(told, *map(int, writer.stdout.read().split()[:-1] or [b"0"]))
    store = PartitionStore(folder, StoreMemory())
    assert store.meta is not None
    assert store.meta.offset >= told
    value = b"%d" % store.meta.offset
    assert {store.get(b"key-%d" % key) for key in range(50)} == {value * 100}
    assert store.get(b"\xfdlocal") == value


def test_workers_on_one_host_take_different_slots_and_come_back_to_their_own(tmp_path: Path) -> None:
    first, second = StoreFolders(tmp_path, "group"), StoreFolders(tmp_path, "group")
    assert (first.slot, second.slot) == (0, 1)
    first.release()
    assert StoreFolders(tmp_path, "group").slot == 0
    assert StoreFolders(tmp_path, "another").slot == 0


async def test_a_damaged_store_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folders = StoreFolders(tmp_path, "group")
    store = folders.open("events", 3)
    await store.write([(b"a", b"1")], [], META)
    folders.close(store)
    for part in ("MANIFEST-*", "CURRENT"):
        for file in store.folder.glob(part):
            file.write_bytes(b"nonsense")
    store = folders.open("events", 3)
    assert store.meta is None
    assert store.get(b"a") is None
    assert "made anew from the changelog" in caplog.text


async def test_damage_that_is_met_while_reading_is_not_met_again(tmp_path: Path) -> None:
    folders = StoreFolders(tmp_path, "group")
    store = folders.open("events", 3)
    await store.write([(b"%05d" % number, os.urandom(1_000)) for number in range(40_000)], [], META)
    folders.close(store)
    for table in store.folder.glob("*.sst"):
        data = bytearray(table.read_bytes())
        data[1_000 : len(data) // 2] = bytes(len(data) // 2 - 1_000)
        table.write_bytes(data)
    store = folders.open("events", 3)
    with pytest.raises(EngineError, match=r"Nothing is lost"):
        list(map(store.get, (b"%05d" % number for number in range(40_000))))
    folders.close(store)
    assert folders.open("events", 3).meta is None


async def test_stores_of_partitions_gone_for_long_are_deleted(tmp_path: Path) -> None:
    folders = StoreFolders(tmp_path, "group")
    kept, gone, used = (folders.open("events", number) for number in range(3))
    for store in (kept, gone, used):
        await store.write([(b"a", b"1")], [], META)
    folders.close(kept)
    folders.close(gone)
    old_s = time.time() - KEEP_S - 60
    for store in (gone, used):
        for file in store.folder.iterdir():
            os.utime(file, (old_s, old_s))
    folders.sweep()
    assert [store.folder.exists() for store in (kept, gone, used)] == [True, False, True]


async def test_stores_left_by_a_worker_that_never_came_back_are_deleted_too(tmp_path: Path) -> None:
    first, second = StoreFolders(tmp_path, "group"), StoreFolders(tmp_path, "group")
    store = second.open("events", 0)
    await store.write([(b"a", b"1")], [], META)
    second.release()
    first.release()
    old_s = time.time() - KEEP_S - 60
    for file in store.folder.iterdir():
        os.utime(file, (old_s, old_s))
    assert StoreFolders(tmp_path, "group").slot == 0
    assert not store.folder.exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"file/group can't be written \(Not a directory\)"):
        StoreFolders(tmp_path / "file", "group")


def test_writing_lets_other_tasks_run() -> None:
    """A checkpoint of many persons is put together in pieces."""

    async def race(folder: Path) -> int:
        store = PartitionStore(folder, StoreMemory())
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await store.write([(b"%d" % number, b"") for number in range(20_000)], [], META)
        counting.cancel()
        return turns

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(race(Path(folder))) >= 10
