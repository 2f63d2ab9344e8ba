"""How a Kafka cluster is talked to: TLS or not, and as whom. Secrets are read when a client is made."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from stream.engine.errors import SecurityError
from stream.engine.secret import Secret, hide_sasl, read_bytes

Protocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER"]


class Tls(Struct, frozen=True, kw_only=True):
    """Whom we trust, and the certificate that we show. Files are PEM; unset CAs are the system's."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: Secret | None = None
    check_hostname: bool = True


class OAuth(Struct, frozen=True, kw_only=True):
    """Where a token comes from: a file, or an endpoint that gives one for client credentials."""

    token_file: Path | None = None
    token_url: str | None = None
    token_ca_file: Path | None = None
    client_id: str = ""
    client_secret: Secret | None = None
    scope: str | None = None


class Security(Struct, frozen=True, kw_only=True):
    """The settings under `[security]`. What the protocol and the mechanism do not use is not looked at."""

    protocol: Protocol = "plaintext"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str = ""
    password: Secret | None = None
    tls: Tls = Tls()
    oauth: OAuth = OAuth()

    @property
    def encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return self.protocol in ("ssl", "sasl_ssl")

    @property
    def sasl(self) -> bool:
        """Whether we say who we are by SASL."""
        return self.protocol in ("sasl_plaintext", "sasl_ssl")

    def options(self) -> dict[str, Any]:
        """What a client of aiokafka takes. Raises SecurityError where a file is missing or wrong."""
        options: dict[str, Any] = {"security_protocol": self.protocol.upper()}
        if self.encrypted:
            options["ssl_context"] = tls_context(self.tls)
        if not self.sasl:
            return options
        hide_sasl()
        options["sasl_mechanism"] = self.mechanism
        if self.mechanism == "OAUTHBEARER":
            # Loaded only here: aiokafka takes a while.
            from stream.engine.tokens import token_source

            options["sasl_oauth_token_provider"] = token_source(self.oauth)
        else:
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password.reveal() if self.password else ""
        return options


def tls_context(tls: Tls) -> ssl.SSLContext:
    """A context for connections to Kafka. Raises SecurityError where a file is missing or wrong."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = tls.check_hostname
    trust(context, tls.ca_file)
    if tls.certificate_file is not None:
        context.present(tls)
    return context


def trust(context: ssl.SSLContext, ca_file: Path | None) -> None:
    """Trust the CAs of a file, or the system's. Raises SecurityError."""
    if ca_file is None:
        context.load_default_certs()
        return
    read_bytes(ca_file, "the CA certificates")
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        raise SecurityError(
            f"{ca_file} (security.ca_file) holds no CA certificates",
            "it must be PEM: -----BEGIN CERTIFICATE----- … (keytool -exportcert -rfc makes that of a JKS)",
        ) from None


class _Context(ssl.SSLContext):
    """Shows a client certificate, and the new one once its file has changed.

    Certificates of short life are renewed in place (cert-manager does so), and a worker outlives them.
    """

    _presented: Tls | None = None
    _modified: tuple[float, ...] = ()

    def present(self, tls: Tls) -> None:
        """Show this certificate from now on. Raises SecurityError."""
        self._presented = tls
        self._load()

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        # Where asyncio begins each connection.
        if self._presented is not None and self._modified != _modified(self._presented):
            self._load()
        return super().wrap_bio(*args, **kwargs)

    def _load(self) -> None:
        tls = self._presented
        assert tls is not None
        assert tls.certificate_file is not None
        modified = _modified(tls)
        key_file = tls.key_file or tls.certificate_file
        password = tls.key_password.reveal() if tls.key_password else None
        read_bytes(tls.certificate_file, "the client's certificate")
        read_bytes(key_file, "the client's key")
        try:
            # Without a password given OpenSSL would ask the terminal.
            self.load_cert_chain(tls.certificate_file, key_file, password or _no_password)
        except _PasswordNeeded:
            raise SecurityError(
                f"{key_file} is encrypted", "say its password by security.key_password_file"
            ) from None
        except ssl.SSLError as error:
            raise SecurityError(*_wrong_pair(tls, key_file, error)) from None
        self._modified = modified


def _wrong_pair(tls: Tls, key_file: Path, error: ssl.SSLError) -> tuple[str, str]:
    if error.reason == "KEY_VALUES_MISMATCH":
        return (
            f"the key in {key_file} is not that of the certificate in {tls.certificate_file}",
            "name the key that the certificate was made for in security.key_file",
        )
    if tls.key_password is not None and error.reason in ("BAD_DECRYPT", "BAD_PASSWORD_READ", None):
        return (
            f"the password for {key_file} is wrong, or the file is damaged",
            "correct security.key_password_file",
        )
    return (
        f"{tls.certificate_file} and {key_file} hold no certificate and key ({error.reason})",
        "both must be PEM: -----BEGIN CERTIFICATE----- … and -----BEGIN PRIVATE KEY----- …",
    )


class _PasswordNeeded(Exception):
    """OpenSSL asks for a password that is not configured."""


def _no_password() -> str:
    raise _PasswordNeeded


def _modified(tls: Tls) -> tuple[float, ...]:
    """When the files were last changed; what cannot be told is left to the reading of the file."""
    times = []
    for path in (tls.certificate_file, tls.key_file):
        if path is not None:
            try:
                times.append(path.stat().st_mtime_ns)
            except OSError:
                times.append(0)
    return tuple(times)
