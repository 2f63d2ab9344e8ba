"""JSON Schemas and the AsyncAPI document, generated from the code: `python -m stream.schemas schemas/`."""

from __future__ import annotations

import json
from pathlib import Path

from stream.core.engagement.control import Feedback
from stream.schemas.asyncapi import asyncapi
from stream.schemas.event import event_schema
from stream.schemas.published import PUBLISHED, name_of, record_schema
from stream.settings import Settings
from stream.simulate.truth import Truth

__all__ = ["PUBLISHED", "documents", "name_of", "record_schema", "write"]


def documents() -> dict[str, str]:
    """All documents by file name. A record's schema is at what its `schema` field says, with `.json`."""
    contents = {f"{name_of(struct)}.json": record_schema(struct) for struct in PUBLISHED}
    contents |= {f"{name_of(struct)}.json": record_schema(struct) for struct in (Feedback, Truth)}
    contents |= {"event.json": event_schema(), "asyncapi.json": asyncapi(Settings())}
    return {
        name: json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        for name, content in sorted(contents.items())
    }


def write(folder: Path) -> list[Path]:
    """Writes all documents into `folder`, over what is there; returns their paths."""
    paths = []
    for name, text in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
