"""The counting worker, whose aiokafka meets with trouble in its group once it has to join again.

`python -m tests.engine.troubled_worker TROUBLE '{"bootstrap": …}'`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import msgspec
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.errors import UnknownError

from stream.engine.errors import EngineError
from tests.engine.counting_worker import Order, work


def refuse_to_join_again() -> None:
    """The broker answers the second request to join with an error that aiokafka can't go on from."""
    join = CoordinatorGroupRebalance.perform_group_join
    joined = False

    async def refused(self: Any) -> Any:
        nonlocal joined
        if joined:
            raise UnknownError("refused")
        answer = await join(self)
        joined = answer is not None
        return answer

    CoordinatorGroupRebalance.perform_group_join = refused


def die_when_joining_again() -> None:
    """The task that coordinates dies of a defect."""
    join = GroupCoordinator._do_rejoin_group
    joined = False

    async def defective(self: Any, subscription: Any) -> Any:
        nonlocal joined
        if joined:
            raise KeyError("a defect")
        joined = await join(self, subscription)
        return joined

    GroupCoordinator._do_rejoin_group = defective


def break_heartbeats() -> None:
    """The task that sends heartbeats ends with an error."""

    async def broken(self: Any) -> bool:
        raise UnknownError("no heartbeat")

    GroupCoordinator._do_heartbeat = broken


TROUBLES = {
    "refused": refuse_to_join_again,
    "defect": die_when_joining_again,
    "heartbeat": break_heartbeats,
}

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    TROUBLES[sys.argv[1]]()
    try:
        asyncio.run(work(msgspec.json.decode(sys.argv[2], type=Order)))
    except EngineError as error:
        sys.exit(str(error))
