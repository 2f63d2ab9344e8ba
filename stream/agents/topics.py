"""The names of the topics that workers keep for themselves; outputs are `Settings.output_topic`."""

from __future__ import annotations

from stream.core.engagement.partials import PARTIALS
from stream.core.router import REKEYED
from stream.settings import Settings

PROFILES = "profiles"
ROUTERS = "routers"
ENGAGEMENT = "engagement"
CONTROL = "control"
"""Tables: each has a changelog."""


def changelog_topic(settings: Settings, table: str = PROFILES) -> str:
    """The compacted topic from which a table is restored: what Faust names it for the table."""
    return f"{settings.group}-{table}-changelog"


def rekeyed_topic(settings: Settings) -> str:
    """The internal topic of a stream that is not keyed by person."""
    return f"{settings.group}-{REKEYED}"


def clocks_topic(settings: Settings) -> str:
    """The compacted topic by which workers tell each other of their partitions' time."""
    return f"{settings.group}-clocks"


def partials_topic(settings: Settings) -> str:
    """The internal topic, of one partition, by which partitions tell the merger their sums."""
    return f"{settings.group}-{PARTIALS}"


def control_topic(settings: Settings) -> str:
    """The topic, of one partition, by which people tell the merger what they think of incidents."""
    return f"{settings.group}-{CONTROL}"
