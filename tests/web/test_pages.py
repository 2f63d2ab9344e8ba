"""How the page's files are served."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from stream.web import pages


@pytest.fixture
async def address() -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(pages.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_nothing_runs_but_what_comes_from_here(address: str) -> None:
    async with ClientSession() as session, session.get(f"{address}/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        text = await answer.text()
    assert "<style" not in text
    assert " style=" not in text
    assert "onclick" not in text
    assert "http://" not in text
    assert "https://" not in text


async def test_every_file_has_its_type_and_is_asked_for_again_only_if_it_changed(address: str) -> None:
    async with ClientSession() as session:
        for name, asset in pages.assets().items():
            path = "/" if name == "index.html" else f"/assets/{name}"
            async with session.get(address + path) as answer:
                assert answer.status == 200
                assert answer.headers["Content-Type"] == asset.content_type
                assert answer.headers["Cache-Control"] == "no-cache"
                assert await answer.read() == asset.plain
                tag = answer.headers["ETag"]
            async with session.get(address + path, headers={"If-None-Match": tag}) as answer:
                assert answer.status == 304
                assert await answer.read() == b""
            async with session.get(address + path, headers={"Accept-Encoding": "identity"}) as answer:
                assert "Content-Encoding" not in answer.headers
                assert answer.headers["ETag"] != tag


@pytest.mark.parametrize("path", ["/assets/none.js", "/assets/index.html", "/assets/..%2fpages.py"])
async def test_what_is_no_file_of_the_page_is_not_served(address: str, path: str) -> None:
    async with ClientSession() as session, session.get(address + path) as answer:
        assert answer.status == 404


def test_every_file_that_the_page_names_is_there() -> None:
    import re

    files = pages.assets()
    index = files["index.html"].plain.decode()
    named = set(re.findall(r'"assets/([^"]+)"', index))
    for name, asset in files.items():
        if name.endswith(".js"):
            named |= set(re.findall(r'from "\./([^"]+)"', asset.plain.decode()))
    assert named == set(files) - {"index.html"}
