"""Tokens for OAUTHBEARER: fetched once, renewed before they expire, read anew from a file."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stream.engine import tokens
from stream.engine.errors import SecurityError
from stream.engine.secret import Secret
from stream.engine.security import OAuth
from stream.engine.tokens import TokenError, TokenSource, subject, token_source


class Endpoint(ThreadingHTTPServer):
    """Gives `token-1`, `token-2` …, each for 100 s; `code` says how it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.given = 0
        self.code = 200

    def oauth(self) -> OAuth:
        url = f"http://127.0.0.1:{self.server_port}/token"
        return OAuth(token_url=url, client_id="c", client_secret=Secret("hidden"))


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.given += 1
        self.send_response(self.server.code)
        self.end_headers()
        self.wfile.write(
            json.dumps({"access_token": f"token-{self.server.given}", "expires_in": 100}).encode()
        )

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


def test_a_token_is_renewed_before_it_expires_and_not_sooner(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(tokens, "time", clock)
    source = TokenSource(endpoint.oauth())
    assert [source.get(), source.get()] == ["token-1", "token-1"]
    clock.now_s += 79
    assert source.get() == "token-1"
    clock.now_s += 2
    assert [source.get(), source.get()] == ["token-2", "token-2"]


async def test_clients_that_connect_at_once_share_one_token(endpoint: Endpoint) -> None:
    source = token_source(endpoint.oauth())
    assert source is token_source(endpoint.oauth())
    assert set(await asyncio.gather(*(source.token() for _ in range(10)))) == {"token-1"}


async def test_an_endpoint_that_fails_for_a_while_is_asked_again(endpoint: Endpoint) -> None:
    source = TokenSource(endpoint.oauth())
    endpoint.code = 503
    # An error by which aiokafka goes on trying.
    with pytest.raises(TokenError, match="gives no token: HTTP 503") as failed:
        await source.token()
    assert "hidden" not in str(failed.value)
    endpoint.code = 200
    assert await source.token() == "token-2"


def test_a_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "token"
    source = TokenSource(OAuth(token_file=file))
    for token in ("first", "second"):
        file.write_text(token + "\n")
        assert source.get() == token
    file.write_text("two words")
    with pytest.raises(SecurityError, match="does not hold one token") as refused:
        source.get()
    assert "words" not in str(refused.value)


@pytest.mark.parametrize(
    ("token", "found"),
    [
        ("x.eyJzdWIiOiJhZGEifQ.y", "ada"),
        ("x.eyJpc3MiOiJhZGEifQ.y", None),
        ("x.W10.y", None),
        ("x.!!!.y", None),
        ("opaque", None),
        ("", None),
    ],
)
def test_whom_a_token_is_for(token: str, found: str | None) -> None:
    assert subject(token) == found
