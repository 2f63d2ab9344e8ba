"""One thing that `footfall check` looked at."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Status = Literal["ok", "warn", "fail"]


class Check(Struct, frozen=True):
    """One thing looked at: what was found, and what to do about it where it is not `ok`."""

    name: str
    status: Status
    found: str
    advice: str | None = None
