"""Checks what this user may do in Kafka, and says which command grants what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream import access
from stream.admin import topics
from stream.admin.finding import Check
from stream.engine.access import Access
from stream.settings import Settings


class Found(NamedTuple):
    """The checks, and topics of which this user may not even know whether they are there."""

    checks: list[Check]
    hidden: frozenset[str]


def needed(settings: Settings) -> dict[str, tuple[access.Right, ...]]:
    """What each command must be allowed to do, the worker first."""
    ours = [topic.name for topic in topics.wanted(settings, 1) if topic.role not in ("input", "output")]
    return access.needed(settings, access.names(settings, ours))


async def look(admin: AIOKafkaAdminClient, settings: Settings) -> Found:
    """Ask the broker; it changes nothing there."""
    rights = needed(settings)
    try:
        given = await access.ask_for(admin, [right for some in rights.values() for right in some])
    except KafkaError as error:
        found = f"not asked: this broker does not tell what a user may do ({error})"
        return Found([Check("access", "ok", found)], frozenset())
    hidden = frozenset(name for name, operations in given.topics.items() if operations == frozenset())
    return Found(list(_checks(settings, rights, given)), hidden)


def _checks(
    settings: Settings, rights: dict[str, tuple[access.Right, ...]], given: Access
) -> Iterator[Check]:
    principal = access.principal_of(settings.security)
    lacking = {command: access.missing(some, given) for command, some in rights.items()}
    if not any(lacking.values()):
        yield Check("access", "ok", "this user may do all that Footfall's commands do")
        return
    for right in rights[access.WORKER]:
        name = f"access to {right.what}"
        lacks = access.missing([right], given)
        if not lacks:
            yield Check(name, "ok", f"{principal} may {right}")
        for lack in lacks:
            advice = access.grant(lack, settings, principal)
            yield Check(name, "fail", f"{principal} may not {lack}, as a worker must", advice)
    for command, lacks in lacking.items():
        if lacks and command != access.WORKER:
            what = "; ".join(map(str, lacks))
            advice = "nothing, if another user does that; else see footfall check --acls"
            yield Check(f"access for {command}", "ok", f"{principal} may not {what}", advice)
