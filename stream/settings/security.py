"""What the settings under `[security]` must fulfil together, and what they come to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stream.engine.secret import Secret
from stream.engine.security import OAuth, Security, Tls
from stream.settings.findings import Findings
from stream.settings.kinds import HIDDEN, show

TLS = ("ca_file", "certificate_file", "key_file", "key_password", "key_password_file", "check_hostname")
PASSWORD = ("username", "password", "password_file")
TOKEN = (
    "token_file", "token_url", "token_ca_file", "client_id", "client_secret", "client_secret_file", "scope",
)  # fmt: skip
ENDPOINT = ("token_url", "token_ca_file", "client_id", "client_secret", "client_secret_file", "scope")

_TELLING = re.compile(r"(?i)passw|secret|token|credential|pwd|api_?key|jaas|security")


def shown(key: str, value: object) -> str:
    """A value for the 'got' of an error, unless its key looks as if it was meant to hold a secret."""
    return HIDDEN if _TELLING.search(key) else show(value)


def check(values: Mapping[str, Any], given: Collection[str], findings: Findings) -> None:
    """That what is given is used by the protocol and the mechanism, and that what these need is given.

    `given` has the keys that are set to something, by the file or the environment.
    """
    if any(key.startswith("security.") and findings.spoilt(key) for key in values):
        return
    protocol, mechanism = values["security.protocol"], values["security.mechanism"]
    unused = _names(given) - {"protocol", *_used(protocol, mechanism)}
    for name in sorted(unused):
        findings.add(("security", name), _got(name, values), _not_used(name, protocol))
    if unused:
        return
    if not protocol.startswith("sasl"):
        needed: tuple[str, ...] = ()
    elif mechanism != "OAUTHBEARER":
        needed = ("username", "password")
    elif values["security.token_file"] is not None:
        needed = ()
        for name in ENDPOINT:
            if values[f"security.{name}"] is not None:
                takes = "nothing beside security.token_file, where the token comes from then"
                findings.add(("security", name), _got(name, values), takes)
    elif values["security.token_url"] is None:
        takes = "the token endpoint's URL, or set security.token_file"
        findings.add(("security", "token_url"), "nothing", takes)
        needed = ()
    else:
        needed = ("client_id", "client_secret")
    for name in needed:
        _require(name, values, findings)
    for name in ("password", "key_password", "client_secret"):
        if values[f"security.{name}"] is not None and values[f"security.{name}_file"] is not None:
            takes = f"nothing beside security.{name}, which is set too: leave one of them out"
            findings.add(("security", f"{name}_file"), _got(f"{name}_file", values), takes)
    if values["security.certificate_file"] is None:
        for name in ("key_file", "key_password", "key_password_file"):
            if values[f"security.{name}"] is not None:
                takes = "nothing, or set security.certificate_file, whose key it is"
                findings.add(("security", name), _got(name, values), takes)


def _names(keys: Collection[str]) -> set[str]:
    return {key.removeprefix("security.") for key in keys if key.startswith("security.")}


def _used(protocol: str, mechanism: str) -> tuple[str, ...]:
    used: tuple[str, ...] = ()
    if protocol in ("ssl", "sasl_ssl"):
        used += TLS
    if protocol in ("sasl_plaintext", "sasl_ssl"):
        used += ("mechanism", *(TOKEN if mechanism == "OAUTHBEARER" else PASSWORD))
    return used


def _not_used(name: str, protocol: str) -> str:
    """What would make a setting of use. Said rather than passed over: else all goes over an open line."""
    if name in TLS:
        ways_out = '"ssl" or "sasl_ssl"'
    elif protocol in ("sasl_plaintext", "sasl_ssl"):
        mechanism = "OAUTHBEARER" if name in TOKEN else "SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"
        return f"nothing with this security.mechanism; it is for {mechanism}"
    else:
        ways_out = '"sasl_ssl" or "sasl_plaintext"'
    return f'nothing with security.protocol = "{protocol}"; set that to {ways_out}'


def _require(name: str, values: Mapping[str, Any], findings: Findings) -> None:
    """A setting that must be there; a secret by one of its two ways."""
    key = f"security.{name}"
    if values[key] is None and values.get(f"{key}_file") is None:
        variable = "FOOTFALL_" + key.upper().replace(".", "__")
        takes = "a text, which this protocol and mechanism need"
        if f"{key}_file" in values:
            takes = f"a file that holds it, as {key}_file, or the variable {variable}"
        findings.add(("security", name), "nothing", takes)


def _got(name: str, values: Mapping[str, Any]) -> str:
    value = values[f"security.{name}"]
    return HIDDEN if isinstance(value, Secret) else show(value if isinstance(value, bool) else str(value))


def secret(values: Mapping[str, Any], key: str) -> Secret | None:
    """A secret that is given by itself, or by a file."""
    found: Secret | None = values[key]
    return Secret(file=values[f"{key}_file"]) if values[f"{key}_file"] is not None else found


def assemble(values: Mapping[str, Any]) -> Security:
    """The settings as the engine takes them."""

    def of(name: str) -> Any:
        return values[f"security.{name}"]

    return Security(
        protocol=of("protocol"),
        mechanism=of("mechanism"),
        username=of("username") or "",
        password=secret(values, "security.password"),
        tls=Tls(
            ca_file=of("ca_file"),
            certificate_file=of("certificate_file"),
            key_file=of("key_file"),
            key_password=secret(values, "security.key_password"),
            check_hostname=of("check_hostname"),
        ),
        oauth=OAuth(
            token_file=of("token_file"),
            token_url=of("token_url"),
            token_ca_file=of("token_ca_file"),
            client_id=of("client_id") or "",
            client_secret=secret(values, "security.client_secret"),
            scope=of("scope"),
        ),
    )


def remarks(security: Security) -> Iterator[str]:
    """What is allowed and not wise."""
    if security.protocol == "sasl_plaintext" and security.mechanism in ("PLAIN", "OAUTHBEARER"):
        what = "password" if security.mechanism == "PLAIN" else "token"
        yield (
            f'security.protocol = "sasl_plaintext" with {security.mechanism} sends the {what} readably '
            'over the network; "sasl_ssl" encrypts it'
        )
    if security.encrypted and not security.tls.check_hostname:
        yield "security.check_hostname = false: anybody with a certificate of that CA can pose as the broker"
    token_url = security.oauth.token_url or ""
    if security.sasl and security.mechanism == "OAUTHBEARER" and token_url.startswith("http:"):
        yield "security.token_url is not https: the client's secret goes readably over the network"
