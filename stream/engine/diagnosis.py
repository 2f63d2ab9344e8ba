"""Why a broker that is there does not let us in. aiokafka only says that it could not bootstrap."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Any, Literal

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed
from aiokafka.protocol.admin import SaslAuthenticateRequest, SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

from stream.engine.connection import Connection
from stream.engine.errors import SecurityError
from stream.engine.security import Security

ANSWER_WITHIN_S = 5.0

# `ApiVersions`, version 0: the first request of every client, answered before any SASL.
_REQUEST = struct.pack(">ihhih", 10, 18, 0, 1, -1)
_ILLEGAL_SASL_STATE = 34

# OpenSSL's codes of a certificate that was not accepted (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = (62, 64)

Answer = Literal["answers", "closes", "nothing"]


async def why(connection: Connection, addresses: Sequence[str] = ()) -> SecurityError | None:
    """What keeps us out, at the first of the `addresses` (`host:port`) where that can be said.

    By default the bootstrap addresses. None where it is not about security: nobody listens, say.
    """
    for address in addresses or connection.bootstrap.split(","):
        host, _, port = address.rpartition(":")
        try:
            return await _why(connection.security, host.strip("[]"), int(port), address)
        except (OSError, TimeoutError, KafkaError):
            continue
        except SecurityError as error:
            return error
    return None


async def _why(security: Security, host: str, port: int, address: str) -> SecurityError | None:
    options = security.options()
    context = options.get("ssl_context")
    if context is not None:
        await asyncio.to_thread(_try_tls, security, context, host, port, address)
    elif await asyncio.to_thread(_ask, host, port) == "closes":
        if await asyncio.to_thread(_speaks_tls, host, port):
            secure = "sasl_ssl" if security.sasl else "ssl"
            raise SecurityError(
                f"{address} speaks TLS, and security.protocol is {security.protocol}",
                f'set security.protocol to "{secure}" (or broker to the port without TLS)',
            )
        return None
    await _try_sasl(security, context, host, port, address)
    return None


def _ask(host: str, port: int) -> Answer:
    """What becomes of a first request without TLS. Raises OSError where nobody listens."""
    with socket.create_connection((host, port), ANSWER_WITHIN_S) as connection:
        try:
            connection.sendall(_REQUEST)
            received = connection.recv(8)
        except TimeoutError:
            return "nothing"
        except ConnectionError:
            return "closes"
    # The answer to request 1, not an alert of TLS.
    return "answers" if received[4:8] == _REQUEST[8:12] else "closes"


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), ANSWER_WITHIN_S) as connection:
        try:
            with context.wrap_socket(connection, server_hostname=host):
                return True
        except (ssl.SSLError, OSError):
            return False


def _try_tls(security: Security, context: ssl.SSLContext, host: str, port: int, address: str) -> None:
    """Raises SecurityError where TLS fails, OSError where nobody listens."""
    with socket.create_connection((host, port), ANSWER_WITHIN_S) as connection:
        try:
            with context.wrap_socket(connection, server_hostname=host) as tls:
                # With TLS 1.3 the broker judges our certificate after the handshake.
                tls.sendall(_REQUEST)
                if tls.recv(8):
                    return
                problem = "closed"
        except ssl.SSLCertVerificationError as error:
            raise _not_trusted(security, error, host, address) from None
        except ssl.SSLError as error:
            problem = error.reason or str(error)
        except ConnectionError as error:
            problem = str(error)
    if _ask(host, port) == "answers":
        plain = "sasl_plaintext" if security.sasl else "plaintext"
        raise SecurityError(
            f"{address} does not speak TLS, and security.protocol is {security.protocol}",
            f'set broker to the port with TLS (or security.protocol to "{plain}", for all to read)',
        )
    if security.tls.certificate_file is None:
        raise SecurityError(
            f"{address} ended the TLS handshake, as it does where a client must show a certificate "
            f"({problem})",
            "set security.certificate_file and security.key_file",
        )
    raise SecurityError(
        f"{address} does not accept the certificate in {security.tls.certificate_file} ({problem})",
        "use one that is not expired, and from a CA in the broker's ssl.truststore.location",
    )


def _not_trusted(
    security: Security, error: ssl.SSLCertVerificationError, host: str, address: str
) -> SecurityError:
    code = error.verify_code
    if code == _EXPIRED:
        return SecurityError(f"the certificate of {address} has expired", "renew it on the broker")
    if code == _NOT_YET_VALID:
        return SecurityError(
            f"the certificate of {address} is not valid yet", "see whether this machine's clock is right"
        )
    if code in _OTHER_NAME:
        return SecurityError(
            f"the certificate of {address} is not for {host}",
            "use the name that it is for, in `broker` and in the broker's advertised.listeners, or give the "
            "broker a certificate with this one (security.check_hostname = false trusts any of that CA)",
        )
    file = security.tls.ca_file
    by_whom = f"by a CA in {file}" if file else "by a CA of this system"
    return SecurityError(
        f"the certificate of {address} is not vouched for {by_whom} ({error.verify_message})",
        "set security.ca_file to a PEM file with the CA of the broker's certificate",
    )


async def _try_sasl(
    security: Security, context: ssl.SSLContext | None, host: str, port: int, address: str
) -> None:
    """Raises SecurityError where SASL is missing, not wanted, or fails."""
    bare = {"security_protocol": "SSL" if context else "PLAINTEXT", "ssl_context": context}
    timeout_ms = int(ANSWER_WITHIN_S * 1000)
    if not security.sasl and await _goes_without_sasl(host, port, timeout_ms, bare):
        return
    connection = await create_conn(host, port, request_timeout_ms=timeout_ms, **bare)
    try:
        mechanism = security.mechanism if security.sasl else "PLAIN"
        shaken = await connection.send(SaslHandShakeRequest(mechanism))
        _expect_mechanism(security, shaken, address)
        if security.sasl and mechanism == "OAUTHBEARER":
            await _try_token(security, connection, address)
            return
    finally:
        connection.close()
    if not security.sasl:
        return
    try:
        options = security.options()
        (await create_conn(host, port, request_timeout_ms=timeout_ms, **options)).close()
    except SaslAuthenticationFailed as error:
        reason = error.args[0] if error.args else "without a reason"
        raise SecurityError(
            f"{address} refuses user {security.username}: {reason}",
            f"correct security.username and security.password_file; is there a {mechanism} password for it?",
        ) from None


async def _goes_without_sasl(host: str, port: int, timeout_ms: int, bare: dict[str, Any]) -> bool:
    connection = await create_conn(host, port, request_timeout_ms=timeout_ms, **bare)
    try:
        await connection.send(MetadataRequest([]))
    except KafkaError:
        return False
    finally:
        connection.close()
    return True


def _expect_mechanism(security: Security, shaken: Any, address: str) -> None:
    offered = ", ".join(shaken.enabled_mechanisms)
    if shaken.error_code == _ILLEGAL_SASL_STATE:
        if not security.sasl:
            return
        without = "ssl" if security.encrypted else "plaintext"
        raise SecurityError(
            f"{address} does not ask for a user, and security.protocol is {security.protocol}",
            f'set broker to the port with SASL, or security.protocol to "{without}"',
        )
    if not security.sasl:
        secure = "sasl_ssl" if security.encrypted else "sasl_plaintext"
        raise SecurityError(
            f"{address} asks who we are (by {offered}), and security.protocol is {security.protocol}",
            f'set security.protocol to "{secure}", and security.mechanism',
        )
    if security.mechanism not in shaken.enabled_mechanisms:
        raise SecurityError(
            f"{address} does not take {security.mechanism}, but {offered}",
            "set security.mechanism to one of these",
        )


async def _try_token(security: Security, connection: Any, address: str) -> None:
    """By hand, since aiokafka (0.14) takes the refusal of a token for success, and fails later."""
    from stream.engine.tokens import subject, token_source

    token = await asyncio.to_thread(token_source(security.oauth).get)
    message = f"n,,\x01auth=Bearer {token}\x01\x01".encode()
    try:
        shown = await connection.send(SaslAuthenticateRequest(message))
        refused = bool(shown.error_code or shown.sasl_auth_bytes)
        if not refused:
            await connection.send(MetadataRequest([]))
    except KafkaError:
        # An expired token is accepted, and the connection ended by the next request.
        refused = True
    if refused:
        whose = f"the token for {subject(token)}" if subject(token) else "the token"
        raise SecurityError(
            f"{address} refuses {whose}: it is expired, for another audience, or not signed as it should be",
            "the broker's log says which; correct security.token_file, or security.scope and the client's "
            "set-up at security.token_url",
        )
