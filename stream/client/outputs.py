"""What a subscriber may follow: for each output how its records are read, and by what a repeat is known."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

R = TypeVar("R", bound=Struct)


class RecordError(Exception):
    """A record is not what this version of the library reads; the message says where it stands."""


class _Named(Struct):
    schema: str


class Output(Struct, Generic[R], frozen=True):
    """One output. `name` is that of its topic behind the prefix; a repeat has the same `identity`.

    `wanted` says of a record whether the subscriber asked for it; None: for all.
    """

    name: str
    record: type[R]
    identity: Callable[[R], Hashable]
    wanted: Callable[[R], bool] | None = None

    def decoder(self) -> Callable[[bytes], R]:
        """Reads a record. Raises RecordError: newer fields are passed over, newer schemas are not."""
        decode: Callable[[bytes], R] = msgspec.json.Decoder(self.record).decode
        schema = msgspec.structs.fields(self.record)[0].default

        def read(value: bytes) -> R:
            try:
                return decode(value)
            except msgspec.DecodeError as error:
                raise RecordError(f"{_difference(value, schema)}: {error}") from error

        return read


def _difference(value: bytes, schema: str) -> str:
    try:
        found = msgspec.json.decode(value, type=_Named).schema
    except msgspec.DecodeError:
        return f"no record of {schema}"
    if found == schema:
        return f"a record of {schema} with something that this version of footfall does not know"
    return f"a record of {found}, and this version of footfall reads {schema}"
