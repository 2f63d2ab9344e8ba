"""The ways to be let in, as settings, and a worker's stage behind each."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from click.testing import CliRunner

from stream.cli import main
from stream.settings import load
from tests.security.acls import Acl, parse
from tests.security.certificates import Signer
from tests.security.conftest import KEY_PASSWORD, USER, Fortress
from tests.worker.stage import Stage

CLIENT_ID = "footfall client"
CLIENT_SECRET = "marked-secret/+:&-51d0"
OAUTH_USER = "service-footfall"


def settings_for(fortress: Fortress, way: str, *, token_url: str = "") -> dict[str, object]:
    """The settings under `[security]` for a way in, and `broker`, by key."""
    listener, _, variant = way.partition(" ")
    settings: dict[str, object] = {"broker": fortress.at(listener)}
    if listener not in ("PLAIN",):
        settings["security.ca_file"] = fortress.authority.ca
    if listener in ("SCRAM", "PLAIN"):
        settings |= {
            "security.protocol": "sasl_ssl" if listener == "SCRAM" else "sasl_plaintext",
            "security.mechanism": variant or ("SCRAM-SHA-512" if listener == "SCRAM" else "PLAIN"),
            "security.username": USER,
            "security.password_file": fortress.password_file,
        }
    elif listener == "MTLS":
        encrypted = fortress.authority.issue("client", organisation="Acme", password=KEY_PASSWORD)
        password_file = fortress.folder / "key-password"
        password_file.write_text(KEY_PASSWORD)
        settings |= {
            "security.protocol": "ssl",
            "security.certificate_file": encrypted.certificate,
            "security.key_file": encrypted.key,
            "security.key_password_file": password_file,
        }
    elif listener in ("OAUTH", "BRIEF"):
        settings |= {"security.protocol": "sasl_ssl", "security.mechanism": "OAUTHBEARER"}
        if token_url:
            secret_file = fortress.folder / "client-secret"
            secret_file.write_text(CLIENT_SECRET)
            settings |= {
                "security.token_url": token_url,
                "security.client_id": CLIENT_ID,
                "security.client_secret_file": secret_file,
                "security.scope": "kafka",
            }
        else:
            token_file = fortress.folder / "token"
            token_file.write_text(fortress.signer.token(OAUTH_USER))
            settings["security.token_file"] = token_file
    else:
        settings["security.protocol"] = "ssl"
    return settings


def written(settings: dict[str, object]) -> str:
    """The same as lines of a configuration."""
    return "".join(
        f"{key} = {json.dumps(value if isinstance(value, bool) else str(value))}\n"
        for key, value in settings.items()
    )


async def stage(fortress: Fortress, name: str, folder: Path, settings: dict[str, object]) -> Stage:
    """Topics made by somebody who may, and a configuration for somebody who may only what we give."""
    here = Stage(fortress.open, name, folder, partitions=2)
    # Not below the prefix that is the group's own: each ACL shall be needed.
    here.config.write_text(here.config.read_text().replace(f"{name}-events", f"events-of-{name}"))
    here.settings = load(here.config, {})
    await here.create_topics()
    lines = here.config.read_text().splitlines(keepends=True)
    own = "".join(line for line in lines if not line.startswith("broker"))
    here.config.write_text(own + written(settings))
    here.settings = load(here.config, {})
    return here


def listed(config: Path, command: str = "worker") -> list[Acl]:
    """The ACLs that `footfall check --acls` lists for a command."""
    result = CliRunner().invoke(main, ["check", "--acls", "--config", str(config)])
    assert result.exit_code == 0, result.output
    sections = dict(section.split("\n", 1) for section in result.output.removeprefix("# ").split("\n# "))
    return [acl for line in sections[f"footfall {command}"].splitlines() for acl in parse(in_shell(line))]


def in_shell(line: str) -> str:
    """The line with what a shell puts in for `$(…)`."""
    before, found, rest = line.partition("$(")
    if not found:
        return line
    command, _, after = rest.partition(")")
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    return before + done.stdout.strip() + after


@contextmanager
def token_endpoint(signer: Signer, *, life_s: float = 3600) -> Iterator[tuple[str, list[str]]]:
    """The URL of an endpoint that gives tokens to `CLIENT_ID`, and the list of those it gave."""
    given: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            client = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
            who = tuple(map(urllib.parse.unquote_plus, client.split(":")))
            if self.path == "/elsewhere":
                self._answer(307, {}, {"Location": "http://127.0.0.1:1/"})
            elif self.path == "/page":
                self._answer(200, {"hello": "there"})
            elif who != (CLIENT_ID, CLIENT_SECRET):
                self._answer(401, {"error": "invalid_client", "error_description": f"{who}"})
            elif form != {"grant_type": ["client_credentials"], "scope": ["kafka"]}:
                self._answer(400, {"error": "invalid_scope"})
            else:
                given.append(signer.token(OAUTH_USER, life_s=life_s))
                self._answer(200, {"access_token": given[-1], "token_type": "Bearer", "expires_in": life_s})

        def _answer(self, code: int, body: object, headers: dict[str, str] | None = None) -> None:
            self.send_response(code)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token", given
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
