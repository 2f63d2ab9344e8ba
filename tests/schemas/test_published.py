"""Every record that is published is as its schema says, and says nothing that its schema does not."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator

from stream.core.definition import Definition, Detection, Engagement, Goal
from stream.core.engagement.control import Action, Control, Feedback, encode_json
from stream.core.partition import Partition
from stream.core.records import DeadReason, Reason
from stream.schemas import PUBLISHED, name_of, record_schema
from tests.schemas.logs import HOUR, ROOT, documented_logs, published, refused, simulated_events

OPTIONAL = {("footfall.dead-letter/1", "truncated")}
# Soon alarmed, so that there are incidents, and with long windows, so that there are not too many.
NERVOUS = Definition(
    engagement=Engagement(window_ms=6 * HOUR, goals=(Goal("active.days_30", 100, "2026-02-01"),)),
    detection=Detection(sensitivity=0.3, min_volume=1, warm_up_days=3, resolve_after=1, cooldown_ms=0),
)
SCHEMAS = {name_of(struct): record_schema(struct) for struct in PUBLISHED}


def closed(schema: Any) -> Any:
    """The schema with nothing allowed that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: value if key == "oneOf" else closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        inner.setdefault("additionalProperties", False)
    return inner


STRICT: dict[str, list[Validator]] = {
    name: [Draft202012Validator(closed(deepcopy(schema))), Draft7Validator(closed(deepcopy(schema)))]
    for name, schema in SCHEMAS.items()
}


def validate(values: list[bytes]) -> Counter[str]:
    """Each record against the schema that it names, by both dialects; how many there were of each."""
    seen: Counter[str] = Counter()
    for value in values:
        record = json.loads(value)
        for validator in STRICT[record["schema"]]:
            validator.validate(record)
        seen[record["schema"]] += 1
    return seen


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_valid_2020_12(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_records_of_a_simulated_product(tmp_path: Path) -> None:
    partition, values = published(simulated_events(tmp_path), NERVOUS)
    seen = validate(values)
    assert set(seen) == set(SCHEMAS)
    assert partition.counts.late
    assert partition.counts.duplicate


@pytest.fixture(scope="module")
def documented() -> list[tuple[Partition, list[bytes]]]:
    """What is published of the logs of docs/numbers.md."""
    return [published(values, definition) for values, definition in documented_logs()]


def test_records_of_every_transition_reason(documented: list[tuple[Partition, list[bytes]]]) -> None:
    for _, found in documented:
        validate(found)
    reasons = {reason for partition, _ in documented for _, reason in partition.counts.transitions}
    assert reasons == set(get_args(Reason))


def test_dead_letters_of_every_reason(documented: list[tuple[Partition, list[bytes]]]) -> None:
    dead = refused()
    validate(dead)
    letters = [json.loads(value) for found in (dead, *(found for _, found in documented)) for value in found]
    reasons = {letter["reason"] for letter in letters if letter["schema"] == "footfall.dead-letter/1"}
    assert reasons == set(get_args(DeadReason))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"reason": "activated"}, "a reason that does not lead to its state"),
        ({"kind": "tier"}, "a kind that is not the reason's"),
        ({"at": "2026-01-01T09:00:00Z"}, "a time without milliseconds"),
        ({"at": "2026-01-01T09:00:00.000Z\n"}, "something after the time"),
        ({"definition": "4F9790A511DB"}, "a definition that is no hash"),
        ({"transition_id": "ada#0"}, "an id that counts from 0"),
        ({"schema": "footfall.transition/2"}, "another version"),
        ({"engaged_visits": -1}, "a negative count"),
    ],
)
def test_transition_schema_refuses(change: dict[str, object], name: str) -> None:
    values, definition = next(documented_logs())
    _, found = published(values, definition)
    record = next(json.loads(value) for value in found if b'"registered"' in value)
    validator = Draft202012Validator(SCHEMAS["footfall.transition/1"])
    assert validator.is_valid(record)
    assert not validator.is_valid(record | change), name


def test_dead_letters_that_do_not_carry_all() -> None:
    partition = Partition(Definition(), topic="app-events")
    partition.process([b"x" * 5_000_000], keys=[b"\xff" * 300_000], offsets=[0], arrived_ms=[0])
    [output] = partition.take_outputs()
    assert validate([output.value]) == {"footfall.dead-letter/1": 1}
    assert "truncated" in json.loads(output.value)


@pytest.mark.parametrize("said", [("ack", None), ("snooze", 5_400_000), ("false", None)])
def test_feedback(said: tuple[Action, int | None]) -> None:
    action, for_ms = said
    control = Control("c-1", "channel:web@1767225600000", action, by="ann", at_ms=HOUR, for_ms=for_ms)
    Draft202012Validator(closed(record_schema(Feedback))).validate(json.loads(encode_json(control)))


def test_every_field_is_described() -> None:
    for name, schema in SCHEMAS.items():
        for part in (schema, *schema.get("$defs", {}).values()):
            for field, described in part["properties"].items():
                assert described.get("description"), f"{name}: {field}"
                assert (field in part["required"]) != ((name, field) in OPTIONAL), f"{name}: {field}"


def test_schemas_are_where_a_record_says() -> None:
    for name in SCHEMAS:
        assert (
            json.loads((ROOT / "schemas" / f"{name}.json").read_bytes())["properties"]["schema"]["const"]
            == name
        )
