"""What docs/connect.md says of keys: collectors' defaults, and the settings that take them."""

from __future__ import annotations

import json

import pytest

from stream.core.definition import Definition
from stream.core.partition import Partition

NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


def event(**ids: object) -> bytes:
    return json.dumps({"messageId": "m", "type": "page", "timestamp": NOON, **ids}).encode()


def applied(definition: Definition, key: bytes | None, value: bytes) -> bool:
    """Whether a record is applied; if not, for its key."""
    partition = Partition(definition)
    partition.process([value], keys=[key], offsets=[0], arrived_ms=[NOON])
    assert partition.counts.applied + partition.counts.dead["wrong_key"] == 1
    return partition.counts.applied == 1


VISITOR = event(anonymousId="a1")
USER = event(anonymousId="a1", userId="ada")
UNCHECKED = Definition(keyed=False)
BY_TENANT = Definition(input_key="context.groupId")
OF_TENANT = event(userId="ada", context={"groupId": "acme"})


@pytest.mark.parametrize(
    ("definition", "key", "value", "expected"),
    [
        pytest.param(Definition(), b"ada", USER, True, id="a user by userId"),
        pytest.param(Definition(), b"anonymous:a1", VISITOR, True, id="a visitor as Footfall wants it"),
        pytest.param(Definition(), b"a1", VISITOR, False, id="a visitor by the bare anonymousId"),
        pytest.param(Definition(), None, USER, False, id="no key"),
        pytest.param(Definition(), b"m", USER, False, id="the event's id"),
        pytest.param(UNCHECKED, b"a1", VISITOR, True, id="unchecked: the bare anonymousId"),
        pytest.param(UNCHECKED, None, USER, True, id="unchecked: no key"),
        pytest.param(BY_TENANT, b"acme", OF_TENANT, True, id="by tenant"),
        pytest.param(BY_TENANT, b"ada", OF_TENANT, False, id="by tenant: keyed by the person"),
        pytest.param(BY_TENANT, b"ada", USER, True, id="by tenant: a record without one"),
    ],
)
def test_key(definition: Definition, key: bytes | None, value: bytes, expected: bool) -> None:
    assert applied(definition, key, value) == expected
