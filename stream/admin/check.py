"""What has to be right before a worker runs, checked one thing after the other."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.admin import rights, sample, topics, transactions
from stream.admin.connection import AdminError, connect, in_words
from stream.admin.finding import Check, Status
from stream.settings import Settings, remarks

NOT_AUTHORISED_FOR_TRANSACTIONS = 53


async def checks(settings: Settings) -> AsyncIterator[Check]:
    """All checks, in an order in which each needs only what came before; ends early where none can follow."""
    for check in _local(settings):
        yield check
    try:
        async with connect(settings.connection) as admin:
            cluster = await admin.describe_cluster()
            size = f"cluster {cluster['cluster_id']}, brokers: {len(cluster['brokers'])}"
            yield Check("broker", "ok", f"{settings.broker} answers ({size})")
            async for check in _on_broker(admin, settings):
                yield check
    except AdminError as error:
        yield Check("broker", "fail", error.found, error.advice)
    except (KafkaError, TimeoutError, OSError) as error:
        yield Check(
            "broker", "fail", f"stopped answering: {error!r}", "see the broker's log, and check again"
        )


def _local(settings: Settings) -> Iterator[Check]:
    unwise = remarks(settings)
    for remark in unwise:
        yield Check("configuration", "warn", remark)
    if not unwise:
        yield Check("configuration", "ok", f"valid; its definition is {settings.definition.hash()}")
    yield _data_dir(settings.data_dir)
    yield _web_port(settings.web.host, settings.web.port)


def _data_dir(folder: Path) -> Check:
    nearest = folder.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Check("data_dir", "ok", f"{folder} can be written")
    return Check("data_dir", "fail", f"{nearest} cannot be written", "set data_dir to a folder that can be")


def _web_port(host: str, port: int) -> Check:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        advice = "if that is not a worker that already runs, set web.host and web.port to what is free"
        return Check("web", "warn", f"{host}:{port} cannot be listened on: {error.strerror}", advice)
    return Check("web", "ok", f"{host}:{port} is free")


async def _on_broker(admin: AIOKafkaAdminClient, settings: Settings) -> AsyncIterator[Check]:
    found_access = await rights.look(admin, settings)
    for check in found_access.checks:
        yield check
    producer = await transactions.open_producer(admin, f"{settings.group}-check")
    yield _transactions(settings, producer)
    found = await topics.existing(admin, [topic.name for topic in topics.wanted(settings, 1)])
    for check in _topics(settings, found, found_access.hidden):
        yield check
    if settings.input.topic in found:
        yield await _events(settings)
    ours = [name for name in found if name != settings.input.topic]
    if ours and producer.error:
        yield Check("writing", "ok", "not tried: without transactions only a record could tell")
    elif ours:
        yield await _writing(admin, settings, producer, ours)


def _transactions(settings: Settings, producer: transactions.Producer) -> Check:
    name, guarantee = "transactions", settings.guarantee
    there = "available" if producer.error == 0 else f"none ({in_words(producer.error)})"
    if guarantee == "at_least_once":
        return Check(name, "ok", f"{there}; guarantee = at_least_once does without")
    if producer.error == 0:
        return Check(name, "ok", f"{there}: exactly once, by guarantee = {guarantee}")
    ways_out = "use a broker with transactions (one node needs transaction.state.log.replication.factor=1)"
    if producer.error == NOT_AUTHORISED_FOR_TRANSACTIONS:
        ways_out = f"let this user use transactional ids that begin with {settings.group}-"
    if guarantee == "exactly_once":
        advice = f"{ways_out}, or set guarantee = auto"
        return Check(name, "fail", f"{there}, which guarantee = exactly_once needs", advice)
    advice = f"nothing, if a crash may repeat outputs under the same ids; else {ways_out}"
    return Check(name, "warn", f"{there}: at least once, by guarantee = auto", advice)


def _topics(
    settings: Settings, found: Mapping[str, topics.Existing], hidden: Collection[str]
) -> Iterator[Check]:
    events = found.get(settings.input.topic)
    wanted = topics.wanted(settings, events.partitions if events else settings.topics.partitions)
    for topic in wanted:
        if topic.name in found:
            yield _topic(topic, found[topic.name], settings)
    # Of those that are hidden nobody can say here whether they are there.
    if missing := [topic.name for topic in wanted if topic.name not in found and topic.name not in hidden]:
        advice = "run `footfall topics create`"
        if events is None:
            advice = f"set input.topic to the topic that has the events, or {advice}"
        yield Check(
            "topics", "fail", f"missing, or not to be seen by this user: {', '.join(missing)}", advice
        )


def _topic(topic: topics.Topic, found: topics.Existing, settings: Settings) -> Check:
    name = f"topic {topic.name}"
    unlike = topics.differences(topic, found, settings)
    if unlike:
        status: Status = "fail" if any(difference.breaks for difference in unlike) else "warn"
        what = "; ".join(difference.what for difference in unlike)
        return Check(name, status, what, "; ".join(difference.advice for difference in unlike))
    policy = found.configs.get("cleanup.policy")
    return Check(name, "ok", topics.count(found.partitions) + (f", {policy}" if policy else ""))


async def _events(settings: Settings) -> Check:
    """Whether the input may be read, and whether what is in it makes sense."""
    name, topic = "events", settings.input.topic
    try:
        seen = await sample.take(settings)
    except (KafkaError, TimeoutError) as error:
        return Check(name, "fail", f"{topic} cannot be read: {error!r}", f"let this user read {topic}")
    if seen.records == 0:
        return Check(name, "warn", f"{topic} has no records", "send some: footfall simulate")
    dead = seen.dead.total()
    about = f"the newest {seen.records:,} of about {seen.held:,} records"
    if dead == 0:
        return Check(name, "ok", f"{about} can be read")
    reasons = ", ".join(f"{count} {reason}" for reason, count in seen.dead.most_common())
    status: Status = "fail" if dead / seen.records > settings.dead_letters.max_ratio else "warn"
    return Check(name, status, f"of {about}, {dead} would be dead letters: {reasons}", seen.example)


async def _writing(
    admin: AIOKafkaAdminClient, settings: Settings, producer: transactions.Producer, names: list[str]
) -> Check:
    name = "writing"
    refused = await transactions.try_writing(admin, producer, topics=names, group=settings.group)
    if refused.topics:
        found = f"{', '.join(refused.topics)}: {in_words(next(iter(refused.topics.values())))}"
        return Check(name, "fail", found, "let this user write to these topics")
    if refused.group:
        found = f"group {settings.group}: {in_words(refused.group)}"
        return Check(name, "fail", found, f"let this user read group {settings.group}")
    found = f"all {len(names)} of our topics and group {settings.group} took part in a transaction"
    return Check(name, "ok", f"{found} (aborted, nothing written)")
