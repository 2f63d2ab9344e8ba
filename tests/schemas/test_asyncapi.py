"""The AsyncAPI document is valid, its references lead somewhere, and it has the topics that are written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from stream.agents.topics import control_topic
from stream.schemas import documents
from stream.settings import OUTPUTS, Settings

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "schemas"
DOCUMENT = json.loads(documents()["asyncapi.json"])


def references(node: Any) -> Iterator[str]:
    """Every `$ref` in the document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from references(one)


def resolve(reference: str) -> Any:
    """What a reference leads to; raises KeyError or OSError where that is nothing."""
    file, _, pointer = reference.partition("#")
    node = json.loads((FOLDER / file).read_bytes()) if file else DOCUMENT
    for part in pointer.split("/")[1:]:
        node = node[part]
    return node


def test_valid_by_the_official_schema() -> None:
    schema = json.loads(gzip.decompress((HERE / "asyncapi-3.0.0.json.gz").read_bytes()))
    errors = sorted(Draft7Validator(schema).iter_errors(DOCUMENT), key=lambda error: error.json_path)
    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []


def test_the_official_schema_would_notice() -> None:
    schema = json.loads(gzip.decompress((HERE / "asyncapi-3.0.0.json.gz").read_bytes()))
    broken = json.loads(json.dumps(DOCUMENT))
    broken["operations"]["readEvents"]["action"] = "subscribe"
    assert not Draft7Validator(schema).is_valid(broken)


@pytest.mark.parametrize("reference", sorted(set(references(DOCUMENT))))
def test_reference_leads_somewhere(reference: str) -> None:
    assert resolve(reference)


def test_operations_use_messages_of_their_own_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


def test_channels_are_the_topics_of_the_worker() -> None:
    addresses = {
        channel["address"].format(**{name: given["default"] for name, given in channel["parameters"].items()})
        for channel in DOCUMENT["channels"].values()
    }
    settings = Settings()
    written = [settings.output_topic(name) for name in OUTPUTS]
    assert addresses == {settings.input.topic, control_topic(settings), *written}


def test_messages_are_named_by_the_schema_field() -> None:
    for name, message in DOCUMENT["components"]["messages"].items():
        if name != "event":
            payload = resolve(message["payload"]["$ref"])
            assert payload["properties"]["schema"]["const"] == message["name"]
