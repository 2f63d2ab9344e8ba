"""A person's state over HTTP, with the evidence for it, whatever the id looks like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import orjson
import pytest

from stream.explain import explain
from tests.web.serving import Served, applied, stage
from tests.web.shop import Shop
from tests.worker.stage import START_MS, Event


def event(number: int, *, minutes: int, **fields: object) -> dict[str, object]:
    base = {"messageId": f"m{number}", "type": "track", "event": "Order Completed"}
    return {**base, "timestamp": START_MS + minutes * 60_000, **fields}


async def test_it_says_what_footfall_explain_does(shop: Shop) -> None:
    _, latest = await shop.worker.get("/transitions?limit=1000")
    by_person: dict[str, list[str]] = {}
    for one in latest["transitions"]:
        by_person.setdefault(one["person"], []).append(one["reason"])
    there = {name: reasons for name, reasons in by_person.items() if "deleted" not in reasons}
    person = max(there, key=lambda name: len(there[name]))
    status, found = await shop.worker.get(f"/people/{person}")
    assert status == 200
    told = await explain(shop.stage.settings, person)
    assert found["explanation"] == msgspec.to_builtins(told.explanation)
    assert found["transitions"] == msgspec.to_builtins(told.transitions)[-20:]
    assert len(found["transitions"]) >= 3
    assert found["complete"] is True


async def test_nobody_is_told_of_in_a_sentence(shop: Shop) -> None:
    status, found = await shop.worker.get("/people/nobody")
    assert (status, found["error"]) == (
        404,
        "nobody is known by this id: never seen, forgotten, or erased",
    )


def are_all_there(found: dict[str, Any]) -> bool:
    """Whether what the state says of transitions is in the topic, too: a commit comes after an event."""
    return len(found["transitions"]) == found["explanation"]["transitions"]


STRANGE = (
    "a/b",
    "a#b#1",
    "a?b=c&d",
    "50%25",
    "%",
    "..",
    "naïve 人 🙂",
    "with\x00nul",
    "line\nbreak",
    "a+b c",
    '"quoted"\\',
    "x" * 2000,
)


def test_any_id_can_be_asked_for(tansu: str, topic_name: Callable[[str], str], tmp_path: Path) -> None:
    here = stage(tansu, topic_name("strange"), tmp_path)
    events: list[Event] = [
        (person.encode(), orjson.dumps(event(n, minutes=n, userId=person)))
        for n, person in enumerate(STRANGE)
    ]
    events += [
        (b"anonymous:d 1", orjson.dumps(event(100, minutes=1, anonymousId="d 1"))),
    ]
    asyncio.run(here.write(events))

    async def ask(worker: Served) -> None:
        await worker.got("/metrics", applied(len(events)))
        for person in (*STRANGE, "anonymous:d 1"):
            found = await worker.got(f"/people/{quote(person, safe='')}", are_all_there)
            assert found["explanation"]["person"] == person
            assert found["complete"] is True
            ids = [one["transition_id"] for one in found["transitions"]]
            assert ids == [f"{person}#{number + 1}" for number in range(len(ids))]
        assert (await worker.get(f"/people/{'x' * 2001}"))[0] == 400

    with Served(here) as worker:
        asyncio.run(ask(worker))


@pytest.mark.parametrize("path", ["/people/", "/people"])
async def test_without_an_id_there_is_no_page(shop: Shop, path: str) -> None:
    assert (await shop.worker.get(path))[0] == 404
