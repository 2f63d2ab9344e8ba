"""Erasing a person over HTTP: who may, what it does, and that a replay of the log agrees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from stream.core.definition import Definition
from stream.web.erasing import deletion_event
from tests.broker.log import read
from tests.web.serving import Served, applied, stage
from tests.web.shop import TOKEN, Shop
from tests.worker.stage import DAY_MS, START_MS, Event, Stage, closing, encoded, ordered, simulated

BEARER = f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("header", "status", "says"),
    [
        ({}, 401, "Authorization: Bearer"),
        ({"Authorization": "Basic Zm9v"}, 401, "Authorization: Bearer"),
        ({"Authorization": "Bearer "}, 401, "Authorization: Bearer"),
        ({"Authorization": "Bearer wrong"}, 403, "not the worker's web.token"),
        ({"Authorization": f"Bearer {TOKEN}x"}, 403, "not the worker's web.token"),
    ],
)
async def test_nobody_erases_without_the_token(
    shop: Shop, header: dict[str, str], status: int, says: str
) -> None:
    found = await shop.worker.ask("DELETE", "/people/usr_1", **header)
    assert found[0] == status
    assert says in found[1]["error"]
    assert TOKEN not in found[1]["error"]


def test_whoever_is_erased_is_gone_and_a_replay_of_the_log_agrees(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    here = stage(tansu, topic_name("erased"), tmp_path, extra=f'web.token_file = "{token}"')
    events = simulated(users=60, days=20)
    asyncio.run(here.write(events))

    async def erase(worker: Served) -> None:
        await worker.got("/metrics", applied(len(events)))
        found = await worker.got("/transitions?limit=1000", lambda found: len(people_of(found)) >= 3)
        persons = people_of(found)[:3]
        for person in persons:
            status, accepted = await worker.ask("DELETE", f"/people/{person}", Authorization=BEARER)
            assert status == 202
            assert accepted["person"] == person
            gone = await worker.got(f"/people/{person}", lambda _: True, status=404)
            assert "erased" in gone["error"]
        # Among the last, if not the very last: another partition may commit what was before a little later.
        await worker.got(
            "/transitions?limit=1000",
            lambda found: (
                {one["person"] for one in found["transitions"] if one["reason"] == "deleted"} >= {*persons}
            ),
        )
        # A token that is changed holds from then on.
        token.write_text("another")
        assert (await worker.ask("DELETE", "/people/x", Authorization=BEARER))[0] == 403
        assert (await worker.ask("DELETE", "/people/anonymous:", Authorization="Bearer another"))[0] == 404
        last = closing(here.partitions, START_MS + 21 * DAY_MS)
        await here.write(last)
        await worker.got("/metrics", applied(len(events) + len(persons) + len(last)))
        worker.process.terminate()
        await asyncio.to_thread(worker.process.wait, 30)

    with Served(here) as worker:
        asyncio.run(erase(worker))
    asyncio.run(agrees(here, tmp_path))


def people_of(found: dict[str, Any]) -> list[str]:
    """Whom an answer tells of, each once."""
    return list(dict.fromkeys(one["person"] for one in found["transitions"]))


def of_the_shop(lines: list[bytes]) -> list[bytes]:
    """Without those who only move the watermarks to where the replay ends."""
    return [line for line in lines if b'"person":"last-' not in line]


async def agrees(here: Stage, tmp_path: Path) -> None:
    log = await read(here.address, here.settings.input.topic)
    source: list[Event] = [(record.key, record.value) for record in log]
    deletions = [orjson.loads(value or b"") for _, value in source if b"footfall-erase-" in (value or b"")]
    assert len(deletions) == 3
    # In a stream of the past it happens by the stream's own time, not today: nothing after it is late.
    assert all(one["timestamp"] < "2026-01-22" for one in deletions)
    replayed = await here.replay(source, tmp_path / "replayed", until_ms=START_MS + 21 * DAY_MS)
    for output, key in (("visits", "visit_id"), ("transitions", "transition_id")):
        published = [line for _, line in await here.published(output)]
        assert ordered(of_the_shop(published), key) == ordered(of_the_shop(replayed[output]), key), output
    assert of_the_shop(encoded(await here.people())) == of_the_shop(replayed["people"])
    assert not await here.published("late")


@pytest.mark.parametrize(
    ("definition", "event"),
    [
        (Definition(), "Account Deleted"),
        (Definition(deletion_events=("A", "B")), "A"),
        (Definition(deletion_events=()), None),
        # by its raw name, where the canonical one is taken for something else
        (Definition(deletion_events=("Gone",), aliases={"Gone": "Went", "user_gone": "Gone"}), "user_gone"),
        (Definition(deletion_events=("Gone",), aliases={"Gone": "Went"}), None),
        (Definition(deletion_events=("Gone", "Left"), ignore_events=("Go*",)), "Left"),
    ],
)
def test_the_event_is_one_that_the_definition_takes_for_a_deletion(
    definition: Definition, event: str | None
) -> None:
    assert deletion_event(definition) == event


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("deletion_events = []", "deletion_events is empty"),
        ('input.key = "context.groupId"', "the input is keyed by context.groupId (input.key)"),
    ],
)
def test_a_stream_without_such_an_event_refuses(
    tansu: str, topic_name: Callable[[str], str], tmp_path: Path, extra: str, says: str
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    here = stage(tansu, topic_name("none"), tmp_path, extra=f'web.token_file = "{token}"\n{extra}')
    with Served(here) as worker:
        status, found = asyncio.run(worker.ask("DELETE", "/people/usr_1", Authorization=BEARER))
    assert status == 409
    assert says in found["error"]


def test_without_a_token_nobody_erases(tansu: str, topic_name: Callable[[str], str], tmp_path: Path) -> None:
    here = stage(tansu, topic_name("untold"), tmp_path)
    with Served(here) as worker:
        status, found = asyncio.run(worker.ask("DELETE", "/people/usr_1", Authorization=BEARER))
    assert status == 403
    assert "web.token" in found["error"]
