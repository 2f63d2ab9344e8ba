"""The topics that Footfall needs: what they should be like, what they are like, and making them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.admin.connection import AdminError, in_words
from stream.agents.topics import (
    CONTROL,
    ENGAGEMENT,
    PROFILES,
    ROUTERS,
    changelog_topic,
    clocks_topic,
    control_topic,
    partials_topic,
    rekeyed_topic,
)
from stream.settings import OUTPUTS, Settings, format_duration

Role = Literal["input", "output", "internal", "changelog", "single", "board"]
"""`single` are the topics of the merger, which have one partition; `board` are notes that workers post."""
Action = Literal["created", "would create", "there already", "differs", "failed"]

CARRIES_A_RECORD = ("dead-letters", "late")

# More than any dead letter or late event takes: of what is larger, they carry only the beginning
# (stream/core/publishing.py), however large a record the input allows.
CARRIER_BYTES = 8 * 1024 * 1024
# A profile holds the ids of a person's events inside the lateness: thousands, of a robot. One that is too
# large for its topic would end the worker at each start.
PROFILE_BYTES = 16 * 1024 * 1024
# Only closed segments are compacted, and what is not compacted is read at every start.
CHANGELOG_SEGMENT_BYTES = 64 * 1024 * 1024
# How long a deletion can be read. A local store that was away for longer is not gone on with (stream/engine,
# `folders.KEEP_S`, which is a little less).
TOMBSTONES_MS = 24 * 3_600_000

# What was sent and not merged when all workers stopped is merged when they start again: after a long
# weekend, too. It is bulky while windows are open: in small segments, so that what is old goes soon.
PARTIALS_MS = 3 * 24 * 3_600_000
PARTIALS_SEGMENT_BYTES = 64 * 1024 * 1024

_COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": str(CHANGELOG_SEGMENT_BYTES),
    "delete.retention.ms": str(TOMBSTONES_MS),
}

_VISIBLE_WITHIN_S = 10.0
_ALREADY_EXISTS = 36
_NOT_AUTHORISED = (29, 31)
_BAD_REPLICATION = 38


class Topic(NamedTuple):
    """A topic as it should be; `configs` are those of its settings that matter."""

    name: str
    role: Role
    partitions: int
    configs: Mapping[str, str]


class Existing(NamedTuple):
    """A topic as it is; `configs` holds what the broker tells of its settings."""

    partitions: int
    configs: Mapping[str, str]


class Difference(NamedTuple):
    """How a topic is not as it should be. `breaks`: a worker must not run on it."""

    what: str
    advice: str
    breaks: bool


class Outcome(NamedTuple):
    """What became of one topic."""

    topic: Topic
    action: Action
    differences: tuple[Difference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether a worker can run on the topic."""
        return self.action != "failed" and not any(difference.breaks for difference in self.differences)


def wanted(settings: Settings, partitions: int) -> list[Topic]:
    """All topics of a worker, the input first.

    All have the input's number of `partitions`, but for the boards and those of the merger, which have one.
    Where the input is not keyed by person, only the routers' changelog does, and the others have
    `topics.partitions`, as the internal topic.
    """
    read, partitions = partitions, partitions if settings.input.keyed else settings.topics.partitions
    events = Topic(settings.input.topic, "input", read, {"cleanup.policy": "delete"})
    outputs = [
        Topic(settings.output_topic(name), "output", partitions, _output_configs(settings, name))
        for name in OUTPUTS
    ]
    profiles = _COMPACTED | {"max.message.bytes": str(PROFILE_BYTES)}
    changelog = Topic(changelog_topic(settings, PROFILES), "changelog", partitions, profiles)
    # One partition, for a few records that workers tell each other.
    clocks = Topic(clocks_topic(settings), "board", 1, {"cleanup.policy": "compact"})
    sent = Topic(sent_topic(settings), "board", 1, _COMPACTED)
    ends = [*_of_the_merger(settings), clocks, sent]
    if settings.input.keyed:
        return [events, *outputs, changelog, *ends]
    configs = {
        "cleanup.policy": "delete",
        "retention.ms": str(settings.topics.retention_ms),
        "max.message.bytes": str(CARRIER_BYTES),
    }
    rekeyed = Topic(rekeyed_topic(settings), "internal", partitions, configs)
    routers = Topic(changelog_topic(settings, ROUTERS), "changelog", read, _COMPACTED)
    return [events, *outputs, rekeyed, changelog, routers, *ends]


