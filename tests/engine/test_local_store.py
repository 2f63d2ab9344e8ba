"""Workers with a local store, on Apache Kafka: killed, moved, and with stores that are of no use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stream.engine.layout import LAYOUT_KEY
from stream.engine.store import Meta, PartitionStore, StoreMemory
from tests.broker.log import read, write
from tests.conftest import REQUIRE_ALL
from tests.engine.counting_worker import INDEX
from tests.engine.process import Process
from tests.engine.test_counting import NewStage, Stage, expected_totals, stage

__all__ = ["stage"]
pytestmark = pytest.mark.kafka


def restored(worker: Process) -> dict[int, int]:
    """How many changelog records each partition was restored from."""
    found = [line.split() for line in worker.lines if line.startswith("recovered")]
    return {int(number): int(records) for _, number, records in found}


def stores(here: Stage, slot: int = 0) -> list[Path]:
    folder = Path(here.order.data_dir) / here.order.group / f"worker-{slot}"
    return sorted(store for store in folder.iterdir() if store.is_dir())


def contents(here: Stage, slot: int = 0) -> dict[bytes, bytes]:
    """All that the local stores hold of counts; each key has to be in the index as well."""
    found: dict[bytes, bytes] = {}
    for folder in stores(here, slot):
        store = PartitionStore(folder, StoreMemory())
        keys = list(store.keys(b"", b"\xf0"))
        assert [INDEX + key for key in keys] == list(store.keys(INDEX, b"\xfe"))
        found |= {key: store.get(key) or b"" for key in keys}
        store.close()
    return found


async def test_a_killed_worker_reads_only_the_tail(kafka: str, stage: NewStage) -> None:
    async with stage(kafka, echo=False) as here:
        async with here.worker() as worker:
            await worker.says("ready")
            for part in range(4):
                await here.write(part * 10_000, 10_000)
                await here.read_to_the_end()
            await worker.kill()
        written = len(await read(here.address, f"{here.order.group}-counts-changelog"))
        async with here.worker() as worker:
            await worker.says("ready")
            first = restored(worker)
            await here.write(40_000, 1_000)
            await worker.says("processed 1000")
            assert await worker.terminate() == 0
        # What one checkpoint of each partition holds, at the most: 97 keys.
        assert sum(first.values()) <= 97 < 4 * 97 <= written
        assert await here.totals() == expected_totals(41_000)
        assert contents(here) == expected_totals(41_000)


async def test_a_killed_worker_comes_back_without_waiting_for_its_old_session(
    kafka: str, stage: NewStage
) -> None:
    async with stage(kafka, echo=False, session_timeout_s=60.0) as here, here.worker() as other:
        await other.says("ready")
        for part in range(3):
            async with here.worker() as worker:
                await worker.says("assigned")
                await here.write(part * 10_000, 10_000)
                await here.read_to_the_end()
                if part < 2:
                    await worker.kill()
                else:
                    assert await worker.terminate() == 0
        await other.says("assigned 0 1 2 3")
        assert await other.terminate() == 0
        rebalances = [line for line in other.lines if line.startswith("assigned")]
        # Alone, with the first, and alone again: that it died twice in between went by unnoticed.
        assert len(rebalances) == 3
        assert await here.totals() == expected_totals(30_000)


async def test_after_sigterm_nothing_is_left_to_read(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here:
        await here.write(0, 5_000)
        for processed in (5_000, 0):
            async with here.worker() as worker:
                await worker.says("ready" if not processed else f"processed {processed}")
                assert await worker.terminate() == 0
        assert restored(worker) == dict.fromkeys(range(4), 0)


async def test_a_lost_store_is_made_anew(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here:
        await here.write(0, 5_000)
        async with here.worker() as worker:
            await worker.says("processed 5000")
            assert await worker.terminate() == 0
        shutil.rmtree(stores(here)[1])
        (stores(here)[0] / "CURRENT").write_text("nonsense")
        async with here.worker() as worker:
            await worker.says("ready")
            assert await worker.terminate() == 0
        assert "made anew" in worker.output
        assert [bool(records) for _, records in sorted(restored(worker).items())] == [
            True,
            True,
            False,
            False,
        ]
        assert contents(here) == expected_totals(5_000)


async def test_a_store_of_another_incarnation_is_made_anew(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here:
        await here.write(0, 5_000)
        async with here.worker() as worker:
            await worker.says("processed 5000")
            assert await worker.terminate() == 0
        for folder in stores(here):
            store = PartitionStore(folder, StoreMemory())
            assert store.meta is not None
            other = Meta(
                "another", *store.meta.__struct_fields__ and (store.meta.offset, 10**9, store.meta.as_of_ms)
            )
            await store.write([(b"key-x", b"1 1")], [(INDEX + b"key-x", b"")], other)
            store.close()
        async with here.worker() as worker:
            await worker.says("ready")
            assert await worker.terminate() == 0
        assert worker.output.count("it is a copy of another changelog") == 4
        assert contents(here) == expected_totals(5_000)


async def test_a_store_that_may_have_missed_deletions_is_made_anew(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here:
        await here.write(0, 5_000)
        async with here.worker() as worker:
            await worker.says("processed 5000")
            assert await worker.terminate() == 0
        store = PartitionStore(stores(here)[0], StoreMemory())
        store.stamp(1 << 40)
        store.close()
        async with here.worker() as worker:
            await worker.says("ready")
            assert await worker.terminate() == 0
        assert "may have missed deletions" in worker.output
        assert [bool(records) for _, records in sorted(restored(worker).items())] == [
            True,
            False,
            False,
            False,
        ]


async def test_each_changelog_partition_begins_with_its_layout(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here:
        await here.write(0, 1_000)
        async with here.worker() as worker:
            await here.read_to_the_end()
            assert await worker.terminate() == 0
        changelog = await read(here.address, f"{here.order.group}-counts-changelog")
        firsts = {record.partition: record for record in reversed(changelog)}
        layouts = [json.loads(record.value or b"") for record in firsts.values()]
        assert {record.key for record in firsts.values()} == {LAYOUT_KEY}
        assert len({layout.pop("incarnation") for layout in layouts}) == 4
        assert layouts == [{"input": here.order.topic, "partitions": 4, "key": "person", "keyed": True}] * 4
        assert sum(record.key == LAYOUT_KEY for record in changelog) == 4


@pytest.mark.parametrize("store", ["memory", "rocksdb"])
async def test_a_state_of_another_layout_is_refused(kafka: str, stage: NewStage, store: str) -> None:
    async with stage(kafka, store=store) as here:
        await here.write(0, 1_000)
        async with here.worker() as worker:
            await worker.says("processed 1000")
            assert await worker.terminate() == 0
        async with here.worker(keyed=False) as worker:
            assert await worker.ends() == 1
        assert "input.keyed was true, and is false" in worker.output
        assert "footfall reset" in worker.output
        assert "Traceback" not in worker.output
        async with here.worker() as worker:
            await worker.says("ready")
            assert await worker.terminate() == 0
        assert await here.totals() == expected_totals(1_000)


async def test_two_workers_share_a_data_dir_and_hand_over(kafka: str, stage: NewStage) -> None:
    async with stage(kafka, echo=False) as here:
        async with here.worker() as first:
            await first.says("ready")
            await here.write(0, 10_000)
            async with here.worker() as second:
                await second.says("ready")
                assert 0 < float((await first.says("stood still")).split()[2]) < 60
                await here.write(10_000, 10_000)
                await here.read_to_the_end()
                await second.kill()
                await here.write(20_000, 10_000)
                await here.read_to_the_end()
                async with here.worker() as second:
                    await second.says("ready")
                    await here.write(30_000, 1_000)
                    await here.read_to_the_end()
                    assert await second.terminate() == 0
                    assert await first.terminate() == 0
        assert await here.totals() == expected_totals(31_000)
        assert len(stores(here, 0)) == 4
        assert len(stores(here, 1)) == 2


async def test_a_store_that_was_away_gets_what_it_has_missed(kafka: str, stage: NewStage) -> None:
    async with stage(kafka, echo=False) as here:
        elsewhere = Path(here.order.data_dir) / "elsewhere"
        for part, folder in enumerate((here.order.data_dir, str(elsewhere), here.order.data_dir)):
            await here.write(part * 5_000, 5_000)
            async with here.worker(data_dir=folder) as worker:
                await worker.says("processed 5000")
                assert await worker.terminate() == 0
        assert 0 < sum(restored(worker).values()) < 5_000
        assert contents(here) == expected_totals(15_000)


def _in_small_disk(argv: list[str], folder: str, size: str) -> list[str]:
    """The command in a mount namespace of its own, where `folder` is a disk of that size."""
    script = f'mount -t tmpfs -o size={size} tmpfs {folder} && exec "$@"'
    return ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", *argv]


@pytest.fixture
def mountable(tmp_path: Path) -> Path:
    """A folder that `_in_small_disk` can use. Skips where that is not allowed; fails if all must run."""
    tried = subprocess.run(_in_small_disk(["true"], str(tmp_path), "1m"), capture_output=True, text=True)
    if tried.returncode:
        reason = f"no small disk can be mounted here: {tried.stderr}"
        if os.environ.get(REQUIRE_ALL) == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return tmp_path


async def test_a_full_disk_ends_the_worker_and_loses_nothing(
    kafka: str, stage: NewStage, mountable: Path
) -> None:
    async with stage(kafka, echo=False, data_dir=str(mountable)) as here:
        many = [(b"key-%d-" % number + bytes(range(32, 127)) * 10, b"1") for number in range(20_000)]
        await write(here.address, here.order.topic, many)
        plain = here.worker()
        async with Process(*_in_small_disk(list(plain._argv), str(mountable), "8m")) as worker:
            assert await worker.ends() == 1
        assert "No space left on device" in worker.output
        assert "Nothing is lost" in worker.output
        assert f"{mountable}/{here.order.group}/worker-0/" in worker.output
        async with here.worker() as worker:
            await worker.says("ready")  # all may have been committed before the disk was full
            await here.read_to_the_end()
            assert await worker.terminate() == 0
        assert await here.totals() == {key: b"1 1" for key, _ in many}
        assert contents(here) == {key: b"1 1" for key, _ in many}
