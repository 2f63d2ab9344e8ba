"""Any worker answers for its group: of persons and numbers that are with others, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pytest

from stream.core.partitioner import partition_for
from tests.web.serving import Served, applied, stage
from tests.worker.stage import START_MS, Event

PARTITIONS = 4


def registrations(count: int) -> list[Event]:
    return [
        (
            f"usr_{n}".encode(),
            orjson.dumps(
                {"messageId": f"m{n}", "type": "page", "userId": f"usr_{n}", "timestamp": START_MS + n * 1000}
            ),
        )
        for n in range(count)
    ]


def owns(found: dict[str, Any]) -> list[int]:
    return sorted(map(int, found["partitions"]))


async def shared(*workers: Served) -> list[list[int]]:
    """Which partitions each has, once all have some."""
    while True:
        numbers = [owns((await worker.get("/partitions"))[1]) for worker in workers]
        if all(numbers) and sorted(chain(*numbers)) == list(range(PARTITIONS)):
            return numbers
        await asyncio.sleep(0.1)


def person_in(partitions: list[int]) -> str:
    return next(
        f"usr_{n}" for n in range(200) if partition_for(f"usr_{n}".encode(), PARTITIONS) in partitions
    )


@pytest.mark.kafka
def test_two_workers_answer_alike_and_one_goes_on_when_the_other_is_killed(
    kafka: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = stage(kafka, topic_name("routing"), tmp_path, partitions=PARTITIONS)
    asyncio.run(here.write(registrations(200)))

    async def both(one: Served, other: Served) -> str:
        async with asyncio.timeout(60):
            numbers = await shared(one, other)
        for worker in (one, other):
            await worker.got("/readyz", lambda text: text == "ready\n")
            states = await worker.got("/states", lambda found: sum(found["people"].values()) == 200)
            assert (states["partitions"], states["counted"]) == (PARTITIONS, PARTITIONS)
            assert states["people"]["new"] == 200
            for owner in numbers:
                person = person_in(owner)
                found = await worker.got(f"/people/{person}", lambda found: found["transitions"])
                assert found["explanation"]["person"] == person
                assert [line["transition_id"] for line in found["transitions"]] == [f"{person}#1"]
            assert (await worker.get("/people/nobody"))[0] == 404
        return person_in(numbers[1])

    async def without(one: Served, person: str) -> None:
        status, found = await one.get(f"/people/{person}")
        assert status == 502
        assert "web.advertise" in found["error"]
        _, states = await one.get("/states")
        assert states["counted"] < PARTITIONS == states["partitions"]

    async def alone(one: Served, person: str) -> None:
        # Those in between say why not: the other does not answer, or partitions change hands.
        found = await one.got(f"/people/{person}", lambda found: found["transitions"])
        assert found["explanation"]["person"] == person
        await one.got("/states", lambda found: found["counted"] == PARTITIONS)

    with Served(here) as one:
        with Served(here, log="other.log") as other:
            person = asyncio.run(both(one, other))
            other.process.kill()
            other.process.wait()
            asyncio.run(without(one, person))
        # It comes back at another port, the same member to Kafka: it has its partitions, and is found there.
        with Served(here, log="again.log") as other:
            for worker in (other, one):
                asyncio.run(alone(worker, person))
                asyncio.run(worker.got("/readyz", lambda text: text == "ready\n"))
        # And then it is gone for good.
        asyncio.run(alone(one, person))


def test_an_anonymous_id_leads_to_its_user_on_another_partition(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    here = stage(tansu, topic_name("joined"), tmp_path, partitions=PARTITIONS, extra="input.keyed = false")
    user = "usr_1"
    device = next(
        f"d{n}"
        for n in range(100)
        if partition_for(f"anonymous:d{n}".encode(), PARTITIONS) != partition_for(user.encode(), PARTITIONS)
    )
    seen = {"messageId": "m1", "type": "page", "anonymousId": device, "timestamp": START_MS}
    joins = {"messageId": "m2", "type": "identify", "anonymousId": device, "userId": user}
    events: list[Event] = [
        (None, orjson.dumps(seen)),
        (None, orjson.dumps(joins | {"timestamp": START_MS + 1000})),
    ]
    asyncio.run(here.write(events))

    async def ask(worker: Served) -> None:
        await worker.got("/metrics", applied(len(events)))
        found = await worker.got(
            f"/people/anonymous:{device}", lambda found: found["explanation"]["person"] == user
        )
        assert found["explanation"]["joined_ids"] == [f"anonymous:{device}"]
        found = await worker.got(f"/people/{user}", lambda found: found["transitions"])
        assert found["transitions"][-1]["transition_id"] == f"{user}#1"

    with Served(here) as worker:
        asyncio.run(ask(worker))
