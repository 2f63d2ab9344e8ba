"""A population that was never there: restored, it is what a worker would have; who comes is known."""

from __future__ import annotations

from itertools import chain

import pytest

from bench.grown import Population, Samples, ids_of, samples
from bench.input import DAY_MS, START_MS, generate
from stream.core.definition import Definition
from stream.core.engagement.census import standing
from stream.core.partition import Partition
from stream.core.profile import PROGRESS_KEY, decode

PARTITIONS = 2
PERSONS = 700
EVENTS = 400


@pytest.fixture(scope="module")
def found() -> Samples:
    return samples(events=3_000, persons=300)


@pytest.fixture
def population(found: Samples) -> Population:
    met = [[], []]
    for chunk in generate(EVENTS, partitions=PARTITIONS, persons=PERSONS):
        for number, records in enumerate(chunk):
            met[number] += [ids for one in records if (ids := ids_of(one)) is not None]
    return Population(found, PERSONS, met)


def restored(population: Population, number: int) -> Partition:
    partition = Partition(Definition(), number=number)
    for key, value in population.changes(number):
        partition.restore(key, value)
    partition.restored()
    return partition


def test_there_are_as_many_persons_as_were_asked_for(population: Population) -> None:
    partitions = [restored(population, number) for number in range(PARTITIONS)]
    known = sum(sum(partition.population().states.values()) for partition in partitions)
    closing = PARTITIONS  # somebody new, who closes the visits of the samples
    assert known == PERSONS + closing
    assert sum(len(partition) for partition in partitions) == population.profiles


def test_who_is_there_is_what_a_count_of_all_profiles_finds(population: Population) -> None:
    partition = restored(population, 0)
    profiles = [(key.decode(), decode(partition.value(key) or b"")) for key in list(partition.keys())]
    counted = standing(profiles, None)
    assert {state: n for state, n in partition.population().states.items() if n} == counted.states


def test_nobody_who_comes_is_new(population: Population) -> None:
    for number in range(PARTITIONS):
        partition = restored(population, number)
        records = list(
            chain.from_iterable(
                chunk[number] for chunk in generate(EVENTS, partitions=PARTITIONS, persons=PERSONS)
            )
        )
        partition.process(
            [one.value for one in records],
            keys=[one.key for one in records],
            offsets=range(len(records)),
            arrived_ms=[START_MS + 30 * DAY_MS] * len(records),
        )
        registered = partition.counts.transitions.get(("lifecycle", "registered"), 0)
        assert partition.counts.visits > 10
        assert registered <= 1  # who closes the partition


def test_the_partition_s_own_record_comes_last(population: Population) -> None:
    assert [key for key, _ in population.changes(0)][-1] == PROGRESS_KEY
