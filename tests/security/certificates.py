"""Certificates and tokens made for the tests: a CA, what it vouches for, and what it should not have."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import time
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
_PEM, _PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


class Pair(NamedTuple):
    """Files: a certificate, its key, and both in one, as Kafka takes them."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """A CA of its own, with its certificate in `ca`."""

    def __init__(self, folder: Path, name: str = "Footfall test CA") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._name, self._name, self._key, days=10)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.ca = folder / f"{name.replace(' ', '-')}.pem"
        self.ca.write_bytes(self._certificate.public_bytes(_PEM))

    def issue(
        self, name: str, *hosts: str, days: float = 5, password: str | None = None, organisation: str = ""
    ) -> Pair:
        """A certificate for `CN=name`, good for `hosts`; expired where `days` is negative."""
        key = ec.generate_private_key(ec.SECP256R1())
        # The string form (RFC 2253) has it the other way round: CN first.
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
        subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._name, key, days=days)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_host, hosts))), False)
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM)
        encryption = (
            serialization.BestAvailableEncryption(password.encode())
            if password
            else serialization.NoEncryption()
        )
        private = key.private_bytes(_PEM, _PKCS8, encryption)
        stem = self._folder / f"{name}{'-encrypted' if password else ''}"
        pair = Pair(*(stem.with_suffix(suffix) for suffix in (".crt", ".key", ".pem")))
        pair.certificate.write_bytes(certificate)
        pair.key.write_bytes(private)
        pair.both.write_bytes(private + certificate)
        return pair


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: float
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 10 * DAY)
        .not_valid_after(now + days * DAY)
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Signer:
    """Signs tokens (JWT, RS256); `jwks` is the file by which a broker verifies them."""

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._key.public_key().public_numbers()
        public = {"kty": "RSA", "kid": "test", "alg": "RS256", "use": "sig"}
        public |= {name: _number(getattr(numbers, name)) for name in ("n", "e")}
        self.jwks = folder / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [public]}))

    def token(self, subject: str, *, life_s: float = 3600) -> str:
        """A token for `subject`, good from now on for so many seconds."""
        now_s = int(time.time())
        claims = {"sub": subject, "aud": "kafka", "iss": "https://id.test", "iat": now_s}
        parts = [{"alg": "RS256", "kid": "test", "typ": "JWT"}, claims | {"exp": int(now_s + life_s)}]
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encoded(signature)}"


def _number(number: int) -> str:
    return _encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
