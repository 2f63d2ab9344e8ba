"""`/states`: who is there now, by state and tier, summed over the partitions of all workers."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from stream.core.population import Population
from stream.core.times import format_ms
from stream.web.answers import Own, PartitionNow, States, reply
from stream.web.group import Group
from stream.web.others import Others, Unreachable, check_meant

_decode = msgspec.json.Decoder(Own).decode


class StatesPages:
    """The routes."""

    def __init__(self, group: Group, others: Others) -> None:
        self._group = group
        self._others = others

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/states", self._show), web.get("/partitions", self._show_own)]

    async def _show(self, request: web.Request) -> web.Response:
        return reply(await self.now())

    async def _show_own(self, request: web.Request) -> web.Response:
        check_meant(self._group, request)
        return reply(Own(partitions=self.own()))

    def own(self) -> dict[int, PartitionNow]:
        """Of the partitions that are here, by number."""
        found = {}
        for number, state in self._group.own().items():
            watermark = state.partition.watermark
            found[number] = PartitionNow(
                as_of=None if watermark is None else format_ms(watermark),
                population=state.partition.population(),
            )
        return found

    async def now(self) -> States:
        """Of all partitions whose worker answers."""
        found = self.own()
        others = self._group.others()
        for answer in await asyncio.gather(*(self._of(url, others[url]) for url in sorted(others))):
            found = {**answer, **found}
        return _sum(found, self._group.partitions)

    async def _of(self, address: str, numbers: list[int]) -> dict[int, PartitionNow]:
        try:
            status, body = await self._others.ask(address, numbers, "/partitions")
            return _decode(body).partitions if status == 200 else {}
        except (Unreachable, msgspec.DecodeError):
            return {}


def _sum(found: dict[int, PartitionNow], partitions: int) -> States:
    population = sum((one.population for one in found.values()), Population())
    return States(
        as_of=min((one.as_of for one in found.values() if one.as_of is not None), default=None),
        partitions=partitions,
        counted=len(found),
        people=population.states,
        tiers=population.tiers,
        registered=population.registered,
        visitors=population.visitors,
        open_visits=population.open_visits,
    )
