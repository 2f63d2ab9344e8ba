"""The engine on real brokers, with a state that only counts: nothing lost, nothing doubled, whatever dies."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from stream.engine.state import OWN_PREFIX
from tests.broker.log import Record, create_topic, read, write
from tests.engine import offsets
from tests.engine.counting_worker import Order
from tests.engine.process import Process

PARTITIONS = 4


def events(first: int, count: int, keys: int = 97) -> list[tuple[bytes | None, bytes | None]]:
    return [(b"key-%d" % (number % keys), b"%d" % number) for number in range(first, first + count)]


class Stage:
    """Topics of its own on a broker, and workers of one group that count what is written to them."""

    def __init__(self, address: str, order: Order) -> None:
        self.address = address
        self.order = order

    async def write(self, first: int, count: int) -> None:
        await write(self.address, self.order.topic, events(first, count))

    def worker(self, **changes: object) -> Process:
        order = msgspec.structs.replace(self.order, **changes)
        what = msgspec.json.encode(order).decode()
        return Process(sys.executable, "-m", "tests.engine.counting_worker", what)

    async def outputs(self, at_least: int) -> list[Record]:
        return await read(self.address, self.order.output, until=lambda found: len(found) >= at_least)

    async def totals(self) -> dict[bytes, bytes]:
        changelog = await read(self.address, f"{self.order.group}-counts-changelog")
        return {
            record.key or b"": record.value or b""
            for record in changelog
            if not (record.key or b"").startswith(OWN_PREFIX)
        }

    async def committed(self) -> dict[int, int]:
        return await offsets.committed(self.address, self.order.group, self.order.topic)

    async def ends(self) -> dict[int, int]:
        return await offsets.ends(self.address, self.order.topic)

    async def read_to_the_end(self) -> None:
        await offsets.read_to_the_end(self.address, self.order.group, self.order.topic)


NewStage = Callable[..., AsyncIterator[Stage]]


@pytest.fixture
def stage(topic_name: Callable[[str], str]) -> NewStage:
    @asynccontextmanager
    async def make(address: str, **changes: object) -> AsyncIterator[Stage]:
        with tempfile.TemporaryDirectory() as folder:
            group, topic, output = topic_name("group"), topic_name("input"), topic_name("output")
            await create_topic(address, topic, partitions=PARTITIONS)
            await create_topic(address, output, partitions=PARTITIONS)
            await create_topic(
                address, f"{group}-counts-changelog", partitions=PARTITIONS, cleanup_policy="compact"
            )
            order = Order(
                bootstrap=address,
                group=group,
                topic=topic,
                output=output,
                partitions=PARTITIONS,
                data_dir=folder,
            )
            yield Stage(address, msgspec.structs.replace(order, **changes))

    return make


def expected_totals(count: int) -> dict[bytes, bytes]:
    records: Counter[bytes] = Counter()
    sums: Counter[bytes] = Counter()
    for key, value in events(0, count):
        records[key or b""] += 1
        sums[key or b""] += int(value or b"")
    return {key: b"%d %d" % (records[key], sums[key]) for key in records}


def input_offsets(outputs: Sequence[Record]) -> Counter[tuple[int, int]]:
    """How often each input record, by partition and offset, was put out."""
    return Counter((record.partition, int((record.value or b"").split(b":")[0])) for record in outputs)


def counts_of(output: Sequence[Record]) -> dict[bytes, list[int]]:
    """The counts that were put out of each key, in order."""
    counts: dict[bytes, list[int]] = {}
    for record in output:
        counts.setdefault(record.key or b"", []).append(int((record.value or b"").split(b":")[1]))
    return counts


@pytest.mark.kafka
async def test_sigterm_exits_with_0_and_everything_committed(kafka: str, stage: NewStage) -> None:
    async with stage(kafka, commit_interval_s=30.0) as here:
        await here.write(0, 5_000)
        async with here.worker() as worker:
            await worker.says("processed 5000")
            assert await worker.terminate() == 0
        assert await here.committed() == await here.ends()
        assert await here.totals() == expected_totals(5_000)
        assert len(await here.outputs(5_000)) == 5_000


@pytest.mark.kafka
async def test_a_restart_goes_on_from_the_changelog(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here:
        for part in range(3):
            await here.write(part * 2_000, 2_000)
            async with here.worker() as worker:
                await here.outputs((part + 1) * 2_000)
                assert await worker.terminate() == 0
        assert await here.totals() == expected_totals(6_000)
        assert set(input_offsets(await here.outputs(6_000)).values()) == {1}


@pytest.mark.kafka
async def test_kill_9_loses_nothing_and_doubles_nothing(kafka: str, stage: NewStage) -> None:
    async with stage(kafka, commit_interval_s=0.05) as here:
        for part, more in enumerate((0, 1, 4)):
            await here.write(part * 20_000, 10_000)
            async with here.worker() as worker:
                await worker.says("committed")
                # However fast it is, each of the four partitions takes a checkpoint for these.
                await here.write(part * 20_000 + 10_000, 10_000)
                if more:
                    await worker.says("committed", times=more)
                await worker.kill()
        async with here.worker() as worker:
            # All may have been put out before; and who has just been started does not end in order.
            await worker.says("ready")
            outputs = await here.outputs(60_000)
            assert await worker.terminate() == 0
        assert input_offsets(outputs) == {
            (partition, offset): 1 for partition, end in (await here.ends()).items() for offset in range(end)
        }
        assert all(counts == list(range(1, len(counts) + 1)) for counts in counts_of(outputs).values())
        assert await here.totals() == expected_totals(60_000)


@pytest.mark.kafka
async def test_aborted_transactions_do_not_count_and_their_gaps_cost_nothing(
    kafka: str, stage: NewStage
) -> None:
    async with stage(kafka, commit_interval_s=0.05) as here, here.worker() as worker:
        await worker.says("assigned")
        producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=here.order.topic)
        await producer.start()
        try:
            for number in range(0, 60, 2):
                for written, commit in ((number, True), (number + 1000, False), (number + 1, True)):
                    await producer.begin_transaction()
                    (event,) = events(written, 1)
                    await producer.send_and_wait(here.order.topic, key=event[0], value=event[1])
                    await (producer.commit_transaction() if commit else producer.abort_transaction())
        finally:
            await producer.stop()
        await here.outputs(60)
        assert await worker.terminate() == 0
        assert await here.totals() == expected_totals(60)
        # Only of a partition's first batch nobody knows what it follows.
        assert worker.output.count("seeking back") <= PARTITIONS


@pytest.mark.kafka
async def test_workers_share_partitions_and_take_over_from_each_other(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here, here.worker() as first:
        await here.write(0, 3_000)
        await first.says("assigned 0 1 2 3")
        async with here.worker() as second:
            await second.says("assigned")
            await here.write(3_000, 3_000)
            await here.outputs(6_000)
            # The second owned some of them, and hands them back in good order.
            assert await second.terminate() == 0
        await here.write(6_000, 3_000)
        outputs = await here.outputs(9_000)
        assert await first.terminate() == 0
        assert set(input_offsets(outputs).values()) == {1}
        assert await here.totals() == expected_totals(9_000)


@pytest.mark.kafka
async def test_a_killed_worker_is_replaced_by_another(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here, here.worker() as first:
        await first.says("assigned")
        async with here.worker() as second:
            await second.says("assigned")
            await here.write(0, 20_000)
            await second.says("committed")
            await second.kill()
        outputs = await here.outputs(20_000)
        assert await first.terminate() == 0
        assert set(input_offsets(outputs).values()) == {1}
        assert await here.totals() == expected_totals(20_000)


@pytest.mark.kafka
async def test_a_worker_that_slept_through_its_session_is_fenced(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here, here.worker() as sleeper:
        await here.write(0, 5_000)
        await sleeper.says("processed 5000")
        await here.write(5_000, 20_000)
        sleeper.send(signal.SIGSTOP)
        async with here.worker() as other:
            await other.says("assigned 0 1 2 3")
            await here.write(25_000, 5_000)
            await here.outputs(30_000)
            sleeper.send(signal.SIGCONT)
            await here.write(30_000, 5_000)
            outputs = await here.outputs(35_000)
            assert await other.terminate() == 0
        # It ends where a checkpoint of its own was under way, else it goes on as a new member.
        if await sleeper.terminate() != 0:
            assert "another worker has taken the partition over" in sleeper.output
        assert set(input_offsets(outputs).values()) == {1}
        assert await here.totals() == expected_totals(35_000)


@pytest.mark.kafka
async def test_a_checkpoint_that_fails_ends_the_worker_and_commits_nothing(
    kafka: str, stage: NewStage, topic_name: Callable[[str], str]
) -> None:
    narrow = topic_name("narrow")
    await create_topic(kafka, narrow, partitions=PARTITIONS, max_message_bytes="500")
    async with stage(kafka, commit_interval_s=30.0) as here:
        await here.write(0, 5_000)
        async with here.worker(output=narrow) as worker:
            await worker.says("processed 5000")
            assert await worker.terminate() == 1
        assert "checkpoint of" in worker.output
        assert f"{narrow}/" in worker.output
        assert set((await here.committed()).values()) <= {-1}
        # Nothing is missing once the records have a topic that takes them.
        async with here.worker(commit_interval_s=0.1) as worker:
            outputs = await here.outputs(5_000)
            assert await worker.terminate() == 0
        assert set(input_offsets(outputs).values()) == {1}


@pytest.mark.kafka
async def test_at_least_once_counts_exactly_and_may_repeat_outputs(kafka: str, stage: NewStage) -> None:
    async with stage(kafka, guarantee="at_least_once", commit_interval_s=0.05) as here:
        await here.write(0, 15_000)
        async with here.worker() as worker:
            await worker.says("committed")
            await here.write(15_000, 15_000)
            await worker.says("committed", times=4)
            await worker.kill()
        async with here.worker() as worker:
            await worker.says("assigned")
            await here.read_to_the_end()
            assert await worker.terminate() == 0
        assert len(input_offsets(await here.outputs(30_000))) == 30_000


async def test_a_broker_without_transactions_keeps_state_over_a_restart(tansu: str, stage: NewStage) -> None:
    async with stage(tansu, guarantee="at_least_once") as here:
        for part in range(2):
            await here.write(part * 2_000, 2_000)
            async with here.worker() as worker:
                await worker.says("processed 2000")
                assert await worker.terminate() == 0
        outputs = await here.outputs(4_000)
        assert set(input_offsets(outputs).values()) == {1}
        assert all(counts == list(range(1, len(counts) + 1)) for counts in counts_of(outputs).values())


@pytest.mark.kafka
async def test_an_output_may_name_its_partition(kafka: str, stage: NewStage) -> None:
    async with stage(kafka) as here:
        await here.write(0, 2_000)
        async with here.worker(echo_to=3) as worker:
            outputs = await here.outputs(2_000)
            assert await worker.terminate() == 0
        assert {record.partition for record in outputs} == {3}
        await here.write(2_000, 100)
        async with here.worker(echo_to=PARTITIONS) as worker:
            assert await worker.ends() == 1
        assert f"{here.order.output} has 4 partitions, but a record is for partition 4" in worker.output
