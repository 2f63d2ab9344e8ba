"""TLS: a certificate that is renewed in place is shown anew; and no log shows what was said to be let in."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path

import pytest
from aiokafka.protocol.admin import SaslAuthenticateRequest_v1

from stream.engine.secret import Secret
from stream.engine.security import Security, Tls, tls_context
from tests.security.certificates import Authority, Pair


async def serial_shown(port: int, context: ssl.SSLContext) -> str:
    """The serial number of the certificate that a server on `port` was shown by us."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = await reader.readline()
    writer.close()
    return shown.decode().strip()


def replace(pair: Pair, by: Pair, modified_ns: int) -> None:
    for old, new in zip(pair, by, strict=True):
        new.replace(old)
        os.utime(old, ns=(modified_ns, modified_ns))


async def test_a_client_certificate_that_changes_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    authority = Authority(tmp_path)
    server_pair = authority.issue("server", "127.0.0.1")
    accepting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca)
    accepting.load_cert_chain(server_pair.certificate, server_pair.key)
    accepting.verify_mode = ssl.CERT_REQUIRED

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown = writer.get_extra_info("peercert")
        writer.write(f"{shown['serialNumber']}\n".encode())
        await writer.drain()
        writer.close()

    mine = authority.issue("mine")
    context = tls_context(Tls(ca_file=authority.ca, certificate_file=mine.certificate, key_file=mine.key))
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=accepting) as server:
        port = server.sockets[0].getsockname()[1]
        first = await serial_shown(port, context)
        assert await serial_shown(port, context) == first
        replace(mine, authority.issue("renewed"), modified_ns=2_000_000_000 * 10**9)
        assert await serial_shown(port, context) not in ("", first)


def test_what_is_said_to_be_let_in_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    Security(protocol="sasl_plaintext", username="u", password=Secret("marked")).options()
    with caplog.at_level(logging.DEBUG, logger="aiokafka"):
        request = SaslAuthenticateRequest_v1(b"\0u\0marked")
        logging.getLogger("aiokafka.conn").debug("Request to %s: %s", "here", request)
    assert "Request to here: SaslAuthenticateRequest_v1(hidden)" in caplog.text
    assert "marked" not in caplog.text