def _of_the_merger(settings: Settings) -> list[Topic]:
    partials = {
        "cleanup.policy": "delete",
        "retention.ms": str(PARTIALS_MS),
        "segment.bytes": str(PARTIALS_SEGMENT_BYTES),
        "max.message.bytes": str(CARRIER_BYTES),
    }
    control = {"cleanup.policy": "delete", "retention.ms": str(settings.topics.retention_ms)}
    engagement = _COMPACTED | {"max.message.bytes": str(CARRIER_BYTES)}
    return [
        Topic(partials_topic(settings), "single", 1, partials),
        Topic(changelog_topic(settings, ENGAGEMENT), "single", 1, engagement),
        Topic(control_topic(settings), "single", 1, control),
        Topic(changelog_topic(settings, CONTROL), "single", 1, _COMPACTED),
    ]


def read_by_states(settings: Settings) -> set[str]:
    """The topics that a worker's states are made from: the input, what is re-keyed, and the merger's."""
    internal = [partials_topic(settings), control_topic(settings)]
    return {settings.input.topic, *internal, *([] if settings.input.keyed else [rekeyed_topic(settings)])}


def sent_topic(settings: Settings) -> str:
    """Which dead letters `footfall dead-letters replay` has sent back: a note each, kept for ever."""
    return f"{settings.group}-dead-letters-sent"


def _output_configs(settings: Settings, name: str) -> dict[str, str]:
    configs = {"cleanup.policy": "delete", "retention.ms": str(settings.topics.retention_ms)}
    if name in CARRIES_A_RECORD:
        configs["max.message.bytes"] = str(CARRIER_BYTES)
    return configs


async def existing(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, Existing]:
    """Those of the topics `names` that there are, by name."""
    # All topics are listed: asking for one by name can create it.
    partitions = {found["topic"]: len(found["partitions"]) for found in await admin.describe_topics()}
    present = [name for name in names if name in partitions]
    configs = await _configs(admin, present)
    return {name: Existing(partitions[name], configs.get(name, {})) for name in present}


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    replies = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    found: dict[str, dict[str, str]] = {}
    for reply in replies:
        for code, _, _, name, entries, *_ in reply.resources:
            if code == 0:
                found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def differences(topic: Topic, found: Existing, settings: Settings) -> tuple[Difference, ...]:
    """In what `found` is not the `topic` that it should be. Settings that the broker keeps to itself pass."""
    unlike: list[Difference] = []
    if found.partitions != topic.partitions:
        unlike.append(_wrong_partitions(topic, found, settings))
    policy = found.configs.get("cleanup.policy", topic.configs.get("cleanup.policy"))
    if policy != topic.configs.get("cleanup.policy", policy):
        unlike.append(_wrong_policy(topic, str(policy), settings))
    limit, needed = found.configs.get("max.message.bytes"), topic.configs.get("max.message.bytes")
    if limit is not None and needed is not None and int(limit) < int(needed):
        unlike.append(
            Difference(
                f"takes records of {int(limit):,} bytes at most, and needs {int(needed):,}",
                _alter(settings, topic, f"max.message.bytes={needed}"),
                breaks=topic.configs["cleanup.policy"] != "compact",
            )
        )
    kept, wish = found.configs.get("retention.ms"), topic.configs.get("retention.ms")
    if kept is not None and wish is not None and kept != wish:
        unlike.append(_other_retention(topic, kept, wish, settings))
    return tuple(unlike)


def _other_retention(topic: Topic, kept: str, wish: str, settings: Settings) -> Difference:
    alter = _alter(settings, topic, f"retention.ms={wish}")
    if topic.name == partials_topic(settings):
        what = f"keeps records for {_shown_ms(kept)}, and should for {_shown_ms(wish)}"
        return Difference(what, alter, breaks=False)
    what = f"keeps records for {_shown_ms(kept)}, and topics.retention is {_shown_ms(wish)}"
    return Difference(what, f"set topics.retention to {_shown_ms(kept)}, or {alter}", breaks=False)


def _wrong_partitions(topic: Topic, found: Existing, settings: Settings) -> Difference:
    reset = (
        "stop the workers and run `footfall reset`, which tells what that means and asks first; "
        "or use another group"
    )
    ways_out = {
        "input": f"leave --input-partitions out to go with {found.partitions}",
        "output": "use another prefix, or, where its records may go, delete it and run "
        f"`footfall topics create` again: {_delete(settings, topic)}",
        "internal": "set topics.partitions to what it has; or stop the workers and run `footfall reset`",
        "changelog": reset,
        "single": reset,
        "board": f"delete it and run `footfall topics create` again: {_delete(settings, topic)}",
    }
    what = f"has {count(found.partitions)}, and must have {topic.partitions}"
    if topic.role in ("output", "changelog"):
        what += f" as {_like(topic, settings)} has"
    return Difference(what, ways_out[topic.role], breaks=True)


