"""The column mapping of a table: which column, or which fixed text, becomes which field of an event."""

from __future__ import annotations

import csv

from msgspec import Struct

IDENTITY = ("userId", "anonymousId", "previousId")
PLAIN_FIELDS = ("messageId", "type", "event", "timestamp", "receivedAt", *IDENTITY)
NESTED_FIELDS = ("properties", "traits", "context")
FORM = "FIELD=COLUMN or FIELD==TEXT"


class ColumnError(ValueError):
    """A mapping that cannot be meant; the message says which entry, and what would be right."""


class Column(Struct, frozen=True):
    """One field of the event: `path` (a dotted one, split) from `source`, a column's name or a fixed text."""

    path: tuple[str, ...]
    source: str
    literal: bool = False

    @property
    def field(self) -> str:
        return ".".join(self.path)


def read_columns(entries: tuple[str, ...]) -> tuple[Column, ...]:
    """Reads `userId=customer_id,event==Order Completed,properties.total=amount`, in one text or several.

    `FIELD=COLUMN` takes a column, `FIELD==TEXT` a fixed text; an entry with a comma in it goes in double
    quotes. Raises `ColumnError` for an unknown or repeated field, or when a needed one is not there.
    """
    columns: list[Column] = []
    for text in entries:
        columns += [_column(entry.strip()) for entry in next(csv.reader([text]), []) if entry.strip()]
    fields = [column.field for column in columns]
    for field in fields:
        if fields.count(field) > 1:
            raise ColumnError(f"{field} is mapped twice")
    if "timestamp" not in fields:
        raise ColumnError("no column for the time: add timestamp=COLUMN")
    if not set(fields) & set(IDENTITY[:2]):
        raise ColumnError("no column for the person: add userId=COLUMN or anonymousId=COLUMN")
    if "event" not in fields and "type" not in fields:
        raise ColumnError(
            "no column for what happened: add event=COLUMN, or event==NAME where it is always the same"
        )
    return tuple(columns)


def _column(entry: str) -> Column:
    field, separator, source = entry.partition("=")
    field, source = field.strip(), source.strip()
    literal = source.startswith("=")
    source = source[1:].strip() if literal else source
    if not separator or not field or not source:
        raise ColumnError(f"{entry!r} is not of the form {FORM}")
    path = tuple(field.split("."))
    plain = len(path) == 1 and field in PLAIN_FIELDS
    nested = len(path) > 1 and path[0] in NESTED_FIELDS and all(path)
    if not plain and not nested:
        known = ", ".join(PLAIN_FIELDS)
        below = ", ".join(f"{name}.NAME" for name in NESTED_FIELDS)
        raise ColumnError(f"{field!r} is no field of an event; there are {known}, {below}")
    return Column(path, source, literal)
