"""Looking after the topics that Footfall needs, and checking that a worker could run."""

from stream.admin.check import checks
from stream.admin.connection import AdminError, connect
from stream.admin.finding import Check
from stream.admin.rights import needed
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
    "needed",
    "wanted",
]
