"""What keeps us out is said in words, by the worker and the commands: what is wrong, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from stream.cli import main
from stream.engine.errors import EngineError
from stream.settings import load
from stream.worker import work
from tests.security.certificates import Signer
from tests.security.conftest import KEY_PASSWORD, PASSWORD, Fortress
from tests.security.ways import CLIENT_SECRET, settings_for, token_endpoint, written

WRONG = "marked-wrong-password-08e2"
Change = Callable[[Fortress], dict[str, object]]


class Case(NamedTuple):
    """A way in, what is changed about it (None takes a setting away), and what is said then."""

    way: str
    change: Change
    found: str
    advice: str


def wrong_password(fortress: Fortress) -> dict[str, object]:
    file = fortress.folder / "wrong"
    file.write_text(WRONG)
    return {"security.password_file": file}


def expired_token(fortress: Fortress) -> dict[str, object]:
    file = fortress.folder / "expired-token"
    file.write_text(fortress.signer.token("somebody", life_s=-100))
    return {"security.token_file": file}


def forged_token(fortress: Fortress) -> dict[str, object]:
    folder = fortress.folder / "forged"
    folder.mkdir(exist_ok=True)
    file = folder / "token"
    file.write_text(Signer(folder).token("somebody"))
    return {"security.token_file": file}


def certificate_of(fortress: Fortress, stranger: bool, days: float = 5) -> dict[str, object]:
    authority = fortress.stranger if stranger else fortress.authority
    pair = authority.issue(f"client-{stranger}-{days:g}", days=days)
    return {
        "security.certificate_file": pair.certificate,
        "security.key_file": pair.key,
        "security.key_password_file": None,
    }


def other_key(fortress: Fortress) -> dict[str, object]:
    return {"security.key_file": fortress.authority.issue("another").key, "security.key_password_file": None}


def wrong_key_password(fortress: Fortress) -> dict[str, object]:
    file = fortress.folder / "wrong"
    file.write_text(WRONG)
    return {"security.key_password_file": file}


NO_CERTIFICATE: dict[str, object] = {
    f"security.{name}": None for name in ("certificate_file", "key_file", "key_password_file")
}
NO_USER: dict[str, object] = {f"security.{name}": None for name in ("mechanism", "username", "password_file")}

CASES = {
    "wrong password": Case("SCRAM", wrong_password, "refuses user footfall: .*invalid", "security.password"),
    "wrong password by PLAIN": Case("PLAIN", wrong_password, "refuses user footfall", "security.password"),
    "no such file": Case(
        "SCRAM",
        lambda _: {"security.password_file": "/no/password"},
        "/no/password, which should hold a secret, cannot be read: No such file",
        "correct the path",
    ),
    "wrong mechanism": Case(
        "SCRAM",
        lambda _: {"security.mechanism": "PLAIN"},
        "does not take PLAIN, but SCRAM-SHA-",
        "security.mechanism",
    ),
    "unknown CA": Case(
        "SCRAM",
        lambda fortress: {"security.ca_file": fortress.stranger.ca},
        "is not vouched for by a CA in .*Another-CA.pem",
        "set security.ca_file",
    ),
    "no CA": Case(
        "SCRAM",
        lambda fortress: {"security.ca_file": fortress.client.key},
        "holds no CA certificates",
        "BEGIN CERTIFICATE",
    ),
    "other host name": Case("OTHERHOST", lambda _: {}, "is not for 127.0.0.1", "advertised.listeners"),
    "expired certificate": Case("EXPIRED", lambda _: {}, "has expired", "renew it on the broker"),
    "TLS spoken to plaintext": Case(
        "PLAIN",
        lambda _: {"security.protocol": "sasl_ssl"},
        "does not speak TLS, and security.protocol is sasl_ssl",
        "the port with TLS",
    ),
    "plaintext spoken to TLS": Case(
        "SCRAM",
        lambda _: {"security.protocol": "sasl_plaintext", "security.ca_file": None},
        "speaks TLS, and security.protocol is sasl_plaintext",
        'set security.protocol to "sasl_ssl"',
    ),
    "no SASL spoken to SASL": Case(
        "SCRAM",
        lambda _: {**NO_USER, "security.protocol": "ssl"},
        "asks who we are .by SCRAM-SHA-",
        'set security.protocol to "sasl_ssl"',
    ),
    "SASL spoken to none": Case(
        "OTHERHOST",
        lambda fortress: {
            **settings_for(fortress, "SCRAM"),
            "broker": fortress.at("OTHERHOST"),
            "security.check_hostname": False,
        },
        "does not ask for a user",
        'security.protocol to "ssl"',
    ),
    "no client certificate": Case(
        "MTLS", lambda _: NO_CERTIFICATE, "a client must show a certificate", "set security.certificate_file"
    ),
    "a stranger's certificate": Case(
        "MTLS",
        lambda fortress: certificate_of(fortress, True),
        "does not accept the certificate",
        "from a CA in",
    ),
    "an expired client certificate": Case(
        "MTLS",
        lambda fortress: certificate_of(fortress, False, days=-1),
        "does not accept the certificate",
        "not expired",
    ),
    "another key": Case("MTLS", other_key, "is not that of the certificate", "security.key_file"),
    "wrong key password": Case("MTLS", wrong_key_password, "password for .* is wrong", "key_password"),
    "no key password": Case(
        "MTLS", lambda _: {"security.key_password_file": None}, "is encrypted", "security.key_password_file"
    ),
    "expired token": Case("OAUTH", expired_token, "refuses the token for somebody: it", "broker's log"),
    "forged token": Case("OAUTH", forged_token, "refuses the token for somebody", "broker's log"),
}


def config_of(fortress: Fortress, folder: Path, case: Case) -> Path:
    settings = settings_for(fortress, case.way) | case.change(fortress)
    config = folder / "footfall.toml"
    config.write_text(written({key: value for key, value in settings.items() if value is not None}))
    return config


@pytest.mark.kafka
@pytest.mark.parametrize("name", CASES)
def test_check_says_what_keeps_us_out(fortress: Fortress, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    config = config_of(fortress, tmp_path, case)
    result = CliRunner().invoke(main, ["check", "--config", str(config)])
    assert result.exit_code == 1
    failed = result.output.split("FAIL  broker: ")[1]
    found, _, advice = failed.partition("-> ")
    assert re.search(case.found, found), failed
    assert case.advice in advice, failed
    assert WRONG not in result.output
    assert "Traceback" not in result.output


SAME = ("wrong password", "unknown CA", "plaintext spoken to TLS", "no client certificate", "no such file")


@pytest.mark.kafka
@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("command", ["topics create", "tail transitions", "explain ada", "simulate"])
def test_other_commands_say_the_same(fortress: Fortress, tmp_path: Path, name: str, command: str) -> None:
    case = CASES[name]
    config = config_of(fortress, tmp_path, case)
    options = ["--config", str(config)]
    if command == "simulate":
        options += ["--broker", load(config, {}).broker, "--events", "1"]
    result = CliRunner().invoke(main, [*command.split(), *options])
    assert result.exit_code == 1
    assert re.search(case.found, result.output), result.output
    assert case.advice in result.output
    assert WRONG not in result.output


@pytest.mark.kafka
@pytest.mark.parametrize("name", CASES)
async def test_the_worker_says_the_same(fortress: Fortress, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    settings = load(config_of(fortress, tmp_path, case), {})
    with pytest.raises(EngineError) as refused:
        await work(settings)
    said = str(refused.value)
    assert re.search(case.found, said)
    assert case.advice in said
    assert WRONG not in said


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("change", "found", "advice"),
    [
        ({"security.client_id": "nobody"}, "gives no token: HTTP 401, invalid_client", "security.client_id"),
        ({"security.scope": "mail"}, "gives no token: HTTP 400, invalid_scope", "security.scope"),
        ({"security.token_url": "/page"}, "answers with something else than a token", "the token endpoint"),
        ({"security.token_url": "/elsewhere"}, "gives no token: HTTP 307", "security.token_url"),
        ({"security.token_url": "https://127.0.0.1:1/token"}, "no answer from https://127", "the address"),
        ({"security.client_secret_file": "/no/secret"}, "/no/secret, which should hold a secret", "correct"),
    ],
)
def test_what_is_wrong_with_the_token_endpoint_is_said(
    fortress: Fortress, tmp_path: Path, change: dict[str, str], found: str, advice: str
) -> None:
    with token_endpoint(fortress.signer) as (url, _):
        settings = settings_for(fortress, "OAUTH", token_url=url) | change
        if str(settings["security.token_url"]).startswith("/"):
            settings["security.token_url"] = url.removesuffix("/token") + str(settings["security.token_url"])
        config = tmp_path / "footfall.toml"
        config.write_text(written(settings))
        result = CliRunner().invoke(main, ["check", "--json", "--config", str(config)])
    assert result.exit_code == 1
    assert found in result.output
    assert advice in result.output
    for mark in (CLIENT_SECRET, PASSWORD, KEY_PASSWORD):
        assert mark not in result.output
