"""The JSON Schema dialect of all documents, and patterns that mean the same to every validator."""

from __future__ import annotations

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def end_of_text(pattern: str) -> str:
    """The pattern, anchored at the very end: in some languages `$` matches before a last newline too."""
    return pattern + r"(?!\n)$"
