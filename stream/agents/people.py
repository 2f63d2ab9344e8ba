"""Tells the metrics who is in a partition: the gauges that add up over all of them."""

from __future__ import annotations

from msgspec.structs import asdict

from stream.core.population import Population
from stream.metrics import Metrics


def show(metrics: Metrics, partition: str, population: Population) -> None:
    """Set the gauges of a partition to who is there now."""
    for state, count in population.states.items():
        metrics.people.labels(partition, state).set(count)
    for tier, count in population.tiers.items():
        metrics.people_by_tier.labels(partition, tier).set(count)
    for kind, reached in (("registered", population.registered), ("visitor", population.visitors)):
        for name, count in asdict(reached).items():
            metrics.active_people.labels(partition, kind, name.removeprefix("days_")).set(count)
    metrics.open_visits.labels(partition).set(population.open_visits)
