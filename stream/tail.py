"""Follows Footfall's output topics."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

import msgspec

from stream.settings import OUTPUTS, Settings
from stream.topic_reader import open_reader

_decode = msgspec.json.Decoder(dict[str, object]).decode


class Published(NamedTuple):
    """A record as published: the output's name (or the topic's, where it is none of ours) and its JSON."""

    name: str
    value: bytes


def topic_of(settings: Settings, name: str) -> str:
    """The topic that `transitions`, or a topic's whole name, stands for."""
    return settings.output_topic(name) if name in OUTPUTS else name


async def tail(
    settings: Settings, names: Sequence[str], *, person: str | None = None, from_beginning: bool = False
) -> AsyncGenerator[Published, None]:
    """Records of outputs as they are committed, only those of `person` where one is given; never ends.

    Raises ReadError where there is no broker or no such topic.
    """
    topics = {topic_of(settings, name): name for name in names}
    short = {settings.output_topic(name): name for name in OUTPUTS}
    async with open_reader(settings.connection) as reader:
        async for record in reader.follow(list(topics), from_beginning=from_beginning):
            if record.value is None or (person is not None and not concerns(person, record.value)):
                continue
            yield Published(short.get(record.topic, record.topic), record.value)


def concerns(person: str, value: bytes) -> bool:
    """Whether a record names the person in its field `person`."""
    try:
        return _decode(value).get("person") == person
    except msgspec.DecodeError:
        return False
