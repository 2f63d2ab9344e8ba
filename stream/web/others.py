"""Asks other workers of the group, over HTTP."""

from __future__ import annotations

import asyncio

import aiohttp
from yarl import URL

FORWARDED = "Footfall-Forwarded"
"""Header of what one worker asks another: whoever gets it answers for itself, and asks nobody else."""

ANSWER_WITHIN_S = 2.0
MOST_BYTES = 8 * 1024 * 1024


class Unreachable(Exception):
    """Another worker did not answer; the message says why."""


class Others:
    """A client for the other workers' pages."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, address: str, path: str) -> tuple[int, bytes]:
        """Status and body of `address` + `path`, a path that is already quoted. Raises Unreachable."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
            self._session = aiohttp.ClientSession(timeout=timeout, headers={FORWARDED: "1"})
        url = URL(address.rstrip("/") + path, encoded=True)
        try:
            async with self._session.get(url, allow_redirects=False) as answer:
                body = await answer.content.read(MOST_BYTES)
                while not answer.content.at_eof():
                    more = await answer.content.read(MOST_BYTES)
                    body += more
                    if len(body) > MOST_BYTES:
                        raise Unreachable("its answer is no worker's: it is too long")
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


def _why(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or "it can't be connected to"
    return type(error).__name__
