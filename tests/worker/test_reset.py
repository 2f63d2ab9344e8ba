"""`footfall reset`: all state is forgotten, what is read anew is worked out anew, and nobody is surprised."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka.admin import NewPartitions
from click.testing import CliRunner

from stream.admin import AdminError, connect, groups, transactions
from stream.admin import reset as resetting
from stream.admin.reset import plan, reset
from stream.cli import main
from tests.broker.log import read
from tests.worker.stage import Stage, simulated

TopicName = Callable[[str], str]


async def worked_off(here: Stage) -> dict[str, list[tuple[int, bytes]]]:
    """Run a worker to the end of its input, and return what is published then."""
    async with here.worker() as worker:
        await worker.says("Ready")
        await here.works_it_off()
        assert await worker.terminate() == 0
    return {name: sorted(await here.published(name)) for name in ("visits", "transitions")}


async def written(kafka: str, name: str, folder: Path) -> Stage:
    here = Stage(kafka, name, folder, partitions=2)
    await here.create_topics()
    await here.write(simulated(users=50, days=10))
    return here


async def prepared(kafka: str, name: str, folder: Path) -> tuple[Stage, dict[str, list[tuple[int, bytes]]]]:
    here = await written(kafka, name, folder)
    return here, await worked_off(here)


def run(here: Stage, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["reset", "--config", str(here.config), *options])
    return result.exit_code, result.output


@pytest.mark.kafka
async def test_what_is_read_again_is_published_again_under_the_same_ids(
    kafka: str, topic_name: TopicName, tmp_path: Path
) -> None:
    here, first = await prepared(kafka, topic_name("again"), tmp_path)
    stores = tmp_path / "data" / here.settings.group
    shutil.copytree(stores, tmp_path / "on another machine")

    planned = await plan(here.settings)
    outcomes = await reset(here.settings)
    again = await plan(here.settings)

    names = {topic.name: topic for topic in planned.topics}
    changelog = f"{here.settings.group}-profiles-changelog"
    of_the_merger = ("partials", "engagement-changelog", "control", "control-changelog")
    ours = (changelog, *(f"{here.settings.group}-{name}" for name in ("clocks", *of_the_merger)))
    assert set(names) == set(ours)
    assert names[changelog].records > 0
    assert (names[changelog].size or 0) > 0
    assert 2 <= planned.offsets[here.settings.group] <= 4  # with the merger's topics
    assert planned.folder == stores
    assert planned.folder_size > 10_000
    assert planned.to_read > 500
    assert all(outcome.ok for outcome in outcomes)
    assert (again.offsets, again.folder, [topic.records for topic in again.topics]) == (
        {},
        None,
        [0] * len(ours),
    )
    shutil.copytree(tmp_path / "on another machine", stores)  # its worker throws them away
    second = await worked_off(here)
    assert {name: sorted(lines * 2) for name, lines in first.items()} == second


@pytest.mark.kafka
async def test_reading_can_begin_at_a_time_or_at_the_end(
    kafka: str, topic_name: TopicName, tmp_path: Path
) -> None:
    here = await written(kafka, topic_name("from"), tmp_path)
    source = here.settings.input.topic
    records = await read(kafka, source)
    middle_ms = sorted(record.timestamp_ms for record in records)[len(records) // 2]
    since = {
        number: min(
            (r.offset for r in records if r.partition == number and r.timestamp_ms >= middle_ms),
            default=sum(r.partition == number for r in records),
        )
        for number in range(2)
    }

    async def offsets() -> dict[int, int]:
        async with connect(here.settings.connection) as admin:
            found = await groups.offsets(admin, here.settings.group)
        return {place.partition: offset for place, offset in found.items() if place.topic == source}

    await reset(here.settings, start=middle_ms)
    at_time = await offsets()
    await reset(here.settings, start="end")
    at_end = await offsets()

    assert at_time == since
    assert at_end == {number: sum(r.partition == number for r in records) for number in range(2)}


@pytest.mark.kafka
async def test_it_is_refused_while_a_worker_runs_and_says_which(
    kafka: str, topic_name: TopicName, tmp_path: Path
) -> None:
    here = Stage(kafka, topic_name("member"), tmp_path, partitions=1)
    await here.create_topics()
    async with here.worker() as worker:
        await worker.says("Ready")
        with pytest.raises(
            AdminError, match=rf"group {here.settings.group} has 1 member: .* on 127.0.0.1"
        ) as no:
            await plan(here.settings)
        assert no.value.advice.startswith("stop these workers first")
        with pytest.raises(AdminError, match="has 1 member"):
            await reset(here.settings)
        assert await worker.terminate() == 0
    assert all(outcome.ok for outcome in await reset(here.settings))


@pytest.mark.kafka
async def test_where_it_was_interrupted_it_goes_on_and_with_outputs_nothing_is_left(
    kafka: str, topic_name: TopicName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, first = await prepared(kafka, topic_name("interrupted"), tmp_path)

    async def stop(*args: object) -> None:
        raise KeyboardInterrupt

    for step in ("_fence", "_delete", "_create"):
        with monkeypatch.context() as patched:
            patched.setattr(resetting, step, stop)
            with pytest.raises(KeyboardInterrupt):
                await reset(here.settings, outputs=True)
    await reset(here.settings, outputs=True)
    assert await here.published("visits") == []
    assert await worked_off(here) == first


@pytest.mark.kafka
async def test_a_worker_that_sleeps_through_it_can_write_nothing_old(
    kafka: str, topic_name: TopicName, tmp_path: Path
) -> None:
    here = await written(kafka, topic_name("sleeper"), tmp_path)
    source = here.settings.input.topic
    async with connect(here.settings.connection) as admin:
        old = await transactions.open_producer(admin, f"{here.settings.group}-{source}-1")
        await reset(here.settings)
        refused = await transactions.try_writing(
            admin, old, topics=[f"{here.settings.group}-profiles-changelog"], group=here.settings.group
        )
    assert refused.group in (47, 90)  # invalid epoch, fenced


@pytest.mark.kafka
async def test_the_input_with_more_partitions_is_what_it_is_for(
    kafka: str, topic_name: TopicName, tmp_path: Path
) -> None:
    here = await written(kafka, topic_name("more"), tmp_path)
    async with connect(here.settings.connection) as admin:
        await admin.create_partitions({here.settings.input.topic: NewPartitions(3)})
    await reset(here.settings, outputs=True)
    async with here.worker() as worker:
        await worker.says("Ready: 3 partitions")
        assert await worker.terminate() == 0


@pytest.mark.kafka
async def test_the_command_says_what_it_will_delete_and_asks(
    kafka: str, topic_name: TopicName, tmp_path: Path
) -> None:
    here, _ = await prepared(kafka, topic_name("asks"), tmp_path)
    dry, dry_said = await offloaded(run, here, "--dry-run")
    unasked, unasked_said = await offloaded(run, here)
    done, done_said = await offloaded(run, here, "--yes")
    after, after_said = await offloaded(run, here, "--dry-run")

    group, source = here.settings.group, here.settings.input.topic
    assert (dry, unasked, done, after) == (0, 1, 0, 0)
    assert f"topic {group}-profiles-changelog (2 partitions, about " in dry_said
    assert f"topic {group}-engagement-changelog (1 partition, about " in dry_said
    # two of the input, and those of what goes to the merger
    assert f"offsets of group {group} (4 partitions)" in dry_said
    assert f"read {source} from its beginning: about " in dry_said
    assert f"What was published stays in {group}.visits" in dry_said
    assert dry_said.endswith("Nothing was done: this was a dry run.\n")
    assert "there is no terminal to ask on. Give --yes to do it" in unasked_said
    assert done_said.endswith("Done. Workers that start now begin anew: footfall worker\n")
    assert "about 0 records" in after_said
    assert "offsets of group" not in after_said


async def offloaded(function: Callable[..., tuple[int, str]], *args: object) -> tuple[int, str]:
    """In a thread: the command has an event loop of its own."""
    return await asyncio.to_thread(function, *args)


async def test_a_broker_that_cannot_do_it_is_told_apart(
    tansu: str, topic_name: TopicName, tmp_path: Path
) -> None:
    here = Stage(tansu, topic_name("tansu"), tmp_path, partitions=1)
    await here.create_topics()
    code, said = await offloaded(run, here, "--yes")
    assert code == 1
    assert f"Error: the broker at {tansu} has no transactions, and cannot delete groups and topics" in said
    assert "keeps everything in memory: start it anew" in said
    assert await here.published("visits") == []
