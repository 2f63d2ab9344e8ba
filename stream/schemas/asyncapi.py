"""The AsyncAPI 3 document over the topics that the worker reads and writes."""

from __future__ import annotations

from typing import Any, NamedTuple

from stream import __version__
from stream.settings import Settings

BINDING = "0.5.0"


class Topic(NamedTuple):
    """One topic as the document has it: `name` without prefix, the file of its schema, the record's key."""

    name: str
    message: str
    schema: str
    key: str
    summary: str


INPUT = Topic(
    "events",
    "event",
    "event.json",
    "The person: `userId`, or `anonymous:` and the `anonymousId`; or what `input.key` names.",
    "A product's events, by the Segment spec.",
)

CONTROL = Topic(
    "control",
    "control",
    "footfall.control/1.json",
    "The incident.",
    "What people say of incidents: acknowledged, snoozed, or a false alarm. `footfall incidents` writes it.",
)

OUTPUTS = (
    Topic(
        "visits",
        "visit",
        "footfall.visit/1.json",
        "The person.",
        "Closed visits: each is published once, when the watermark has passed its end and the gap.",
    ),
    Topic(
        "transitions",
        "transition",
        "footfall.transition/1.json",
        "The person.",
        "Changes of lifecycle state and tier. Those of one person are in order.",
    ),
    Topic(
        "engagement",
        "engagement",
        "footfall.engagement/1.json",
        "The series.",
        "Windows of engagement: once as final, before that from time to time as provisional.",
    ),
    Topic(
        "incidents",
        "incident",
        "footfall.incident/1.json",
        "The series.",
        "Anomalies of engagement, from opened to resolved. Those of one series are in order.",
    ),
    Topic(
        "daily",
        "daily",
        "footfall.daily/1.json",
        "The day.",
        "The report of each local day, once all of it is there.",
    ),
    Topic(
        "late",
        "late",
        "footfall.late/1.json",
        "As read.",
        "Events that came after the watermark had passed them: kept, not applied.",
    ),
    Topic(
        "dead-letters",
        "deadLetter",
        "footfall.dead-letter/1.json",
        "As read.",
        "Records that are no events, with their original bytes and what is wrong.",
    ),
)


TOPICS = (INPUT, CONTROL, *OUTPUTS)


def asyncapi(settings: Settings) -> dict[str, Any]:
    """The document, with the topics as `footfall topics create` makes them under `settings`."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:footfall",
        "info": {
            "title": "Footfall",
            "version": __version__,
            "description": "Visits and lifecycle transitions of a product's users, the product's"
            " engagement and what is unusual about it, from its event stream. One JSON object a record, times"
            " in ISO 8601, in UTC with milliseconds. After a crash on a broker without transactions a record"
            " may come again, under the same id.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": settings.broker, "protocol": "kafka"}},
        "channels": {topic.name: _channel(topic, settings) for topic in TOPICS},
        "operations": {
            "readEvents": _operation("receive", INPUT),
            "readControl": _operation("receive", CONTROL),
            **{f"publish{_pascal(topic.name)}": _operation("send", topic) for topic in OUTPUTS},
        },
        "components": {"messages": {topic.message: _message(topic) for topic in TOPICS}},
    }


def _channel(topic: Topic, settings: Settings) -> dict[str, Any]:
    kafka: dict[str, Any] = {
        "partitions": 1 if topic is CONTROL else settings.topics.partitions,
        "replicas": settings.topics.replication,
    }
    if topic is INPUT:
        address = "{topic}"
        parameters = {"topic": {"default": settings.input.topic, "description": "The setting `input.topic`."}}
    elif topic is CONTROL:
        address = f"{{group}}-{topic.name}"
        parameters = {"group": {"default": settings.group, "description": "The setting `group`."}}
    else:
        address = f"{{prefix}}.{topic.name}"
        parameters = {"prefix": {"default": settings.prefix, "description": "The setting `prefix`."}}
    if topic is not INPUT:
        kafka["topicConfiguration"] = {
            "cleanup.policy": ["delete"],
            "retention.ms": settings.topics.retention_ms,
        }
    return {
        "address": address,
        "description": topic.summary,
        "messages": {topic.message: {"$ref": f"#/components/messages/{topic.message}"}},
        "parameters": parameters,
        "bindings": {"kafka": {**kafka, "bindingVersion": BINDING}},
    }


def _operation(action: str, topic: Topic) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": topic.summary,
        "messages": [{"$ref": f"{channel}/messages/{topic.message}"}],
    }


def _message(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.schema.removesuffix(".json"),
        "contentType": "application/json",
        "payload": {"$ref": f"./{topic.schema}"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": BINDING}
        },
    }


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
