"""The first record of a changelog partition: what its state was made from, and so who may go on with it."""

from __future__ import annotations

import uuid

import msgspec
from msgspec import Struct

from stream.engine.errors import RecoveryError
from stream.engine.state import OWN_PREFIX

LAYOUT_KEY = OWN_PREFIX + b"layout"


class Layout(Struct, frozen=True):
    """`incarnation` is the log's own: another one means that it was begun anew.

    `input` is the topic with that many `partitions`, keyed by `key`; `keyed` says by whom: its producers,
    or Footfall itself.
    """

    incarnation: str
    input: str
    partitions: int
    key: str
    keyed: bool

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


def new_incarnation() -> str:
    return uuid.uuid4().hex


def decode(value: bytes) -> Layout:
    """Raises RecoveryError where a newer version has written it."""
    try:
        return msgspec.json.decode(value, type=Layout)
    except msgspec.DecodeError as error:
        raise RecoveryError(
            f"the changelog's layout record can't be read ({error}): was it written by a newer version?"
        ) from error


def check(changelog: str, found: Layout, wanted: Layout) -> None:
    """Raises RecoveryError where the state in `changelog` was made from something else than now."""
    differences = [
        f"{what} was {_show(was)}, and is {_show(now)}"
        for what, was, now in (
            ("the input", found.input, wanted.input),
            (f"its number of partitions ({wanted.input})", found.partitions, wanted.partitions),
            ("what it is keyed by (input.key)", found.key, wanted.key),
            ("input.keyed", found.keyed, wanted.keyed),
        )
        if was != now
    ]
    if differences:
        raise RecoveryError(
            f"the state in {changelog} belongs to another layout: {'; '.join(differences)}. Persons would be "
            "looked for in the wrong partition. Go back to the old setting; or begin anew, with "
            "`footfall reset`, which asks before it deletes the state, or with another `group`"
        )


def _show(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
