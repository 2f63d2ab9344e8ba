"""Looking after the topics that Footfall needs, and checking that a worker could run."""

from stream.admin.check import Check, checks
from stream.admin.connection import AdminError, connect
from stream.admin.topics import Difference, Outcome, Topic, count, create, wanted

__all__ = [
    "AdminError",
    "Check",
    "Difference",
    "Outcome",
    "Topic",
    "checks",
    "connect",
    "count",
    "create",
    "wanted",
]
