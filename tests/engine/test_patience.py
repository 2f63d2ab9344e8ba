"""What takes long is told, again and again, and comes to the same."""

from __future__ import annotations

import asyncio

import pytest

from stream.engine.patience import telling


async def test_it_tells_what_it_waits_for_until_that_comes(caplog: pytest.LogCaptureFixture) -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(telling(answer, "for the answer", every_s=0.01))
    async with asyncio.timeout(10):
        while len(caplog.messages) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0)
    answer.set_result(42)
    assert await waiting == 42
    assert all("for the answer" in message for message in caplog.messages)


async def test_what_comes_at_once_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    assert await telling(asyncio.sleep(0, "done"), "for nothing") == "done"
    assert not caplog.messages


async def test_cancelled_it_cancels_what_it_waits_for() -> None:
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(telling(never, "for ever"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert never.cancelled()
