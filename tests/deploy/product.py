"""A shop whose visitors come at a steady rate, second by second, and whose payments can fail."""

from __future__ import annotations

import random
import sys

import orjson

VISITS_A_SECOND = 6
USERS = 3_000
ADD_SHARE = 0.4
ORDER_SHARE = 0.5

Event = tuple[bytes, bytes]
"""Key and value of a record."""


class Shop:
    """Visits of random users: a page, often a product added, often an order; each seed has its own."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._sent = 0
        self.fails_from_ms = self.fails_until_ms = sys.maxsize

    def second(self, start_ms: int) -> list[Event]:
        """The events of the second that begins at `start_ms`, by time. No orders while payments fail."""
        can_pay = not self.fails_from_ms <= start_ms < self.fails_until_ms
        events: list[tuple[int, Event]] = []
        for _ in range(VISITS_A_SECOND):
            user = f"user-{self._random.randrange(USERS)}"
            channel = "app" if self._random.random() < 0.6 else "web"
            at_ms = start_ms + self._random.randrange(1_000)
            names = ["Product Viewed"]
            if self._random.random() < ADD_SHARE:
                names.append("Product Added")
            if self._random.random() < ORDER_SHARE and can_pay:
                names.append("Order Completed")
            events += [(at_ms, self._event(name, user, channel, at_ms)) for name in names]
        return [event for _, event in sorted(events, key=lambda event: event[0])]

    def _event(self, name: str, user: str, channel: str, at_ms: int) -> Event:
        self._sent += 1
        value = {
            "messageId": f"m-{self._sent}",
            "type": "track",
            "event": name,
            "userId": user,
            "timestamp": at_ms,
            "context": {"channel": channel},
        }
        return user.encode(), orjson.dumps(value)
