"""Each ACL that a worker needs, taken away: `check` and the worker name it, and say what gives it back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.access import Names, grant, missing, needed
from stream.admin import Check, checks
from stream.cli import main
from stream.engine.access import Access
from stream.engine.errors import EngineError
from stream.settings import Settings
from stream.worker import work
from tests.security.acls import Acl, give, parse, take
from tests.security.conftest import PASSWORD, USER, Fortress
from tests.security.ways import listed, settings_for, stage
from tests.worker.stage import Stage

WORKER_ACLS = (
    "Read-topic-literal",
    "Write-topic-prefixed .",
    "Read-topic-prefixed -",
    "Write-topic-prefixed -",
    "Read-group-literal",
    "Write-transactional-id-prefixed",
)
SETTLED_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def here(fortress: Fortress, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage whose user has all the ACLs of a worker."""
    folder = tmp_path_factory.mktemp("access")

    async def prepare() -> Stage:
        here = await stage(fortress, "access", folder, settings_for(fortress, "SCRAM"))
        await give(fortress.open, listed(here.config))
        return here

    return asyncio.run(prepare())


async def accesses(settings: Settings) -> list[Check]:
    """What `check` finds about what a worker may do."""
    return [check async for check in checks(settings) if check.name.startswith("access to ")]


async def failing(settings: Settings, count: int) -> list[Check]:
    """The failed ones, once there are so many: brokers hear of ACLs a moment after they are made."""
    try:
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while True:
                found = [check for check in await accesses(settings) if check.status == "fail"]
                if len(found) == count:
                    return found
    except TimeoutError:
        raise AssertionError(f"not {count}: {found}") from None


def chosen(acls: list[Acl], which: str) -> Acl:
    kind, _, end = which.partition(" ")
    (acl,) = (acl for acl in acls if str(acl) == kind and acl.name.endswith(end))
    return acl


@pytest.mark.kafka
def test_the_acls_below_are_all_that_are_listed(here: Stage) -> None:
    acls = listed(here.config)
    assert {chosen(acls, which) for which in WORKER_ACLS} == set(acls)
    assert {acl.principal for acl in acls} == {f"User:{USER}"}


@pytest.mark.kafka
@pytest.mark.parametrize("which", WORKER_ACLS)
async def test_one_taken_away_is_named_with_what_gives_it_back(
    fortress: Fortress, here: Stage, which: str
) -> None:
    acl = chosen(listed(here.config), which)
    assert await failing(here.settings, 0) == []
    await take(fortress.open, acl)
    try:
        (check,) = await failing(here.settings, 1)
        assert acl.resource in check.name
        assert f"User:{USER} may not {acl.operation} {acl.resource} {acl.name}" in check.found
        assert check.advice is not None
        assert parse(check.advice) == [acl]
        with pytest.raises(EngineError) as refused:
            await work(here.settings)
        assert str(refused.value).splitlines()[1].strip() == check.advice
    finally:
        await give(fortress.open, [acl])


@pytest.mark.kafka
async def test_what_other_commands_lack_is_told_and_fails_nothing(here: Stage) -> None:
    await failing(here.settings, 0)
    found = {check.name: check async for check in checks(here.settings)}
    assert {name for name, check in found.items() if check.status == "fail"} == set()
    lacking = {name.removeprefix("access for ") for name in found if name.startswith("access for ")}
    assert {"topics create", "tail", "simulate --broker", "dead-letters replay", "reset"} <= lacking
    assert "Create" in found["access for topics create"].found


@pytest.mark.kafka
async def test_without_any_acl_nothing_is_taken_for_missing(
    fortress: Fortress, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    settings = settings_for(fortress, "SCRAM")
    hidden = await stage(fortress, topic_name("hidden"), tmp_path, settings)
    found = [check async for check in checks(hidden.settings)]
    assert "topics" not in {check.name for check in found if check.status == "fail"}
    with pytest.raises(EngineError, match="does not let User:footfall do all that a worker must"):
        await work(hidden.settings)


@pytest.mark.kafka
def test_topics_create_names_what_it_lacks(here: Stage, tmp_path: Path) -> None:
    config = tmp_path / "other.toml"
    config.write_text(re.sub('prefix = "[^"]*"', 'prefix = "not-ours"', here.config.read_text()))
    result = CliRunner().invoke(main, ["topics", "create", "--config", str(config)])
    assert result.exit_code == 1
    assert "the user needs Create on topic not-ours.visits" in result.output
    assert PASSWORD not in result.output


@pytest.mark.kafka
async def test_topics_create_needs_no_more_than_its_acls(
    fortress: Fortress, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    name = topic_name("creating")
    config = tmp_path / "footfall.toml"
    here = await stage(fortress, topic_name("unused"), tmp_path, settings_for(fortress, "SCRAM"))
    config.write_text(here.config.read_text().replace(here.settings.group, name))
    await give(fortress.open, listed(config, "topics create"))
    try:
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while True:
                arguments = ["topics", "create", "--config", str(config)]
                result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
                if result.exit_code == 0:
                    break
    except TimeoutError:
        raise AssertionError(result.output) from None
    assert "failed" not in result.output


def test_only_what_lacks_is_missing_and_a_prefix_stays_one_where_all_lack() -> None:
    settings = Settings()
    visits, clocks = "footfall.visits", "footfall-clocks"
    rights = needed(settings, Names("app-events", (visits, "footfall.late"), (clocks,)))["worker"]
    full = frozenset(("Read", "Write", "Describe"))
    access = Access(
        topics={
            "app-events": full,
            visits: frozenset(),
            "footfall.late": full,
            clocks: frozenset(("Describe", "Read")),
        },
        groups={"footfall": None},
        transactional_ids={"footfall-probe": full, "footfall-app-events-0": frozenset()},
        cluster=None,
    )
    lines = [grant(right, settings, "User:u") for right in missing(rights, access)]
    tool = "kafka-acls.sh --bootstrap-server localhost:9092"
    start = f'{tool} --add --allow-principal "User:u" --operation Write'
    assert lines == [
        f"{start} --topic footfall.visits",
        f"{start} --resource-pattern-type prefixed --topic footfall-",
        f"{start} --resource-pattern-type prefixed --transactional-id footfall-",
    ]
