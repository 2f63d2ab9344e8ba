"""`/states` is what the persons' own states add up to."""

from __future__ import annotations

from collections import Counter

from tests.web.shop import Shop


async def test_states_and_tiers_are_those_of_the_persons(shop: Shop) -> None:
    people = await shop.stage.people()
    status, found = await shop.worker.get("/states")
    assert status == 200
    assert found["partitions"] == found["counted"] == shop.stage.partitions
    states = Counter(person.state for person in people)
    assert {name: n for name, n in found["people"].items() if n and name != "prospect"} == states
    assert {name: n for name, n in found["tiers"].items() if n} == Counter(person.tier for person in people)
    assert found["people"]["prospect"] > 50
    assert found["registered"]["days_30"] > found["registered"]["days_7"] >= found["registered"]["days_1"] > 0


async def test_they_are_the_sum_of_the_partitions(shop: Shop) -> None:
    _, all_of = await shop.worker.get("/states")
    _, own = await shop.worker.get("/partitions")
    parts = own["partitions"].values()
    assert sorted(own["partitions"]) == ["0", "1"]
    for state, count in all_of["people"].items():
        assert count == sum(part["population"]["states"][state] for part in parts)
    assert all_of["open_visits"] == sum(part["population"]["open_visits"] for part in parts)
    assert all_of["as_of"] == min(part["as_of"] for part in parts)
