"""ACLs, given and taken by the lines that `footfall check` prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from stream.engine.access import OPERATIONS

_RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactional-id": 5}
_PATTERNS = {"literal": 3, "prefixed": 4}
_CODES = {name: code for code, name in OPERATIONS.items()}
_ALLOW = 3


class Acl(NamedTuple):
    """One ACL: a principal may do an operation on what has this name, or a name that begins so."""

    principal: str
    operation: str
    resource: str
    name: str
    pattern: str

    def __str__(self) -> str:
        return f"{self.operation}-{self.resource}-{self.pattern}"


def parse(line: str) -> list[Acl]:
    """The ACLs that a line of `kafka-acls.sh --add` makes. Fails for an option that the tool has not."""
    words = iter(shlex.split(line))
    assert next(words) == "kafka-acls.sh"
    principal, pattern = "", "literal"
    operations: list[str] = []
    resources: list[tuple[str, str]] = []
    for word in words:
        match word.removeprefix("--"):
            case "add":
                pass
            case "bootstrap-server" | "command-config":
                next(words)
            case "allow-principal":
                principal = next(words)
            case "operation":
                operations.append(next(words))
            case "resource-pattern-type":
                pattern = next(words)
            case "topic" | "group" | "transactional-id" as resource:
                resources.append((resource, next(words)))
            case _:
                raise AssertionError(f"kafka-acls.sh has no option {word}")
    return [
        Acl(principal, operation, resource, name, pattern)
        for operation in operations
        for resource, name in resources
    ]


async def give(address: str, acls: Iterable[Acl]) -> None:
    """Make the ACLs, by somebody who may do everything."""
    async with _Admin(address) as admin:
        for acl in acls:
            reply = await admin._send_request(CreateAclsRequest(*_fields(acl)))
            assert {code for code, _ in reply.creation_responses} == {0}, reply


async def take(address: str, acl: Acl) -> None:
    """Take one away again."""
    async with _Admin(address) as admin:
        (reply,) = (await admin._send_request(DeleteAclsRequest(*_fields(acl)))).filter_responses
    assert reply[0] == 0, reply
    assert len(reply[2]) == 1, f"there was no ACL {acl}"


def _fields(acl: Acl) -> tuple[int, str, int, str, str, int, int]:
    code = _CODES[acl.operation]
    return _RESOURCES[acl.resource], acl.name, _PATTERNS[acl.pattern], acl.principal, "*", code, _ALLOW


class _Admin(AIOKafkaAdminClient):
    def __init__(self, address: str) -> None:
        super().__init__(bootstrap_servers=address)

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
