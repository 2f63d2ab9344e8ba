"""For services that subscribe: typed records of the output topics, each once, from where they left off.

    async with transitions("win-back") as changes:
        async for change in changes:
            if change.reason == "lapsed":
                await write_to(change.person)

The settings are those of `footfall.toml` and the environment, as for every command, unless given.
"""

from __future__ import annotations

import os

from stream.client.outputs import Output, RecordError
from stream.client.subscription import Beginning, Subscription, SubscriptionError
from stream.core.records import Daily, Engagement, Incident, Transition, Visit
from stream.settings import Settings, load

__all__ = [
    "Daily",
    "Engagement",
    "Incident",
    "RecordError",
    "Settings",
    "Subscription",
    "SubscriptionError",
    "Transition",
    "Visit",
    "daily",
    "engagement",
    "incidents",
    "transitions",
    "visits",
]


def transitions(
    group: str, *, settings: Settings | None = None, begin: Beginning = "earliest"
) -> Subscription[Transition]:
    """Changes of lifecycle state and tier. `group` is the service's name, under which its place is kept.

    `begin` is where a new service begins: with what is still there, or with what comes.
    """
    output = Output("transitions", Transition, lambda change: change.transition_id)
    return Subscription(output, group, _or_load(settings), begin)


def visits(
    group: str, *, settings: Settings | None = None, begin: Beginning = "earliest"
) -> Subscription[Visit]:
    """Closed visits. The arguments are those of `transitions`."""
    return Subscription(
        Output("visits", Visit, lambda visit: visit.visit_id), group, _or_load(settings), begin
    )


def incidents(
    group: str, *, settings: Settings | None = None, begin: Beginning = "earliest"
) -> Subscription[Incident]:
    """Incidents opened, updated and resolved, without provisional ones. Otherwise as `transitions`."""
    output = Output(
        "incidents", Incident, lambda incident: incident.record_id, lambda incident: not incident.provisional
    )
    return Subscription(output, group, _or_load(settings), begin)


def engagement(
    group: str, *, settings: Settings | None = None, begin: Beginning = "earliest"
) -> Subscription[Engagement]:
    """Final windows of all series; without those that are provisional. Otherwise as `transitions`."""
    output = Output(
        "engagement", Engagement, lambda window: window.window_id, lambda window: window.status == "final"
    )
    return Subscription(output, group, _or_load(settings), begin)


def daily(
    group: str, *, settings: Settings | None = None, begin: Beginning = "earliest"
) -> Subscription[Daily]:
    """Daily reports. The arguments are those of `transitions`."""
    return Subscription(Output("daily", Daily, lambda report: report.day), group, _or_load(settings), begin)


def _or_load(settings: Settings | None) -> Settings:
    return load(None, os.environ) if settings is None else settings
