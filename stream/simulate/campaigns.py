"""When the product sends what: the weekly plan of newsletters and push recalls."""

from __future__ import annotations

from typing import NamedTuple

from stream.simulate.schedule import DAY_MS, HOUR_MS, WEEK_MS

_FIRST_MONDAY_MS = 4 * DAY_MS


class Campaign(NamedTuple):
    """A UTM triple, as it stands in `context.campaign`."""

    name: str
    source: str
    medium: str


NEWSLETTER = Campaign("weekly-deals", "newsletter", "email")
CART_REMINDER = Campaign("cart-reminder", "lifecycle", "email")
COME_BACK = Campaign("come-back", "app", "push")

# Offsets into the week, Monday 00:00 UTC first.
PLAN = (
    (18 * HOUR_MS, COME_BACK),
    (1 * DAY_MS + 10 * HOUR_MS, NEWSLETTER),
    (3 * DAY_MS + 18 * HOUR_MS, COME_BACK),
    (5 * DAY_MS + 17 * HOUR_MS, COME_BACK),
)


def next_send(t_ms: int) -> tuple[int, Campaign]:
    """The first send at or after `t_ms`."""
    rest = (t_ms - _FIRST_MONDAY_MS) % WEEK_MS
    monday = t_ms - rest
    for offset, campaign in PLAN:
        if offset >= rest:
            return monday + offset, campaign
    return monday + WEEK_MS + PLAN[0][0], PLAN[0][1]


def next_newsletter(t_ms: int) -> int:
    """The first newsletter strictly after `t_ms`."""
    offset = PLAN[1][0]
    week = (t_ms - _FIRST_MONDAY_MS - offset) // WEEK_MS + 1
    return _FIRST_MONDAY_MS + offset + week * WEEK_MS
