"""`/people/{person}`: a person's state and the evidence for it, from the worker that has the person."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import quote

from aiohttp import web

from stream.core.partitioner import partition_for
from stream.web.answers import PersonNow, reply
from stream.web.asked import anything, identity
from stream.web.errors import Refusal, try_again
from stream.web.group import Group
from stream.web.others import FORWARDED, Others, Unreachable, check_meant
from stream.web.transitions_of import TransitionsOf

MOVING = "partitions are changing hands: ask again in a moment"


class PeoplePages:
    """The route."""

    def __init__(self, group: Group, others: Others, transitions: TransitionsOf) -> None:
        self._group = group
        self._others = others
        self._transitions = transitions

    def routes(self) -> list[web.RouteDef]:
        return [web.get(f"/people/{anything('person')}", self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        person = identity(request, "person")
        if self._group.moving:
            raise try_again(MOVING)
        check_meant(self._group, request)
        answer = await self._from_here(person)
        if answer is not None:
            return reply(answer)
        if FORWARDED not in request.headers:
            elsewhere = await self._from_others(person)
            if elsewhere is not None:
                return web.Response(body=elsewhere, content_type="application/json")
        raise Refusal(404, "nobody is known by this id: never seen, forgotten, or erased")

    async def _from_here(self, person: str) -> PersonNow | None:
        own = self._group.own()
        for number in _home_first(person, own, self._group.partitions):
            explanation = own[number].partition.explain(person)
            if explanation is not None:
                found = await self._transitions.find(explanation.person, number, explanation.transitions)
                return PersonNow(
                    explanation=explanation, transitions=found.transitions, complete=found.complete
                )
        return None

    async def _from_others(self, person: str) -> bytes | None:
        """What the first says who knows; None where all have answered, and nobody does."""
        others = self._group.others()
        known = {number for numbers in others.values() for number in numbers}.union(self._group.own())
        missing = [number for number in range(self._group.partitions) if number not in known]
        trouble = [f"nobody is known to have partition {missing[0]}"] if missing else []
        path = f"/people/{quote(person, safe='')}"
        home = partition_for(person.encode(), self._group.partitions)
        # At the home first: with a stream that is keyed as it should be, nobody else need be asked.
        for addresses in (
            [url for url, numbers in others.items() if home in numbers],
            [url for url, numbers in others.items() if home not in numbers],
        ):
            for answer in await asyncio.gather(*(self._ask(url, others[url], path) for url in addresses)):
                if isinstance(answer, bytes):
                    return answer
                if isinstance(answer, str):
                    trouble.append(answer)
        if trouble and self._group.moving:
            raise try_again(MOVING)
        if trouble:
            raise Refusal(
                502,
                f"the person may be with another worker that can't be asked: {trouble[0]}. Each worker must "
                "be reached by the others at an address of its own: web.advertise",
            )
        return None

    async def _ask(self, address: str, numbers: list[int], path: str) -> bytes | str | None:
        """The answer, None where the person isn't there, or what is the trouble."""
        try:
            status, body = await self._others.ask(address, numbers, path)
        except Unreachable as error:
            return f"{address}: {error}"
        if status == 200:
            return body
        if status == 503:
            raise try_again(MOVING)
        return None if status == 404 else f"{address} answered with {status}"


def _home_first(person: str, numbers: Iterable[int], partitions: int) -> list[int]:
    home = partition_for(person.encode(), partitions)
    return sorted(numbers, key=lambda number: (number != home, number))
