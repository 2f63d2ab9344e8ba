"""What Footfall's commands must be allowed to do in Kafka, what of it is missing, and what grants it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from stream.engine.access import Access, ask
from stream.engine.client import KafkaError, admin
from stream.engine.errors import EngineError, SecurityError
from stream.engine.security import Security
from stream.engine.tokens import subject, token_source
from stream.settings import OUTPUTS, Settings

Resource = Literal["topic", "group", "transactional-id"]

WORKER = "worker"

ANSWER_WITHIN_S = 10.0


class Right(NamedTuple):
    """Operations on resources. `prefix` is what the names have in common, where one ACL may cover them."""

    resource: Resource
    operations: tuple[str, ...]
    names: tuple[str, ...]
    prefix: str | None = None

    @property
    def what(self) -> str:
        """The resources in words: `topic footfall.*`."""
        return f"{self.resource} {', '.join(self.names) if self.prefix is None else f'{self.prefix}*'}"

    def __str__(self) -> str:
        return f"{' and '.join(self.operations)} {self.what}"


class Names(NamedTuple):
    """Topics by what they are for. `ours` are those that a worker both reads and writes."""

    input: str
    outputs: tuple[str, ...]
    ours: tuple[str, ...]


def names(settings: Settings, ours: Sequence[str]) -> Names:
    """The names of `settings`; `ours` are the changelogs and the like."""
    return Names(settings.input.topic, tuple(map(settings.output_topic, OUTPUTS)), tuple(ours))


def needed(settings: Settings, topics: Names) -> dict[str, tuple[Right, ...]]:
    """What each command needs, the worker first; the others' names are as one types them.

    Kafka counts Describe in with Read, Write and Delete, but not with Create; and needs no IdempotentWrite of
    a user who has Write.
    """
    group = settings.group

    def source(*operations: str) -> Right:
        return Right("topic", operations, (topics.input,))

    def outputs(*operations: str) -> Right:
        return Right("topic", operations, topics.outputs, f"{settings.prefix}.")

    def ours(*operations: str) -> Right:
        return Right("topic", operations, topics.ours, f"{group}-")

    transactions = Right(
        "transactional-id", ("Write",), (f"{group}-probe", f"{group}-{topics.input}-0"), f"{group}-"
    )
    exactly_once = () if settings.guarantee == "at_least_once" else (transactions,)
    return {
        WORKER: (
            source("Read"),
            outputs("Write"),
            ours("Read", "Write"),
            Right("group", ("Read",), (group,)),
            *exactly_once,
        ),
        "worker's pages": (
            outputs("Read"),
            *(() if settings.web.token is None else (source("Write"),)),
        ),
        "check": (
            source("DescribeConfigs"),
            outputs("DescribeConfigs"),
            ours("DescribeConfigs"),
        ),
        "topics create": (
            source("Create", "Describe", "DescribeConfigs"),
            outputs("Create", "Describe", "DescribeConfigs"),
            ours("Create", "Describe", "DescribeConfigs"),
        ),
        "tail": (outputs("Read"),),
        "explain": (
            Right("topic", ("Read",), (f"{group}-profiles-changelog", settings.output_topic("transitions"))),
        ),
        "report": (Right("topic", ("Read",), (settings.output_topic("daily"),)),),
        "incidents": (
            Right("topic", ("Read",), (settings.output_topic("incidents"),)),
            Right("topic", ("Write",), (f"{group}-control",)),
        ),
        "simulate --broker": (source("Write"),),
        "dead-letters replay": (
            Right("topic", ("Read",), (settings.output_topic("dead-letters"),)),
            source("Read", "Write"),
            ours("Read", "Write"),
            Right("group", ("Read",), (f"{group}-dead-letters",)),
            *exactly_once,
        ),
        "reset": (
            source("Read"),
            outputs("Create", "Delete"),
            ours("Read", "Create", "Delete"),
            Right("group", ("Read", "Delete"), (group,)),
        ),
    }


async def ask_for(client: Any, rights: Iterable[Right]) -> Access:
    """What the broker says of all names that these rights are about. Raises KafkaError."""

    def named(resource: Resource) -> list[str]:
        return sorted({name for right in all_rights for name in right.names if right.resource == resource})

    all_rights = list(rights)
    return await ask(
        client,
        topics=named("topic"),
        groups=named("group"),
        transactional_ids=named("transactional-id"),
    )


def missing(rights: Iterable[Right], access: Access) -> list[Right]:
    """What of `rights` is not given: for each, the operations that some of its names lack."""
    lacking = []
    told: Mapping[Resource, Mapping[str, frozenset[str] | None]] = {
        "topic": access.topics,
        "group": access.groups,
        "transactional-id": access.transactional_ids,
    }
    for right in rights:
        by_operations: dict[tuple[str, ...], list[str]] = {}
        for name in right.names:
            allowed = told[right.resource].get(name)
            if allowed is None:
                continue
            if right.resource == "topic" and access.cluster and "Create" in access.cluster:
                allowed |= {"Create"}
            lacks = tuple(operation for operation in right.operations if operation not in allowed)
            if lacks:
                by_operations.setdefault(lacks, []).append(name)
        for lacks, without in by_operations.items():
            # Of transactional ids there are as many as partitions: only a prefix will do.
            whole = len(without) == len(right.names) or right.resource == "transactional-id"
            lacking.append(Right(right.resource, lacks, tuple(without), right.prefix if whole else None))
    return lacking


async def require(settings: Settings, topics: Names) -> None:
    """Raises EngineError, with the commands that grant it, where a worker lacks a right.

    Passes where that can't be found out: another question to the broker will tell why.
    """
    rights = needed(settings, topics)[WORKER]
    try:
        client = admin(settings.connection)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await client.start()
                lacking = missing(rights, await ask_for(client, rights))
        finally:
            await client.close()
    except (KafkaError, OSError, TimeoutError):
        return
    if lacking:
        principal = principal_of(settings.security)
        lines = [f"  {grant(right, settings, principal)}" for right in lacking]
        what = "; ".join(map(str, lacking))
        raise EngineError(
            f"{settings.broker} does not let {principal} do all that a worker must: {what}. "
            "An administrator grants it by\n" + "\n".join(lines)
        )


def grant(right: Right, settings: Settings, principal: str) -> str:
    """The command of Kafka's that gives the right, for an administrator to run."""
    parts = ["kafka-acls.sh", "--bootstrap-server", settings.broker]
    if settings.security.protocol != "plaintext":
        parts += ["--command-config", "admin.properties"]
    parts += ["--add", "--allow-principal", f'"{principal}"']
    for operation in right.operations:
        parts += ["--operation", operation]
    if right.prefix is not None:
        parts += ["--resource-pattern-type", "prefixed", f"--{right.resource}", right.prefix]
    else:
        for name in right.names:
            parts += [f"--{right.resource}", name]
    return " ".join(parts)


def principal_of(security: Security) -> str:
    """Whom Kafka takes us for, by its defaults; where only a file tells, in the shell's words."""
    if not security.sasl:
        certificate = security.tls.certificate_file
        if not security.encrypted or certificate is None:
            return "User:ANONYMOUS"
        shown = f"openssl x509 -in {certificate} -noout -subject -nameopt RFC2253"
        return f"User:$({shown} | sed s/^subject=//)"
    if security.mechanism != "OAUTHBEARER":
        return f"User:{security.username}"
    try:
        name = subject(token_source(security.oauth).get())
    except SecurityError:
        name = None
    return f"User:{name or '<the sub of the token>'}"