def _like(topic: Topic, settings: Settings) -> str:
    """The topic whose partitions a topic's go with."""
    if settings.input.keyed or topic.name == changelog_topic(settings, ROUTERS):
        return settings.input.topic
    return rekeyed_topic(settings)


def _wrong_policy(topic: Topic, policy: str, settings: Settings) -> Difference:
    needed = topic.configs["cleanup.policy"]
    loses = "state" if needed == "compact" else "all but the last record of a person"
    return Difference(
        f"has cleanup.policy {policy}, which loses {loses}, and must have {needed}",
        _alter(settings, topic, f"cleanup.policy={needed}"),
        breaks=topic.role != "input",
    )


def _alter(settings: Settings, topic: Topic, config: str) -> str:
    tool = f"kafka-configs.sh --bootstrap-server {settings.broker} --alter --entity-type topics"
    return f"{tool} --entity-name {topic.name} --add-config {config}"


def _delete(settings: Settings, topic: Topic) -> str:
    return f"kafka-topics.sh --bootstrap-server {settings.broker} --delete --topic {topic.name}"


def count(partitions: int) -> str:
    """`1 partition`, `8 partitions`."""
    return "1 partition" if partitions == 1 else f"{partitions} partitions"


def _shown_ms(milliseconds: str) -> str:
    return "ever" if milliseconds == "-1" else format_duration(int(milliseconds))


async def create(
    admin: AIOKafkaAdminClient,
    settings: Settings,
    *,
    input_partitions: int | None = None,
    dry_run: bool = False,
) -> list[Outcome]:
    """Make the topics that are missing, and say of each what became of it, the input first.

    The input, where there is none, gets `input_partitions`, else `topics.partitions`; where there is
    one, its number of partitions is everyone's. Changes nothing that exists. Nothing is made where
    the input has another number than `input_partitions`.
    """
    found = await existing(admin, [topic.name for topic in wanted(settings, 1)])
    present = found.get(settings.input.topic)
    if present is not None and input_partitions not in (None, present.partitions):
        topic = Topic(settings.input.topic, "input", input_partitions, {})
        return [Outcome(topic, "differs", (_wrong_partitions(topic, present, settings),))]
    partitions = present.partitions if present else input_partitions or settings.topics.partitions
    topics = wanted(settings, partitions)
    missing = [topic for topic in topics if topic.name not in found]
    if dry_run:
        made = {topic.name: Outcome(topic, "would create") for topic in missing}
    else:
        made = await _create(admin, settings, missing)
        # Made by someone else in this moment.
        found |= await existing(admin, [topic.name for topic in missing if topic.name not in made])
    return [made.get(topic.name) or _compare(topic, found[topic.name], settings) for topic in topics]


def _compare(topic: Topic, found: Existing, settings: Settings) -> Outcome:
    unlike = differences(topic, found, settings)
    return Outcome(topic, "differs" if unlike else "there already", unlike)


async def _create(
    admin: AIOKafkaAdminClient, settings: Settings, topics: Sequence[Topic]
) -> dict[str, Outcome]:
    """What became of `topics` by name, but for those that turn out to be there already."""
    if not topics:
        return {}
    copies = settings.topics.replication
    reply = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, copies, topic_configs=dict(topic.configs))
            for topic in topics
        ]
    )
    errors = {error[0]: error[1:] for error in reply.topic_errors}
    outcomes = {
        topic.name: _created(topic, *errors[topic.name])
        for topic in topics
        if errors[topic.name][0] != _ALREADY_EXISTS
    }
    failed = {name for name, outcome in outcomes.items() if outcome.action == "failed"}
    await _until_visible(admin, errors.keys() - failed)
    return outcomes


def _created(topic: Topic, code: int, message: str | None = None) -> Outcome:
    if code == 0:
        return Outcome(topic, "created")
    advice = "see the broker's log"
    if code in _NOT_AUTHORISED:
        advice = f"the user needs Create on topic {topic.name}, or on the cluster"
    elif code == _BAD_REPLICATION:
        advice = "set topics.replication to no more than the number of brokers"
    return Outcome(topic, "failed", (Difference(in_words(code, message), advice, breaks=True),))


async def _until_visible(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """Wait until brokers tell of the topics: the controller knows of them a moment earlier."""
    hidden = names
    try:
        async with asyncio.timeout(_VISIBLE_WITHIN_S):
            while hidden := names - set(await admin.list_topics()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise AdminError(
            f"these topics exist, but the broker does not show them: {', '.join(sorted(hidden))}",
            "let this user describe them, or, if that is so, run this again in a while",
        ) from error
