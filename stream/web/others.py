"""Asks other workers of the group, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
from aiohttp import web
from yarl import URL

from stream.web.errors import Refusal
from stream.web.group import Group

FORWARDED = "Footfall-Forwarded"
"""Header of what one worker asks another: the group, and the partitions that the other is thought to have.

Whoever gets it answers for itself, and asks nobody else; with 421 where it is not who was meant.
"""

ANSWER_WITHIN_S = 2.0
MOST_BYTES = 8 * 1024 * 1024


class Unreachable(Exception):
    """Another worker did not answer; the message says why."""


class Others:
    """A client for the other workers' pages."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, address: str, numbers: Sequence[int], path: str) -> tuple[int, bytes]:
        """Status and body of `path`, already quoted, from the worker that should have these partitions.

        Raises Unreachable.
        """
        if address == self._group.address:
            raise Unreachable("that is where this worker is")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S))
        meant = {FORWARDED: f"{self._group.name}/{'.'.join(map(str, numbers))}"}
        url = URL(address.rstrip("/") + path, encoded=True)
        try:
            async with self._session.get(url, headers=meant, allow_redirects=False) as answer:
                body = await answer.content.read(MOST_BYTES)
                while not answer.content.at_eof():
                    more = await answer.content.read(MOST_BYTES)
                    body += more
                    if len(body) > MOST_BYTES:
                        raise Unreachable("its answer is no worker's: it is too long")
                if answer.status == 421:
                    raise Unreachable("another worker is there now")
                return answer.status, body
        except TimeoutError:
            raise Unreachable(f"no answer within {ANSWER_WITHIN_S:.0f} s") from None
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            # Not the error's text: it may quote the address asked for, and so the person.
            raise Unreachable(_why(error)) from None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def check_meant(group: Group, request: web.Request) -> None:
    """Raises Refusal where another worker asks, and means somebody else: its addresses are out of date."""
    header = request.headers.get(FORWARDED)
    if header is None:
        return
    name, _, numbers = header.rpartition("/")
    own = {str(number) for number in group.own()}
    if name != group.name or not own.issuperset(numbers.split(".")):
        raise Refusal(421, "this worker does not have what it is asked for by another one of its group")


def _why(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or "it can't be connected to"
    return type(error).__name__
