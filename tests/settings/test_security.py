"""`[security]`: what it comes to, and that no secret is shown when something is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.engine.secret import Secret
from stream.engine.security import Security
from stream.settings import remarks
from tests.settings.conftest import Load, Refuse

MARK = "hunter2-marked"
SCRAM = '[security]\nprotocol = "sasl_ssl"\nusername = "footfall"\n'


def test_without_it_nothing_is_encrypted(load_text: Load) -> None:
    security = load_text().connection.security
    assert security == Security()
    assert security.options() == {"security_protocol": "PLAINTEXT"}


def test_a_password_comes_from_a_file_and_is_read_anew(load_text: Load, tmp_path: Path) -> None:
    file = tmp_path / "password"
    document = f'[security]\nprotocol = "sasl_plaintext"\nusername = "u"\npassword_file = "{file}"\n'
    security = load_text(document).security
    for password in ("first", "second"):
        file.write_text(password + "\n")
        options = security.options()
        assert options["sasl_plain_password"] == password
        assert options["sasl_plain_username"] == "u"
        assert options["sasl_mechanism"] == "SCRAM-SHA-512"


def test_a_password_comes_from_the_environment(load_text: Load) -> None:
    settings = load_text(SCRAM, {"FOOTFALL_SECURITY__PASSWORD": MARK})
    assert settings.connection.options()["sasl_plain_password"] == MARK


def test_a_secret_in_the_file_is_refused_with_the_ways_out(refused: Refuse) -> None:
    [problem] = refused(SCRAM + f'password = "{MARK}"\n')
    assert problem.place is not None
    assert problem.place.endswith(":4")
    assert "security.password_file" in problem.takes
    assert "FOOTFALL_SECURITY__PASSWORD" in problem.takes


@pytest.mark.parametrize(
    ("document", "environ"),
    [
        (SCRAM + f'password = "{MARK}"', {}),
        (SCRAM + f'pasword = "{MARK}"', {}),
        (SCRAM + f'pass = "{MARK}"', {}),
        (SCRAM + f"password = {MARK}", {}),
        (SCRAM + f'password = "{MARK}', {}),
        (f'password = "{MARK}"', {}),
        (f'security = "{MARK}"', {}),
        (f'[security.password]\nvalue = "{MARK}"', {}),
        (f'[sasl]\nclient_secret = "{MARK}"', {}),
        (SCRAM, {"FOOTFALL_SECURITY_PASSWORD": MARK}),
        (SCRAM, {"FOOTFALL_SECURITY__PASSWRD": MARK}),
        (SCRAM, {"FOOTFALL_PASSWORD": MARK}),
        (SCRAM, {"FOOTFALL_SECURITY__CLIENT_SECRET": MARK}),
        (SCRAM, {"FOOTFALL_SECURITY__PASSWORD": MARK, "FOOTFALL_SECURITY__PASSWORD_FILE": "f"}),
        ("", {"FOOTFALL_SECURITY__PASSWORD": MARK}),
        (SCRAM, {"FOOTFALL_SECURITY__PASSWORD": MARK + "\udcff"}),
        (SCRAM, {"FOOTFALL_SECURITY__TOKEN_URL": f"https://a:{MARK}@b/c"}),
    ],
)
def test_no_error_shows_a_secret(refused: Refuse, document: str, environ: dict[str, str]) -> None:
    problems = refused(document, environ)
    assert problems
    assert MARK not in "\n".join([*map(str, problems), *map(repr, problems)])


def test_settings_do_not_show_a_secret(load_text: Load) -> None:
    settings = load_text(SCRAM, {"FOOTFALL_SECURITY__PASSWORD": MARK})
    assert MARK not in f"{settings!r} {settings} {settings.connection!r} {settings.security.password}"
    assert settings.security.password == Secret(MARK)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('protocol = "sasl_plaintext"\nmechanism = "PLAIN"\nusername = "u"\npassword_file = "p"', "readably"),
        ('protocol = "ssl"\ncheck_hostname = false', "pose as the broker"),
        (
            'protocol = "sasl_ssl"\nmechanism = "OAUTHBEARER"\ntoken_url = "http://id/t"\n'
            'client_id = "c"\nclient_secret_file = "s"',
            "is not https",
        ),
    ],
)
def test_what_is_unwise_is_remarked(load_text: Load, document: str, said: str) -> None:
    [remark] = remarks(load_text("[security]\n" + document))
    assert said in remark
