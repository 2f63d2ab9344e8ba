"""Topics on real brokers: created as they should be, once, and told apart where they are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from stream.admin import Outcome, connect, create, wanted
from stream.admin.topics import existing
from stream.engine.connection import Connection
from stream.settings import Input, Settings, Topics
from tests.broker.log import create_topic

TopicName = Callable[[str], str]

DAY_MS = 86_400_000
SINGLE = ("partials", "engagement-changelog", "control", "control-changelog")
"""The merger's topics, which have one partition whatever the input has."""


def settings_for(address: str, topic_name: TopicName, **changed: object) -> Settings:
    """Settings whose topics no other test has."""
    values = {
        "broker": address,
        "prefix": topic_name("prefix"),
        "group": topic_name("group"),
        "input": Input(topic=topic_name("events")),
        "topics": Topics(partitions=3),
    }
    return Settings(**{**values, **changed})  # type: ignore[arg-type]


async def make(
    settings: Settings, *, input_partitions: int | None = None, dry_run: bool = False
) -> list[Outcome]:
    async with connect(settings.connection) as admin:
        return await create(admin, settings, input_partitions=input_partitions, dry_run=dry_run)


def actions(outcomes: Sequence[Outcome]) -> set[str]:
    return {outcome.action for outcome in outcomes}


def only_difference(outcomes: Sequence[Outcome], name: str) -> tuple[str, str, bool]:
    """The one thing wrong with topic `name`, of which all others are as they should be."""
    assert [o.topic.name for o in outcomes if o.differences] == [name]
    (difference,) = next(outcome for outcome in outcomes if outcome.topic.name == name).differences
    return difference


@pytest.mark.kafka
async def test_all_topics_are_created_with_partitions_retention_and_compaction(
    kafka: str, topic_name: TopicName
) -> None:
    settings = settings_for(kafka, topic_name, topics=Topics(partitions=3, retention_ms=2 * DAY_MS))

    outcomes = await make(settings)

    assert actions(outcomes) == {"created"}
    async with connect(Connection(kafka)) as admin:
        found = await existing(admin, [outcome.topic.name for outcome in outcomes])
    outputs = ("visits", "transitions", "engagement", "incidents", "daily", "dead-letters", "late")
    changelog = f"{settings.group}-profiles-changelog"
    names = [settings.output_topic(output) for output in outputs]
    clocks = f"{settings.group}-clocks"
    sent = f"{settings.group}-dead-letters-sent"
    single = {name: f"{settings.group}-{name}" for name in SINGLE}
    assert list(found) == [settings.input.topic, *names, changelog, *single.values(), clocks, sent]
    assert {found.pop(name).partitions for name in (clocks, sent)} == {1}
    merger = {name: found.pop(topic) for name, topic in single.items()}
    assert {topic.partitions for topic in merger.values()} == {1}
    assert merger["partials"].configs["retention.ms"] == str(3 * DAY_MS)
    assert merger["control"].configs["retention.ms"] == str(2 * DAY_MS)
    compacted = {name for name, topic in merger.items() if topic.configs["cleanup.policy"] == "compact"}
    assert compacted == {"engagement-changelog", "control-changelog"}
    assert {topic.partitions for topic in found.values()} == {3}
    assert {found[name].configs["cleanup.policy"] for name in names} == {"delete"}
    assert {found[name].configs["retention.ms"] for name in names} == {str(2 * DAY_MS)}
    assert found[changelog].configs["cleanup.policy"] == "compact"
    for carrier in ("dead-letters", "late"):
        assert int(found[settings.output_topic(carrier)].configs["max.message.bytes"]) == 8 * 1024 * 1024


