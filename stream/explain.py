"""Finds a person's state, and the evidence for it, in what a worker keeps in Kafka."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from stream.core.partition import Partition
from stream.core.partitioner import partition_for
from stream.core.records import Explanation, Transition
from stream.engine.state import OWN_PREFIX
from stream.settings import Settings
from stream.topic_reader import TopicReader, open_reader

MOST_TRANSITIONS = 50

_decode_transition = msgspec.json.Decoder(Transition).decode


class Evidence(Struct, kw_only=True):
    """What is known of the person asked for. `explanation` is None for one unknown, forgotten or erased.

    `explanation.person` is another id where an anonymous one was joined to a user. `transitions` are the
    latest there still are, oldest first.
    """

    asked: str
    explanation: Explanation | None
    transitions: list[Transition]

    @property
    def known(self) -> bool:
        """Whether there is anything to show."""
        return self.explanation is not None or bool(self.transitions)


class TransitionsOf:
    """Collects one person's latest transitions from encoded records, in the order they come."""

    def __init__(self, person: str) -> None:
        self._person = person
        self._mark = msgspec.json.encode(person)
        self._found: deque[Transition] = deque(maxlen=MOST_TRANSITIONS)

    def add(self, values: Iterable[bytes | None]) -> None:
        for value in values:
            if value is not None and self._mark in value:
                transition = _decode_transition(value)
                if transition.person == self._person:
                    self._found.append(transition)

    def found(self) -> list[Transition]:
        return list(self._found)


async def explain(settings: Settings, person: str) -> Evidence:
    """A person's state from the worker's changelog, and their transitions from the output topic.

    Reads the partition where Kafka's own partitioner puts the person, and the others only where the person
    is not in it. Raises ReadError where there is no broker, or no worker has run with this `group`.
    """
    async with open_reader(settings.connection) as reader:
        explanation = await _from_changelog(reader, settings, person)
        transitions = TransitionsOf(explanation.person if explanation else person)
        topic = settings.output_topic("transitions")
        for number in _likeliest_first(
            explanation.person if explanation else person, await reader.partitions(topic)
        ):
            async for record in reader.read(topic, number):
                transitions.add((record.value,))
            if transitions.found():
                break
    return Evidence(asked=person, explanation=explanation, transitions=transitions.found())


async def _from_changelog(reader: TopicReader, settings: Settings, person: str) -> Explanation | None:
    changelog = f"{settings.group}-profiles-changelog"
    for number in _likeliest_first(person, await reader.partitions(changelog)):
        partition = Partition(settings.definition, topic=settings.input.topic, number=number)
        async for record in reader.read(changelog, number):
            if record.key is not None and not record.key.startswith(OWN_PREFIX):
                partition.restore(record.key, record.value)
        partition.restored()
        explanation = partition.explain(person)
        if explanation is not None:
            return explanation
    return None


def _likeliest_first(person: str, partitions: int) -> list[int]:
    home = partition_for(person.encode(), partitions)
    return [home, *(number for number in range(partitions) if number != home)]
