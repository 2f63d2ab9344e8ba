"""Who is there in a partition, by a look at every profile."""

from __future__ import annotations

from collections import Counter

from stream.core.definition import TIERS
from stream.core.partition import Partition
from stream.core.population import PEOPLE_STATES
from stream.core.profile import STATES, decode


def look(partition: Partition) -> None:
    """Compare what the partition says with what its profiles are."""
    states, tiers, visits = Counter[str](), Counter[str](), 0
    for key in list(partition.keys()):
        profile = decode(partition.value(key) or b"")
        visits += len(profile.open)
        if profile.redirect is not None:
            continue
        if profile.registered is not None:
            states[STATES[profile.state]] += 1
            tiers[TIERS[profile.tier]] += 1
        elif profile.seen.known if profile.seen is not None else key.startswith(b"anonymous:"):
            states["prospect"] += 1
    found = partition.population()
    assert found.states == {state: states[state] for state in PEOPLE_STATES}
    assert found.tiers == {tier: tiers[tier] for tier in TIERS}
    assert found.open_visits == visits