@pytest.mark.kafka
async def test_again_nothing_is_done_on_kafka(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    await make(settings)
    outcomes = await make(settings)
    assert actions(outcomes) == {"there already"}
    assert all(outcome.ok for outcome in outcomes)


async def test_again_nothing_is_done_on_tansu(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    assert actions(await make(settings)) == {"created"}
    assert actions(await make(settings)) == {"there already"}


async def test_a_dry_run_creates_nothing(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    outcomes = await make(settings, dry_run=True)
    assert actions(outcomes) == {"would create"}
    async with connect(Connection(tansu)) as admin:
        assert await existing(admin, [outcome.topic.name for outcome in outcomes]) == {}


async def test_the_input_gets_the_partitions_asked_for_and_the_others_follow(
    tansu: str, topic_name: TopicName
) -> None:
    settings = settings_for(tansu, topic_name)
    outcomes = await make(settings, input_partitions=5)
    assert {o.topic.partitions for o in outcomes if o.topic.role not in ("board", "single")} == {5}


async def test_outputs_follow_an_input_that_is_there(tansu: str, topic_name: TopicName) -> None:
    settings = settings_for(tansu, topic_name)
    await create_topic(tansu, settings.input.topic, partitions=2)

    outcomes = await make(settings)

    assert outcomes[0].action == "there already"
    assert {o.topic.partitions for o in outcomes if o.topic.role not in ("board", "single")} == {2}


async def test_an_input_with_other_partitions_than_asked_for_stops_it(
    tansu: str, topic_name: TopicName
) -> None:
    settings = settings_for(tansu, topic_name)
    await create_topic(tansu, settings.input.topic, partitions=2)

    outcomes = await make(settings, input_partitions=5)

    assert only_difference(outcomes, settings.input.topic) == (
        "has 2 partitions, and must have 5",
        "leave --input-partitions out to go with 2",
        True,
    )
    async with connect(Connection(tansu)) as admin:
        assert list(await existing(admin, [topic.name for topic in wanted(settings, 2)])) == [
            settings.input.topic
        ]


async def test_an_output_with_other_partitions_is_an_error_with_ways_out(
    tansu: str, topic_name: TopicName
) -> None:
    settings = settings_for(tansu, topic_name)
    visits = settings.output_topic("visits")
    await create_topic(tansu, visits, partitions=1, cleanup_policy="delete")

    outcomes = await make(settings)

    what, advice, breaks = only_difference(outcomes, visits)
    assert what == f"has 1 partition, and must have 3 as {settings.input.topic} has"
    assert "another prefix" in advice
    assert f"--delete --topic {visits}" in advice
    assert breaks
    assert not all(outcome.ok for outcome in outcomes)


@pytest.mark.kafka
async def test_a_changelog_that_is_not_compacted_is_an_error(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    changelog = f"{settings.group}-profiles-changelog"
    await create_topic(kafka, changelog, partitions=3, max_message_bytes=str(16 * 1024 * 1024))

    what, advice, breaks = only_difference(await make(settings), changelog)

    assert what == "has cleanup.policy delete, which loses state, and must have compact"
    assert "--add-config cleanup.policy=compact" in advice
    assert breaks


@pytest.mark.kafka
async def test_dead_letters_that_are_too_small_for_a_record_are_an_error(
    kafka: str, topic_name: TopicName
) -> None:
    settings = settings_for(kafka, topic_name)
    dead_letters = settings.output_topic("dead-letters")
    await create_topic(kafka, dead_letters, partitions=3)

    what, advice, breaks = only_difference(await make(settings), dead_letters)

    assert what == "takes records of 1,048,588 bytes at most, and needs 8,388,608"
    assert "--add-config max.message.bytes=8388608" in advice
    assert breaks


@pytest.mark.kafka
async def test_another_retention_is_told_and_breaks_nothing(kafka: str, topic_name: TopicName) -> None:
    settings = settings_for(kafka, topic_name)
    visits = settings.output_topic("visits")
    await create_topic(kafka, visits, partitions=3, retention_ms=str(DAY_MS))

    outcomes = await make(settings)

    what, advice, breaks = only_difference(outcomes, visits)
    assert what == "keeps records for 1d, and topics.retention is 7d"
    assert "set topics.retention to 1d, or" in advice
    assert not breaks
    assert all(outcome.ok for outcome in outcomes)


@pytest.mark.kafka
async def test_a_topic_of_the_merger_with_more_partitions_is_an_error_with_the_way_out(
    kafka: str, topic_name: TopicName
) -> None:
    settings = settings_for(kafka, topic_name)
    partials = f"{settings.group}-partials"
    await create_topic(kafka, partials, partitions=3, max_message_bytes=str(8 * 1024 * 1024))

    outcomes = await make(settings)

    (outcome,) = (outcome for outcome in outcomes if outcome.differences)
    assert outcome.topic.name == partials
    wrong, kept = outcome.differences
    assert wrong.what == "has 3 partitions, and must have 1"
    assert "run `footfall reset`" in wrong.advice
    assert wrong.breaks
    assert (kept.what, kept.breaks) == ("keeps records for 7d, and should for 3d", False)


@pytest.mark.kafka
async def test_more_copies_than_brokers_fail_with_the_setting_named(
    kafka: str, topic_name: TopicName
) -> None:
    settings = settings_for(kafka, topic_name, topics=Topics(partitions=3, replication=3))

    outcomes = await make(settings)

    assert actions(outcomes) == {"failed"}
    assert not any(outcome.ok for outcome in outcomes)
    (difference,) = outcomes[0].differences
    assert "only 1 broker(s) are registered" in difference.what
    assert difference.advice == "set topics.replication to no more than the number of brokers"


async def test_an_input_that_is_not_keyed_gets_an_internal_topic_with_partitions_of_its_own(
    tansu: str, topic_name: TopicName
) -> None:
    settings = settings_for(tansu, topic_name)
    settings = replace(settings, input=Input(topic=settings.input.topic, keyed=False))

    outcomes = await make(settings, input_partitions=2)

    assert actions(outcomes) == {"created"}
    partitions = {outcome.topic.name: outcome.topic.partitions for outcome in outcomes}
    group = settings.group
    assert partitions[settings.input.topic] == partitions[f"{group}-routers-changelog"] == 2
    assert partitions[f"{group}-rekeyed"] == partitions[f"{group}-profiles-changelog"] == 3
    assert partitions[settings.output_topic("visits")] == 3
    assert actions(await make(settings)) == {"there already"}
