"""A moment as an option takes it: `2026-01-31T08:00:00Z`, or `2h` for two hours ago."""

from __future__ import annotations

import time
from typing import Any

import click

from stream.core.times import parse_ms
from stream.settings.durations import parse_duration


class Moment(click.ParamType):
    """In milliseconds since 1970."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        at = parse_ms(value)
        if at is not None:
            return at
        ago = parse_duration(value)
        if ago is not None and not value.strip().isdigit():
            return int(time.time() * 1000) - ago
        raise click.BadParameter(
            f"{value!r} is neither a time with an offset, such as 2026-01-31T08:00:00Z, nor how long ago it "
            "was, such as 2h or 7d",
            ctx,
            param,
        )


MOMENT = Moment()
