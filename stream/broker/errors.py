"""The one error that starting a broker raises."""

from __future__ import annotations


class BrokerError(Exception):
    """A broker that did not start, or died. The text says what was wrong and what would be right."""
