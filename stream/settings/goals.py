"""`[[goal]]`: the figures of the daily report that a goal can be set for."""

from __future__ import annotations

from typing import get_args

import msgspec

from stream.core import records
from stream.core.definition import TIERS


def _fields(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


GOAL_METRICS = (
    *(f"traffic.{name}" for name in _fields(records.Traffic)),
    *(f"{who}.{name}" for who in ("active", "visitors") for name in _fields(records.Reached)),
    *(f"people_by_state.{state}" for state in get_args(records.State) if state != "deleted"),
    *(f"people_by_tier.{tier}" for tier in TIERS),
    *(f"sources.{name}" for name in ("activated", "reactivated", "resurrected", "retained")),
    *(f"losses.{name}" for name in ("lapsed", "deleted")),
    *("registrations", "churned", "pseudo_active", "base"),
    *("new_user_ratio", "activity", "retention", "churn_rate"),
)
"""Paths into `records.Daily`."""
