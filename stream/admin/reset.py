"""Forgets all that a group has worked out, so that its workers begin anew."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from msgspec import Struct

from stream.admin import groups, topics, transactions
from stream.admin.connection import AdminError, connect, in_words
from stream.admin.log_sizes import log_sizes
from stream.engine.client import probe
from stream.settings import Settings

Start = Literal["beginning", "end"] | int
"""Where reading begins anew; a time is in ms, that of a record's arrival in Kafka."""

_GONE_WITHIN_S = 30.0
_NO_SUCH_TOPIC = 3


class Doomed(Struct, frozen=True):
    """A topic that is deleted and made anew. `records` counts offsets; `size` is in bytes, of all copies."""

    name: str
    partitions: int
    records: int
    size: int | None


class Plan(Struct, frozen=True):
    """What a reset does. `kept` are outputs that stay; `offsets` counts partitions by group.

    `folder` has the local stores of this machine, None where there are none; `to_read` is about the number of
    records that workers then read.
    """

    topics: tuple[Doomed, ...]
    kept: tuple[str, ...]
    offsets: dict[str, int]
    folder: Path | None
    folder_size: int
    to_read: int


async def plan(settings: Settings, *, start: Start = "beginning", outputs: bool = False) -> Plan:
    """What a reset would do. Raises AdminError, also while the group has members."""
    async with _admin(settings) as admin:
        await _refuse_what_cannot(settings)
        await _refuse_members(admin, settings)
        wanted = topics.wanted(settings, settings.topics.partitions)
        found = await topics.existing(admin, [topic.name for topic in wanted])
        doomed = [topic.name for topic in _doomed(settings, wanted, outputs) if topic.name in found]
        sizes = await log_sizes(admin, {name: found[name].partitions for name in doomed})
        committed = {group: await groups.offsets(admin, group) for group in _groups(settings, outputs)}
        partitions = {name: one.partitions for name, one in found.items()}
        source = settings.input.topic
        folder = settings.data_dir / settings.group
        held = [
            Doomed(name, partitions[name], await _held(settings, name, partitions[name]), sizes.get(name))
            for name in doomed
        ]
        return Plan(
            topics=tuple(held),
            kept=tuple(
                topic.name
                for topic in wanted
                if topic.role == "output" and topic.name in found and topic.name not in doomed
            ),
            offsets={group: len(places) for group, places in committed.items() if places},
            folder=folder if folder.exists() else None,
            folder_size=_size(folder),
            to_read=await _held(settings, source, partitions[source], start) if source in found else 0,
        )


async def reset(
    settings: Settings, *, start: Start = "beginning", outputs: bool = False
) -> list[topics.Outcome]:
    """Do it, and say what became of the topics. Can be run again where it was interrupted. Raises AdminError.

    In an order in which a worker that starts too early finds all of the old state, or none: local stores;
    what the group has committed; the topics, all in one request.
    """
    async with _admin(settings) as admin:
        await _refuse_what_cannot(settings)
        await _refuse_members(admin, settings)
        wanted = topics.wanted(settings, settings.topics.partitions)
        found = await topics.existing(admin, [topic.name for topic in wanted])
        # Transactional ids name the topics that states read.
        sources = topics.read_by_states(settings)
        read = [topic for topic in wanted if topic.name in found and topic.name in sources]
        await _fence(
            admin, settings, [topic._replace(partitions=found[topic.name].partitions) for topic in read]
        )
        await asyncio.to_thread(shutil.rmtree, settings.data_dir / settings.group, ignore_errors=True)
        for group in _groups(settings, outputs):
            await groups.forget(admin, group)
        doomed = [topic.name for topic in _doomed(settings, wanted, outputs) if topic.name in found]
        await _delete(admin, doomed)
        outcomes = await _create(admin, settings, doomed)
        if start != "beginning":
            source = outcomes[0].topic
            places = await groups.offsets_at(settings, source.name, source.partitions, start)
            await groups.set_offsets(settings, settings.group, places)
        return outcomes


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    try:
        async with connect(settings.connection) as admin:
            yield admin
    except (KafkaError, TimeoutError, OSError) as error:
        raise AdminError(
            f"{settings.broker}: {str(error) or type(error).__name__}", "run this again: it goes on"
        ) from error


