"""What people say of an incident: acknowledged, snoozed, a false alarm."""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from msgspec import Struct

from stream.core.times import format_ms, parse_ms

Action = Literal["ack", "snooze", "false"]

LONGEST_SNOOZE_MS = 31 * 86_400_000
LONGEST_TEXT = 500

_QUOTED = re.compile(r""" ['"].*?(?= - at |$)""", re.DOTALL)


class Control(Struct, frozen=True, array_like=True, tag=4):
    """One word on one incident. `control_id` is unique: a repeat changes nothing.

    `at_ms` is when it was said, by the clock of who said it; `for_ms` how long a snooze lasts, from the end
    of the last window that is final when it arrives.
    """

    control_id: str
    incident_id: str
    action: Action
    by: str
    at_ms: int
    for_ms: int | None = None
    reason: str | None = None


class Feedback(Struct, kw_only=True, frozen=True):
    """What somebody says of an incident. Topic `<group>-control`, in one partition.

    `ack` notes that it is seen to, and keeps it from paging. `snooze` keeps its series from opening or
    updating incidents for `for_s` seconds of event time. `false` is a false alarm: it ends the incident, and
    its series must be less usual for some days to open another. `control_id` is unique: a repeat changes
    nothing.
    """

    schema: Literal["footfall.control/1"] = "footfall.control/1"
    control_id: str
    incident_id: str
    action: Action
    by: str
    at: str
    for_s: float | None = None
    reason: str | None = None


def encode_json(control: Control) -> bytes:
    """As a record of the control topic."""
    return msgspec.json.encode(
        Feedback(
            control_id=control.control_id,
            incident_id=control.incident_id,
            action=control.action,
            by=control.by,
            at=format_ms(control.at_ms),
            for_s=None if control.for_ms is None else control.for_ms / 1000,
            reason=control.reason,
        )
    )


def decode_json(value: bytes) -> Control:
    """A record of the control topic. Raises ValueError, with what is wrong, for anything else."""
    try:
        written = msgspec.json.decode(value, type=Feedback)
    except msgspec.MsgspecError as error:
        # Without what it quotes: this is logged, and whoever wrote the record may have put anybody into it.
        raise ValueError(f"not a control record: {_QUOTED.sub('', str(error))}") from error
    at_ms = parse_ms(written.at)
    if at_ms is None:
        raise ValueError("not a control record: `at` is no time with an offset")
    if not written.control_id or not written.incident_id:
        raise ValueError("not a control record: `control_id` and `incident_id` may not be empty")
    for_ms = None if written.for_s is None else round(written.for_s * 1000)
    if written.action == "snooze" and (for_ms is None or not 0 < for_ms <= LONGEST_SNOOZE_MS):
        raise ValueError(
            f"not a control record: a snooze takes `for_s` from 0 to {LONGEST_SNOOZE_MS // 1000} seconds, "
            f"got {written.for_s}"
        )
    return Control(
        control_id=written.control_id[:LONGEST_TEXT],
        incident_id=written.incident_id,
        action=written.action,
        by=written.by[:LONGEST_TEXT],
        at_ms=at_ms,
        for_ms=for_ms,
        reason=None if written.reason is None else written.reason[:LONGEST_TEXT],
    )
