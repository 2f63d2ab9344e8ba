"""One Apache Kafka for these tests, with a listener for each way in, and ACLs on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from stream.broker import Broker, Extras, why_missing
from stream.broker.port import HOST, free_port
from tests.conftest import REQUIRE_ALL
from tests.security.certificates import Authority, Pair, Signer

USER = "footfall"
# Looked for in everything that is ever printed.
PASSWORD = "marked-password-3f9c"
KEY_PASSWORD = "marked-key-password-77aa"
CHECKED = "org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator"
LISTENERS = ("SCRAM", "PLAIN", "MTLS", "OAUTH", "BRIEF", "OTHERHOST", "EXPIRED")


class Fortress(NamedTuple):
    """The broker. `open` is the address of a listener where everybody may do everything."""

    open: str
    ports: dict[str, int]
    folder: Path
    authority: Authority
    stranger: Authority
    client: Pair
    signer: Signer

    def at(self, listener: str) -> str:
        """The address of a listener."""
        return f"{HOST}:{self.ports[listener]}"

    @property
    def password_file(self) -> Path:
        return self.folder / "password"


@pytest.fixture(scope="session")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    """Apache Kafka with TLS, SASL and `StandardAuthorizer`. Skips where it cannot run, as `kafka` does."""
    reason = why_missing()
    if reason is not None:
        if os.environ.get(REQUIRE_ALL) == "1":
            pytest.fail(f"{REQUIRE_ALL}=1, and Apache Kafka cannot run here: {reason}")
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("fortress")
    authority, stranger = Authority(folder), Authority(folder, "Another CA")
    signer = Signer(folder)
    ports: dict[str, int] = {}
    for name in LISTENERS:
        ports[name] = free_port(other_than=ports.values())
    pairs = {
        "here": authority.issue("broker", HOST, "localhost"),
        "otherhost": authority.issue("elsewhere", "kafka.example.com"),
        "expired": authority.issue("old", HOST, days=-1),
    }
    (folder / "password").write_text(PASSWORD + "\n")
    extras = Extras(
        listeners=ports,
        properties=_properties(authority, signer, pairs),
        format_options=tuple(
            part
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for part in ("--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]")
        ),
        java_options=(f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={signer.jwks.as_uri()}",),
    )
    with Broker(kind="kafka", extras=extras) as broker:
        yield Fortress(
            open=broker.address,
            ports=ports,
            folder=folder,
            authority=authority,
            stranger=stranger,
            client=authority.issue("client", organisation="Acme"),
            signer=signer,
        )


def _properties(authority: Authority, signer: Signer, pairs: dict[str, Pair]) -> dict[str, str]:
    protocols = {
        "CONTROLLER": "PLAINTEXT",
        "PLAINTEXT": "PLAINTEXT",
        "SCRAM": "SASL_SSL",
        "PLAIN": "SASL_PLAINTEXT",
        "MTLS": "SSL",
        "OAUTH": "SASL_SSL",
        "BRIEF": "SASL_SSL",
        "OTHERHOST": "SSL",
        "EXPIRED": "SSL",
    }
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    oauth = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
    validator = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
    properties = {
        "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in protocols.items()),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(pairs["here"].both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.otherhost.ssl.keystore.location": str(pairs["otherhost"].both),
        "listener.name.expired.ssl.keystore.location": str(pairs["expired"].both),
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.scram.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.scram.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.plain.plain.sasl.jaas.config": plain,
        # Connections of this listener end when their token does, or after this long.
        "listener.name.brief.oauthbearer.connections.max.reauth.ms": "2000",
    }
    for name in ("oauth", "brief"):
        properties |= {
            f"listener.name.{name}.sasl.enabled.mechanisms": "OAUTHBEARER",
            f"listener.name.{name}.oauthbearer.sasl.jaas.config": oauth,
            f"listener.name.{name}.oauthbearer.sasl.server.callback.handler.class": validator,
            # Said, since without it Kafka 4.1.1 took any signature.
            f"listener.name.{name}.sasl.oauthbearer.jwt.validator.class": CHECKED,
            f"listener.name.{name}.sasl.oauthbearer.jwks.endpoint.url": signer.jwks.as_uri(),
            f"listener.name.{name}.sasl.oauthbearer.expected.audience": "kafka",
        }
    return properties
