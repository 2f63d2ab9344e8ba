"""The JSON Schemas of what Footfall publishes: the types of the records' Structs, with their meanings."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import msgspec
from msgspec import Struct

from stream.core import records
from stream.schemas.dialect import DIALECT
from stream.schemas.meanings import FIELDS
from stream.schemas.truth import TRUTH_FIELDS

Schema = dict[str, Any]

PUBLISHED: tuple[type[Struct], ...] = (
    records.Visit,
    records.Transition,
    records.Late,
    records.DeadLetter,
    records.Engagement,
    records.Incident,
    records.Daily,
    records.Person,
    records.Explanation,
)

_LIFECYCLE_TO: dict[records.Reason, tuple[records.State, ...]] = {
    "registered": ("new",),
    "imported": ("silent",),
    "activated": ("active",),
    "stalled": ("silent",),
    "lapsed": ("silent", "new"),
    "reactivated": ("active",),
    "resurrected": ("active",),
    "churned": ("churned",),
    "hibernated": ("hibernating",),
    "returned": ("silent",),
    "deleted": ("deleted",),
}


def name_of(struct: type[Struct]) -> str:
    """The record's schema and version as its `schema` field has them: `footfall.visit/1`."""
    return str(msgspec.structs.fields(struct)[0].default)


def record_schema(struct: type[Struct]) -> Schema:
    """The schema of one kind of record. A field without a meaning is a KeyError: nothing goes undescribed."""
    generated = msgspec.json.schema(struct)
    definitions = {name: _described(name, schema) for name, schema in generated["$defs"].items()}
    record = definitions.pop(struct.__name__)
    name = name_of(struct)
    head: Schema = {
        "$schema": DIALECT,
        "$id": "urn:" + name.replace(".", ":schema:", 1).replace("/", ":"),
        "title": record.pop("title"),
        "description": inspect.getdoc(struct),
    }
    record["properties"]["schema"] = {"description": "This schema and its version.", "const": name}
    record["required"] = ["schema", *record["required"]]
    head |= {key: value for key, value in record.items() if key != "description"}
    if struct is records.Transition:
        head["oneOf"] = _changes()
    if definitions:
        head["$defs"] = definitions
    return head


def _described(struct_name: str, schema: Schema) -> Schema:
    meanings = (FIELDS | TRUTH_FIELDS)[struct_name]
    for name, generated in schema["properties"].items():
        if name != "schema":
            meaning = meanings[name]
            schema["properties"][name] = (
                {"description": meaning.description} | _plain(generated) | dict(meaning.narrowed)
            )
    return schema


def _plain(generated: Schema) -> Schema:
    """`string or null` in one word instead of two alternatives; null last, whatever msgspec's version."""
    alternatives = sorted(generated.get("anyOf", []), key=lambda one: one.get("type") == "null")
    if not alternatives:
        return generated
    if all(set(alternative) == {"type"} for alternative in alternatives):
        return {"type": [alternative["type"] for alternative in alternatives]}
    return {"anyOf": alternatives}


def _changes() -> list[Schema]:
    """Which states and tiers a transition can be between, by its reason."""
    tiers = list(get_args(records.Tier))
    states = [state for state in get_args(records.State) if state != "deleted"]
    lifecycle = [
        {
            "properties": {
                "kind": {"const": "lifecycle"},
                "reason": {"const": reason},
                "from": {"enum": [None, *states, *(["deleted"] if reason == "registered" else [])]},
                "to": {"enum": list(after)},
            }
        }
        for reason, after in _LIFECYCLE_TO.items()
    ]
    tier = {
        "properties": {
            "kind": {"const": "tier"},
            "reason": {"enum": ["tier_up", "tier_down"]},
            "from": {"enum": tiers},
            "to": {"enum": tiers},
            "days_in_previous": {"type": "integer"},
        }
    }
    return [*lifecycle, tier]