async def _refuse_what_cannot(settings: Settings) -> None:
    # tansu hangs up when it is asked for a group's offsets; its lack of transactions tells it apart.
    if not (await probe(settings.connection, f"{settings.group}-probe")).transactions:
        raise AdminError(
            f"the broker at {settings.broker} has no transactions, and cannot delete groups and topics",
            "the embedded one keeps everything in memory: start it anew; or use another group",
        )


async def _refuse_members(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    present = await groups.members(admin, settings.group)
    if present:
        who = ", ".join(f"{member.client} on {member.host}" for member in present)
        raise AdminError(
            f"group {settings.group} has {len(present)} member{'' if len(present) == 1 else 's'}: {who}",
            "stop these workers first. (One that was killed stays a member for 10 s)",
        )


def _doomed(settings: Settings, wanted: Sequence[topics.Topic], outputs: bool) -> Sequence[topics.Topic]:
    """State, and with `outputs` what was published. The notes of replayed dead letters go with these."""
    notes = topics.sent_topic(settings)
    return [
        topic
        for topic in wanted
        if topic.role != "input" and (outputs or (topic.role != "output" and topic.name != notes))
    ]


def _groups(settings: Settings, outputs: bool) -> list[str]:
    return [settings.group, *([f"{settings.group}-dead-letters"] if outputs else [])]


async def _held(settings: Settings, topic: str, partitions: int, start: Start = "beginning") -> int:
    """Offsets from `start` to the end: records, about."""
    first = await groups.offsets_at(settings, topic, partitions, start)
    last = await groups.offsets_at(settings, topic, partitions, "end")
    return sum(max(0, last[place] - first[place]) for place in last)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def _fence(admin: AIOKafkaAdminClient, settings: Settings, read: Sequence[topics.Topic]) -> None:
    """Keep a worker that sleeps, and is no member any more, from writing old state when it wakes up."""
    for topic in read:
        for number in range(topic.partitions):
            producer = await transactions.open_producer(admin, f"{settings.group}-{topic.name}-{number}")
            if producer.error:
                advice = f"let this user write with transactional ids that begin with {settings.group}-"
                found = f"earlier workers cannot be kept from writing: {in_words(producer.error)}"
                raise AdminError(found, advice)


async def _delete(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    if not names:
        return
    reply = await admin.delete_topics(names)
    for name, code in reply.topic_error_codes:
        if code not in (0, _NO_SUCH_TOPIC):
            raise AdminError(
                f"{name} cannot be deleted: {in_words(code)}",
                f"let this user delete {name}, and run this again",
            )
    left: set[str] = set(names)
    try:
        async with asyncio.timeout(_GONE_WITHIN_S):
            while left := left & set(await admin.list_topics()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise AdminError(
            f"still there after {_GONE_WITHIN_S:g} s: {', '.join(sorted(left))}",
            "is a broker of the cluster down? Run this again: it goes on",
        ) from error


async def _create(
    admin: AIOKafkaAdminClient, settings: Settings, deleted: Sequence[str]
) -> list[topics.Outcome]:
    """Make what is missing. The controller may say for a moment that what was deleted exists."""
    deadline_s = asyncio.get_running_loop().time() + _GONE_WITHIN_S
    while True:
        try:
            outcomes = await topics.create(admin, settings)
        except KeyError:  # `create` was told of a topic that exists, and then did not find it
            outcomes = []
        if outcomes or asyncio.get_running_loop().time() > deadline_s:
            return outcomes
        await asyncio.sleep(0.1)
